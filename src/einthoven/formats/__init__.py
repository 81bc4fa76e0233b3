"""Floor 3. One file a format on disk: bytes to Source and Record, and back."""

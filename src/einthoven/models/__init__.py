"""Floor 5. One file an architecture; it knows shapes, nothing of files."""

"""Floor 9. A run to a bundle; verifies what it made."""

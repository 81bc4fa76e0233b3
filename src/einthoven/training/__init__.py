"""Floor 7. A recipe in, a run folder out."""

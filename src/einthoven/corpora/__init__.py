"""Floor 4. One file a public data set."""

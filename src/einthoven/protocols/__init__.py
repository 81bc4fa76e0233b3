"""Floor 5. Who may be tested on whom."""

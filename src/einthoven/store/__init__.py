"""Floor 6. Windows cut once by corpus and InputSpec, memory-mapped."""

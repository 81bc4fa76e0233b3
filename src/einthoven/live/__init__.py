"""Floor 9. Sources and sinks of streams around the engine."""

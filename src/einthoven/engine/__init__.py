"""Floor 5. From chunks of samples to events and Findings."""

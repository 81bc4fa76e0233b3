"""Floor 4. InputSpec to arrays: beat windows, RR and template features, statistics of a patient."""

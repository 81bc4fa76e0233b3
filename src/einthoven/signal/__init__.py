"""Floor 3. Plain functions from samples to samples, marks or a drawing."""

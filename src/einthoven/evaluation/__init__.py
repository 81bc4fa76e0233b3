"""Floor 4. Judges a table of predictions: metrics, calibration, intervals; numpy only."""

"""Floor 9. Findings to HTML and plots; results to tables and pages."""

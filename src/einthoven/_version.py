"""The version, in one place for the code; pyproject reads it here."""

__version__ = "0.1.0"

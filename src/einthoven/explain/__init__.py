"""Asks a model why, in the words of waves and leads."""

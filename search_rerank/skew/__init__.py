"""Served features beside replayed ones: the feature log, and checks for skew and for leaks."""

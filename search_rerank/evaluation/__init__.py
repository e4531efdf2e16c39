"""Measures, intervals and paired tests over rankings."""

"""Columns for (query, item) pairs, the same code in replay and in service."""

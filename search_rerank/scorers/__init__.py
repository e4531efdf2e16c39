"""Functions of a history: each gives every candidate one number."""

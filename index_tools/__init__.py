"""The catalogue in: files to a verified version of the index."""

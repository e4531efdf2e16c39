"""Several columns become one order."""

"""Every figure we quote: python -m benchmarks.NAME prints it and writes JSON."""

"""What happened so far: histories and counters."""

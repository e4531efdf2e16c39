"""State on a Redis server: several machines share what happened so far."""

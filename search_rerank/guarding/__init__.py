"""What keeps a part that fails, hangs or is late from costing more than its own share."""

"""Where items are indexed and retrieved: one contract, one file per engine."""

"""The catalogue and the log: what a shop sells and what its shoppers did."""

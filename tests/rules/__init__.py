"""Rules of the shop."""

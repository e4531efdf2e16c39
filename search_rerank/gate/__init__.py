"""Whether a new bundle may go live: not worse than the live one, quick and small enough."""

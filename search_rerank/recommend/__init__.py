"""Candidates for the pages without a query: where they come from, by scope."""

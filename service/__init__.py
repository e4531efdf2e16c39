"""The shop's search box over HTTP."""

"""Rules of the shop: what is pinned, moved, capped or never shown, whatever the model says."""

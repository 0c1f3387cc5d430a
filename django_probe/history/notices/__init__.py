"""Tells people and machines when a gate's state changes: what changed, what is to be said, and its delivery."""

"""Starts runs for those who ask over HTTP."""

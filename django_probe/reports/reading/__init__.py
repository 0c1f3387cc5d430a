"""Reads reports back: the JSON record, and what was printed into a log."""

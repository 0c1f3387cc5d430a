"""Writes and reads the rows of the history."""

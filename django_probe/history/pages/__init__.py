"""Draws the pages: each is a function of its arguments, and returns HTML."""

"""Draws the pages: each is a function of what it is given, and gives HTML."""

"""Finds what looks like a probe and would never run: nobody imports it, takes it for a test, or sees it."""

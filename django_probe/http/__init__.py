"""Asks over HTTP: one way of it for declared checks, and for probes in Python."""

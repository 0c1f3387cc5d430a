"""Holds every database connection of a process to what a probe may do."""

"""Keeps the records of runs: history, pages, triggers and metrics under `/probe/`; an app with two tables."""

"""Keeps what runs said: history, pages, triggers and metrics under `/probe/`; an app of its own, with two tables."""

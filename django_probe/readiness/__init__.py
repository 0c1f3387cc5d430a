"""Keeps and answers whether this web process is ready."""

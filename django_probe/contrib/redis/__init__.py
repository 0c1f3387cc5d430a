"""Probes of the Redis servers that caches, Celery and channel layers use."""

"""Probes of Celery: the broker answers, the workers do, and no queue grows too long."""

"""Where Django looks for `manage.py probe_suggest`, which is in `management.suggestion`."""

from django_probe.management.suggestion import Command

__all__ = ["Command"]

"""Probes of the static files that `collectstatic` made."""

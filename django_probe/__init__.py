"""Probes of a live Django system, and the gate that decides whether a rollout may go on."""

from django_probe.attachments import attach
from django_probe.terms import probe

__all__ = ["__version__", "attach", "probe"]
__version__ = "0.1.0"

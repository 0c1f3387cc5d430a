"""The error of a notice that did not arrive."""

from __future__ import annotations


class UndeliveredError(Exception):
    """A notice was not delivered; the message says why in a few words, and holds nothing of the URL."""

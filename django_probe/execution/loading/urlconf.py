"""Loads the URLconf once, before workers are forked: else each loads it again, in the time of a probe.

It is loaded for every run of probes. What a probe needs of it (a `Client`, `reverse()`, a library that calls it) does
not show before the probe runs; and every command of Django's that checks the project has the same price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import get_resolver

from django_probe.execution.failures import message_of

if TYPE_CHECKING:
    from collections.abc import Callable


def load_urlconf(announce: Callable[[str, str], None]) -> str:
    """Load what ROOT_URLCONF names, where there is one; `announce` is told before, as of a probes module.

    That it does not import is no error here: the probes that need it say so. Then return a sentence, else nothing.
    """
    if name := getattr(settings, "ROOT_URLCONF", None):
        announce("urlconf", f"the URLconf {name}")
        try:
            _ = get_resolver().url_patterns
        except (Exception, SystemExit) as error:  # noqa: BLE001 (it is the project's code)
            return f"the URLconf {name} does not import ({message_of(error)}); probes that need it will say so"
    return ""

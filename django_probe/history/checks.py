"""The system checks of the history's settings.

They import no probe and ask no database, so every command may run them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connections

from django_probe import conf
from django_probe.history.http.access import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig

_URL: Final = re.compile(r"https?://[^\s/]\S*")


def check_history(
    app_configs: Sequence[AppConfig] | None = None,  # noqa: ARG001 (the settings are no app's)
    **_options: Any,
) -> list[CheckMessage]:
    """E003: malformed tokens.

    E004 to E008: PROBE_HISTORY_DATABASE, PROBE_HISTORY_DAYS, PROBE_PUBLIC_BADGES, PROBE_PUBLIC_URL,
    PROBE_METRICS_PER_PROBE.
    """
    return [*_tokens(), *_database(), *_days(), *_badges(), *_public_url(), *_metrics()]


def _tokens() -> list[CheckMessage]:
    hint = "No token of the settings is accepted until it is corrected. `openssl rand -hex 32` makes a good one."
    return [Error(problem, hint=hint, id="django_probe.E003") for problem in tokens.setting_problems()]


def _database() -> list[CheckMessage]:
    alias = conf.history_database()
    known = list(connections)
    if alias in known:
        return []
    what = f'PROBE_HISTORY_DATABASE: DATABASES has no "{alias}".'
    return [Error(what, hint=f"It has: {', '.join(known)}.", id="django_probe.E004")]


def _days() -> list[CheckMessage]:
    days = getattr(settings, "PROBE_HISTORY_DAYS", 30)
    if isinstance(days, int) and not isinstance(days, bool) and days >= 1:
        return []
    what = f"PROBE_HISTORY_DAYS: expected a whole number of at least 1, not {days!r}."
    return [Error(what, hint="How many days of runs are kept; 30 if it is not set.", id="django_probe.E005")]


def _badges() -> list[CheckMessage]:
    names = getattr(settings, "PROBE_PUBLIC_BADGES", None) or ()
    if isinstance(names, list | tuple | set | frozenset) and all(isinstance(name, str) for name in names):
        return []
    what = f"PROBE_PUBLIC_BADGES: expected a list of the names of gates, not {names!r}."
    return [Error(what, hint="No badge is public until it is corrected.", id="django_probe.E006")]


def _public_url() -> list[CheckMessage]:
    url = getattr(settings, "PROBE_PUBLIC_URL", None)
    if not url or (isinstance(url, str) and _URL.fullmatch(url)):
        return []
    what = f"PROBE_PUBLIC_URL: expected a URL that begins with https:// or http://, not {url!r}."
    return [Error(what, hint="The links of notices begin with it.", id="django_probe.E007")]


def _metrics() -> list[CheckMessage]:
    wanted = getattr(settings, "PROBE_METRICS_PER_PROBE", None)
    if wanted is None or isinstance(wanted, bool):
        return []
    what = f"PROBE_METRICS_PER_PROBE: expected True or False, not {wanted!r}."
    return [Error(what, hint="Any text but the empty one, such as 'no', counts as True.", id="django_probe.E008")]

"""The names of all settings and environment variables, and what somebody may have meant who wrote another.

A misspelt one would be read by nobody: `PROBE_TARGET` asks nothing, and the gate passes.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX: Final = "PROBE_"
SETTINGS: Final = frozenset({
    "PROBE_BASE_URL",
    "PROBE_CELERY_APP",
    "PROBE_CELERY_QUEUES",
    "PROBE_CELERY_TIMEOUT",
    "PROBE_CELERY_WORKERS",
    "PROBE_CHANNELS_TIMEOUT",
    "PROBE_DISK",
    "PROBE_HISTORY_DATABASE",
    "PROBE_HISTORY_DAYS",
    "PROBE_LOG_LEVEL",
    "PROBE_METRICS_PER_PROBE",
    "PROBE_POLICY",
    "PROBE_PUBLIC_BADGES",
    "PROBE_PUBLIC_URL",
    "PROBE_REDACT",
    "PROBE_REDIS_MEMORY_PERCENT",
    "PROBE_RELEASE_HEADER",
    "PROBE_RUNNER",
    "PROBE_TARGETS",
    "PROBE_TARGET_TIMEOUT",
    "PROBE_TOKENS",
    "PROBE_TOKENS_FILE",
    "PROBE_URL_PREFIX",
})  # fmt: skip
VARIABLES: Final = frozenset({
    "PROBE_HISTORY_DATABASE_URL",  # this one, and the next, of the image alone; so are some that are settings, too
    "PROBE_PATH",
    "PROBE_RELEASE",
    "PROBE_REPORT_SINK",
    "PROBE_RUN_ID",
    "PROBE_TERMINATION_LOG",
    "PROBE_TRIGGER",
})  # fmt: skip
"""What is read from the environment alone; a setting of such a name is not read."""
OWN: Final = frozenset({"PROBE_SERVED_BY", "PROBE_SUGGESTION", "PROBE_SUPERVISOR"})
"""What one process of ours says to another in its environment."""
_KNOWN: Final = SETTINGS | VARIABLES
_LIKE: Final = 0.7
"""How like a known name, without its prefix, a variable is that was meant to be it: one of a team's own may be near."""
# What Kubernetes gives each container for a Service whose name begins with "probe", compiled where one is met.
_OF_A_SERVICE: Final = (
    r"PROBE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def settings(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield a sentence and a hint for each of a project's settings that is read by nobody."""
    for name in sorted(names):
        if not name.startswith(PREFIX) or name in SETTINGS:
            continue
        if name in VARIABLES:
            yield f"{name} is read from the environment alone, and this setting by nobody.", "Take it out."
            continue
        near = _nearest(name, SETTINGS, 0.6)
        meant = f'Did you mean "{near}"? ' if near else ""
        yield f"{name} is no setting of django_probe's.", f"{meant}Give one of your own another prefix than {PREFIX}."


def variables(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each variable of the environment that looks like a known one misspelt, with a sentence that says so."""
    for name in sorted(names):
        if not name.startswith(PREFIX) or name in _KNOWN or name in OWN or re.fullmatch(_OF_A_SERVICE, name):
            continue
        if near := _nearest(name, _KNOWN, _LIKE):
            yield name, f'the environment variable {name} is read by nobody; did you mean "{near}"?'


def _nearest(name: str, known: Iterable[str], cutoff: float) -> str:
    rests = [each.removeprefix(PREFIX) for each in sorted(known)]
    close = difflib.get_close_matches(name.removeprefix(PREFIX), rests, 1, cutoff)
    return f"{PREFIX}{close[0]}" if close else ""

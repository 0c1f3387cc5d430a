"""What the settings say, and the environment where they say nothing; the only value module that reads settings."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import import_string

from django_probe.errors import UsageError
from django_probe.process.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_probe.policy.gates import Gate, Policy

_in_force: Final[ContextVar[Policy | None]] = ContextVar("django_probe_policy", default=None)
"""The policy of the run that loads its probes: --policy may have named it. Other threads have their own."""
DEFAULT_RUNNER: Final = "django_probe.simple.DjangoProbeSuiteRunner"


def runner_path() -> str:
    """Return the dotted path of the runner class, from settings.PROBE_RUNNER."""
    return str(getattr(settings, "PROBE_RUNNER", None) or DEFAULT_RUNNER)


def runner() -> Callable[..., Any]:
    """Import what makes the runner; raise UsageError where that cannot be done."""
    path = runner_path()
    try:
        found: Callable[..., Any] = import_string(path)
    except BaseException as error:  # a module that ends Python would end it with an exit code of its own
        raise UsageError(f"PROBE_RUNNER: {path} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def policy_path() -> str | None:
    """Return the policy file of settings.PROBE_POLICY, else of the environment's PROBE_POLICY, else None."""
    path = getattr(settings, "PROBE_POLICY", None) or environment("PROBE_POLICY")
    return str(path) if path else None


def policy(path: str | None = None) -> Policy:
    """Return the policy in force; else read the file at `path`, else where settings or environment name one.

    Raise PolicyError where it is none.
    """
    if path is None and (ruling := _in_force.get()):
        return ruling
    from django_probe.policy.gates import NO_POLICY  # noqa: PLC0415 (every server imports this module)

    path = policy_path() if path is None else path
    if path is None:
        return NO_POLICY
    from django_probe.policy.file import read_policy  # noqa: PLC0415 (a run without a policy need not pay for it)

    return read_policy(path)


@contextmanager
def in_force(policy: Policy | None) -> Iterator[None]:
    """Let `policy()` return this one meanwhile, in this thread."""
    token = _in_force.set(policy)
    try:
        yield
    finally:
        _in_force.reset(token)


def log_level() -> int:
    """Return the level from which what probes log is kept: that of settings.PROBE_LOG_LEVEL, a name or a number.

    It is WARNING where nothing is set. Raise UsageError where there is no such level.
    """
    given = getattr(settings, "PROBE_LOG_LEVEL", None) or logging.WARNING
    level = logging.getLevelNamesMapping().get(given.upper()) if isinstance(given, str) else given
    if not isinstance(level, int) or isinstance(level, bool) or level < 1:
        raise UsageError(f'PROBE_LOG_LEVEL: expected a level such as "INFO" or "WARNING", got {given!r}')
    return level


def url_prefix() -> Any:
    """Return what settings.PROBE_URL_PREFIX says of where the URLs are; the middleware says whether it can be right."""
    return getattr(settings, "PROBE_URL_PREFIX", "/probe/")


def public_url() -> str:
    """Return the URL of the status page as people see it, from settings.PROBE_PUBLIC_URL; empty if that is not set."""
    url = str(getattr(settings, "PROBE_PUBLIC_URL", None) or "")
    return url if not url or url.endswith("/") else f"{url}/"


def notify_problem(gate: Gate) -> str:
    """Return one sentence where a gate has recipients, and no history that could know what to tell them; else ""."""
    if not gate.notify or apps.is_installed("django_probe.history"):
        return ""
    return (
        f'gates.{gate.name}.notify: the history knows what changed: add "django_probe.history" to INSTALLED_APPS, or '
        f"take the key out"
    )


def history_database() -> str:
    """Return the alias of the database that keeps the history, from settings.PROBE_HISTORY_DATABASE."""
    return str(getattr(settings, "PROBE_HISTORY_DATABASE", None) or "default")


def public_badges() -> frozenset[str]:
    """Return the gates whose badges anybody may see, from settings.PROBE_PUBLIC_BADGES; none where it is no list."""
    names = getattr(settings, "PROBE_PUBLIC_BADGES", None) or ()
    return frozenset(map(str, names)) if isinstance(names, list | tuple | set | frozenset) else frozenset()


def history_days() -> int:
    """Return how many days of runs are kept, from settings.PROBE_HISTORY_DAYS."""
    return int(getattr(settings, "PROBE_HISTORY_DAYS", None) or 30)

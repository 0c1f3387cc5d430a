"""What the settings and the environment say; the only value module that reads Django's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from django.conf import settings

from django_probe.policy import NO_POLICY, Policy, read_policy

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_RUNNER: Final = "django_probe.simple.DjangoProbeSuiteRunner"


def runner_path() -> str:
    """Give the dotted path of the runner class, from settings.PROBE_RUNNER."""
    return str(getattr(settings, "PROBE_RUNNER", None) or DEFAULT_RUNNER)


def policy_path() -> str | None:
    """Give the policy file of settings.PROBE_POLICY, else of the environment's PROBE_POLICY, else None."""
    path = getattr(settings, "PROBE_POLICY", None) or environment("PROBE_POLICY")
    return str(path) if path else None


def policy(path: str | None = None) -> Policy:
    """Read the policy file at `path`, else where settings or environment name one; PolicyError if it is none."""
    path = policy_path() if path is None else path
    return NO_POLICY if path is None else read_policy(path)


def environment(name: str, default: Callable[[], str] = str) -> str:
    """Give an environment variable, or what `default` makes where it is unset or empty."""
    return os.environ.get(name) or default()

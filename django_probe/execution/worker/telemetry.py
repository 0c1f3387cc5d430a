"""Sends what a project's telemetry still holds before a worker ends: `os._exit` runs nothing at the exit."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS: Final = 2.0
"""What all of it may take together."""
_PROVIDERS: Final = (
    ("opentelemetry.trace", "get_tracer_provider"),
    ("opentelemetry.metrics", "get_meter_provider"),
    ("opentelemetry._logs", "get_logger_provider"),
)


def flush() -> None:
    """Have Sentry, OpenTelemetry and the handlers of `logging` send what they hold, as far as the project has them.

    What the project has not imported stays so. What takes longer than `SECONDS` is left.
    """
    ends = Original.monotonic() + SECONDS
    threads = [Thread(target=_quietly, args=(step,), daemon=True) for step in _steps()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - Original.monotonic()))


def _steps() -> Iterator[Callable[[], object]]:
    if sentry := sys.modules.get("sentry_sdk"):
        yield partial(sentry.flush, timeout=SECONDS)
    for name, get_provider in _PROVIDERS:
        if module := sys.modules.get(name):
            yield partial(_force_flush, getattr(module, get_provider))
    yield logging.shutdown


def _force_flush(get_provider: Callable[[], Any]) -> None:
    provider = get_provider()
    if force_flush := getattr(provider, "force_flush", None):  # the provider of a project that set none has none
        force_flush(timeout_millis=int(SECONDS * 1000))


def _quietly(step: Callable[[], object]) -> None:
    with suppress(Exception):  # it is the project's affair, and nothing of the verdict
        step()

"""The probe of URLs: they answer, and it is the new release that answers."""

from __future__ import annotations

import unittest
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from django.test import tag

from django_probe import probe
from django_probe.contrib.http import configuration
from django_probe.http.release import of_the_run

if TYPE_CHECKING:
    from django_probe.contrib.http.polling import Watch

# The probe gives up, and says what it saw, before its timeout ends it from outside.
_TIMEOUT_SECONDS: Final = 60
_POLL_SECONDS: Final = 50


@tag("http")
class TestTargets(unittest.TestCase):
    """The URLs in PROBE_TARGETS."""

    @probe(timeout=_TIMEOUT_SECONDS)
    def test_each_answers_as_the_release(self) -> None:
        """Each URL answers below 400 within its time, and with the release of this run where one is named."""
        targets = configuration.targets()
        if not targets:
            self.skipTest("PROBE_TARGETS is empty")
        release, timeout = of_the_run(), configuration.timeout()
        try:
            from django_probe.contrib.http.polling import Watch  # noqa: PLC0415 (a run without targets need not pay)
        except ModuleNotFoundError as error:
            raise ImproperlyConfigured(f"PROBE_TARGETS needs {error.name}; install django-probe-gate[checks]") from None
        watches = [Watch(target, release, timeout) for target in targets]
        _run(watches)
        for watch in watches:
            with self.subTest(watch.target.shown):
                if not watch.satisfied:
                    self.fail(watch.problem())


def _run(watches: list[Watch]) -> None:
    """Run each watch in a thread of its own, so that a target that hangs takes no time from the others."""
    stop = Event()
    ends = monotonic() + _POLL_SECONDS
    # Daemons: nothing limits how long a name server takes, and a thread that waits for it must not hold up the exit.
    threads = [Thread(target=watch.run, args=[stop], daemon=True) for watch in watches]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, ends - monotonic()))
    finally:
        stop.set()

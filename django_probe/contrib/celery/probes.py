"""The probes: each asks one part of Celery, and skips with a reason where it is not configured."""

from __future__ import annotations

import unittest
from typing import Any

from django.test import tag

from django_probe.contrib.celery import application, broker, queues, wanted, workers


def _app() -> Any:
    """Return the project's Celery app. Raise SkipTest where there is none, or none with a broker."""
    try:
        app = application.find()
    except application.NoAppError as error:
        raise unittest.SkipTest(str(error)) from None
    if reason := broker.not_asked(app):
        raise unittest.SkipTest(reason)
    return app


@tag("celery", "broker")
class TestBroker(unittest.TestCase):
    """The broker of the Celery app."""

    def test_it_answers(self) -> None:
        """The broker takes a connection, login included."""
        with broker.connected(_app()):
            pass


@tag("celery", "workers")
class TestWorkers(unittest.TestCase):
    """The workers of the Celery app."""

    def test_they_answer(self) -> None:
        """As many workers as PROBE_CELERY_WORKERS says, or those that it names, answer a ping in time."""
        expected, seconds = wanted.workers(), wanted.timeout()
        if reason := workers.answer(_app(), expected, seconds):
            self.skipTest(reason)


@tag("celery", "queues")
class TestQueues(unittest.TestCase):
    """The queues of PROBE_CELERY_QUEUES."""

    def test_each_is_short(self) -> None:
        """No more messages wait in each queue than PROBE_CELERY_QUEUES allows."""
        limits = wanted.queues()
        if not limits:
            self.skipTest("PROBE_CELERY_QUEUES is not set")
        app = _app()
        if reason := queues.not_asked(app):
            self.skipTest(reason)
        for name, problem in queues.problems(app, limits).items():
            with self.subTest(f'queue "{name}"'):
                self.fail(problem)

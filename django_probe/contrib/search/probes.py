"""The probes: each asks the engines of one library, and skips with a reason where that is not installed."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.test import tag

from django_probe.contrib.parts import ask_each

if TYPE_CHECKING:
    from collections.abc import Iterable


@tag("search")
class TestHaystack(unittest.TestCase):
    """The connections of HAYSTACK_CONNECTIONS."""

    def test_each_connection_answers(self) -> None:
        """Each connection has its index and answers; nothing is written."""
        if not apps.is_installed("haystack"):
            self.skipTest("haystack is not in INSTALLED_APPS")
        from django_probe.contrib.search import engines  # noqa: PLC0415 (Haystack may not be installed)

        ask_each(self, "connection", engines.aliases(), engines.answers, "HAYSTACK_CONNECTIONS is empty")


@tag("search")
class TestElasticsearch(unittest.TestCase):
    """The documents of django-elasticsearch-dsl."""

    def test_each_index_answers(self) -> None:
        """The index of each registered document is there, and answers how much is in it."""
        if not apps.is_installed("django_elasticsearch_dsl"):
            self.skipTest("django_elasticsearch_dsl is not in INSTALLED_APPS")
        from django_probe.contrib.search import documents  # noqa: PLC0415 (as above)

        registered: Iterable[Any] = documents.registered()
        ask_each(self, "document", registered, documents.answers, "no document is registered")

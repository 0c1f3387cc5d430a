"""Probes with terms of their own, on methods, classes and coroutines; a decorated probe keeps its type."""

from datetime import date, datetime, timedelta
from unittest import IsolatedAsyncioTestCase, TestCase

from django_probe import attach, probe
from django_probe.assertions import ProbeAssertions
from django_probe.client import Client


@probe(timeout="5s", retries=2, warn_only=True, database_access="rollback")
class TestCheckout(TestCase):
    @probe(timeout=0.5)
    def test_pay(self) -> None:
        self.assertEqual(self.total(2), 40)

    @probe(database_access="read-only")
    def total(self, count: int) -> int:
        return 20 * count

    def test_total(self) -> None:
        total: int = self.total(3)
        self.total("3")  # type: ignore[arg-type]
        self.assertEqual(total, 60)


class TestPages(TestCase):
    def test_home_page(self) -> None:
        client = Client(SERVER_NAME="shop.example", headers={"accept": "text/html"})
        self.assertEqual(client.get("/", secure=True).status_code, 200)
        client.get(path=1)  # type: ignore[arg-type]


class TestImport(ProbeAssertions, TestCase):
    def test_is_recent(self) -> None:
        last: datetime | None = None
        self.assertFresh(last, within="10m")
        self.attach("page.html", "<p>")
        attach("page.html", b"<p>")
        attach("page.html", 5)  # type: ignore[arg-type]
        self.assertFresh(last, timedelta(hours=1), "the import")
        self.assertFresh(date(2026, 1, 1), within="1d")  # type: ignore[arg-type]


class TestStock(IsolatedAsyncioTestCase):
    @probe(retries=1, owner="stock", runbook="https://runbooks.example/stock")
    async def test_counts(self) -> None:
        self.assertTrue(await self.count())

    async def count(self) -> int:
        return 1


@probe(timeout=["5s"])  # type: ignore[arg-type]
class TestWrongTimeout(TestCase):
    pass


@probe(retries="two")  # type: ignore[arg-type]
class TestWrongRetries(TestCase):
    pass


@probe(retry=2)  # type: ignore[call-arg]
class TestUnknownTerm(TestCase):
    pass

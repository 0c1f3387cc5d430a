"""A test case that asks over HTTP, and says what was asked and what came where it fails."""

from __future__ import annotations

import unittest
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django_probe.http.release import setting
from django_probe.http.response import over
from django_probe.http.session import Session
from django_probe.policy.declared.expected import parse_expected, parse_statuses
from django_probe.terms import parse_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django_probe.http.response import Response

__unittest = True
"""Whoever tells a traceback leaves the frames of this module out, as those of unittest."""


class HttpProbe(unittest.TestCase):
    """A plain test case with a session of its own, whose requests are shown in the details where it fails.

    A class that is another test case as well names this one first.
    """

    _session: Session | None = None

    @classmethod
    def __probe_preload__(cls) -> None:
        """Do once what every process that asks would do; what goes wrong here, the session tells."""
        with suppress(ImportError):
            from django_probe.http.wire import asking  # noqa: PLC0415 (see the package's docstring)

            asking.prepare([str(setting("PROBE_BASE_URL") or "")])

    def session(self) -> Session:
        """Return a new session; a class that asks otherwise has a method of its own in place of this one."""
        return Session()

    @property
    def http(self) -> Session:
        """The session, made when it is first used, and closed when the test is over."""
        if self._session is None:
            self._session = self.session()
            self.addCleanup(self._close_session)
        return self._session

    def assertStatus(  # noqa: N802 (as unittest names them, here and below)
        self, response: Response, status: int | str | Sequence[int | str], msg: Any = None
    ) -> None:
        """Fail unless the status is this one: a number, hundreds such as "2xx", or one of a list of them."""
        wanted = parse_statuses(status if isinstance(status, int | str) else [*status])
        if not wanted.has(response.status):
            self._differs(response, f"status {response.status}, not {wanted}", msg)

    def assertJson(self, response: Response, members: Mapping[str, object], msg: Any = None) -> None:  # noqa: N802
        """Fail unless the body is JSON that has, by JMESPath, each value, or one that a comparison ("> 0") fits.

        Raise ValueError where no member is given.
        """
        from django_probe.http import paths  # noqa: PLC0415 (a library that only this needs)

        if not members:
            raise ValueError("assertJson: expected a member at least, which the body has to have")
        wanted = {}
        for path, value in members.items():
            paths.verify(path)
            try:
                wanted[path] = parse_expected(value)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
        try:
            problems = [*paths.differences(response.json(), wanted)]
        except ValueError as error:
            problems = [str(error)]
        if problems:
            self._differs(response, "; ".join(problems), msg)

    def assertWithin(self, response: Response, duration: float | str, msg: Any = None) -> None:  # noqa: N802
        """Fail if the answer took longer than a duration such as "800ms", redirects included."""
        if said := over(response.seconds, parse_timeout(duration)):
            self._differs(response, said, msg)

    def _differs(self, response: Response, problem: str, msg: Any) -> None:
        said = f"{response.asked}: {problem}"
        if self._session:
            said = self._session.masked(said)
        raise self.failureException(self._formatMessage(msg, said))

    @contextmanager
    def subTest(self, *arguments: Any, **parameters: Any) -> Iterator[None]:  # noqa: N802
        """Run a block of its own, as unittest does; where it fails, the requests are shown."""
        with super().subTest(*arguments, **parameters), self._explained():
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if self._session:
                self._session.explain(error)
            raise

    # What unittest calls the parts of a test by: its public methods are the probe's own, and see no exception.
    def _callSetUp(self) -> None:  # noqa: N802
        with self._explained():
            super()._callSetUp()  # type: ignore[misc]

    def _callTestMethod(self, method: Callable[[], object]) -> None:  # noqa: N802
        with self._explained():
            super()._callTestMethod(method)  # type: ignore[misc]

    def _callTearDown(self) -> None:  # noqa: N802
        with self._explained():
            super()._callTearDown()  # type: ignore[misc]

    def _close_session(self) -> None:
        if self._session:
            self._session.close()
            self._session = None

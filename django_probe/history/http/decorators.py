"""Surrounds every view of the history: keeps the project's own barriers away, and always answers."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Final

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from django_probe.history.errors import RequestError
from django_probe.history.http import responses
from django_probe.history.http.access.access import Denied
from django_probe.history.models import Run
from django_probe.history.notices import watch
from django_probe.history.storage import store
from django_probe.readiness import views as plain
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("django_probe.history")

_places: Final = threading.BoundedSemaphore(4)
"""Requests of a process at once: a database that does not answer must not use up the threads that kubelet needs."""
_PATIENCE: Final = 1.0
"""Seconds that one more request waits for its turn."""


def answering(*methods: str) -> Callable[[plain.View], plain.View]:
    """Wrap a view for these HTTP methods: whatever it raises becomes an answer."""

    def decorate(view: plain.View) -> plain.View:
        @wraps(view)
        def answer(request: HttpRequest, **parts: str) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise RequestError(405, "method not allowed", {"Allow": ", ".join(methods)})
                if any("\0" in part for part in parts.values()):  # PostgreSQL refuses text with one
                    raise RequestError(404, "there is nothing of that name")
                watch.start()
                with _place():
                    response = view(request, **parts)
            except Exception as error:  # noqa: BLE001 (there is always an answer)
                response = responses.problem(request, *_problem(error))
            if request.method == "HEAD":  # Content-Length stays; some servers would send the body, others complain
                response.content = b""
            return response

        return plain.exempt(answer)

    return decorate


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=_PATIENCE):
        raise RequestError(503, "this process has enough to answer: ask again", {"Retry-After": "1"})
    try:
        yield
    finally:
        _places.release()


def _problem(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    """Return the status, a sentence and headers for an error; unexpected ones are described in the log alone."""
    match error:
        case RequestError():
            return error.status, str(error), error.headers
        case Denied():
            return error.status, error.sentence, error.headers
        case Run.DoesNotExist():
            return 404, "the run is not kept any more", {}
        case DatabaseError():
            # No traceback: it would be the same for each request while the database is away.
            logger.error("the history's database: %s: %s", type(error).__name__, one_line(str(error)))
            return 503, f"the history's database {_trouble(error)}", {}
    logger.error("a request could not be answered", exc_info=error)
    return 500, "this could not be answered; the server's log says why", {}


def _trouble(error: DatabaseError) -> str:
    if store.has_no_tables(error):
        return "has no tables: migrations have not run"
    if isinstance(error, OperationalError | InterfaceError):
        return "does not answer"
    return "refused; the server's log says why"

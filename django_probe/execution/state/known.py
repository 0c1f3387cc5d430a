"""What is commonly changed and forgotten, and how to read it: both looks at a process ask here."""

from __future__ import annotations

import os
import signal
import site
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

# What is often patched by assignment to a class, which only shows in the class; each counts where it is loaded.
_METHODS: Final[tuple[tuple[str, str, str], ...]] = (
    ("subprocess", "Popen", "__init__ communicate wait"),
    ("socket", "socket", "__init__ connect send sendall recv close"),
    ("http.client", "HTTPConnection", "connect request getresponse send"),
    ("urllib.request", "OpenerDirector", "open"),
    ("smtplib", "SMTP", "__init__ connect login sendmail send_message"),
    ("requests.sessions", "Session", "request send get post get_adapter"),
    ("requests.adapters", "HTTPAdapter", "send"),
    ("urllib3.connectionpool", "HTTPConnectionPool", "urlopen"),
    ("httpx", "Client", "request send"),
    ("httpx", "AsyncClient", "request send"),
    ("httpx", "HTTPTransport", "handle_request"),
    ("httpx", "AsyncHTTPTransport", "handle_async_request"),
    ("aiohttp.client", "ClientSession", "_request"),
    ("botocore.client", "BaseClient", "_make_api_call"),
    ("redis.client", "Redis", "execute_command"),
    ("django.core.handlers.base", "BaseHandler", "get_response load_middleware"),
    ("django.core.mail.message", "EmailMessage", "send"),
    ("django.db.models.base", "Model", "save delete full_clean refresh_from_db"),
    ("django.db.models.query", "QuerySet", "get filter all count exists first create update delete"),
    ("django.template.base", "Template", "render _render"),
    ("django.test.client", "Client", "request get post login force_login"),
    ("django_probe.client", "Client", "request get post login force_login"),
    ("django_probe.http.session", "Session", "request get post"),
)
# They change the process as a whole, for its operation: nothing is faked by them.
INSTRUMENTS: Final = frozenset(
    "ddtrace elasticapm eventlet gevent nest_asyncio newrelic opentelemetry psycogreen scout_apm "  # noqa: SIM905 (a column of names says no more)
    "sentry_sdk truststore wrapt".split()
)
SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGCHLD")
)
FOREIGN: Final = tuple(f"{folder}{os.sep}" for folder in (Path(os.__file__).parent, *site.getsitepackages()))
"""The folders of Python and of installed packages; `sysconfig` knows them as well, and takes milliseconds to say so."""
_OF_C: Final = ("_cython_", "cython_runtime", "_openssl")
"""How the names of modules begin that Cython's modules and those of cryptography make without an import."""
_GUARD: Final = "django_probe.execution.guard."
_BROUGHT: Final = "__probe_brought__"  # as the guard has it
_modules: Final = sys.modules


def patchable() -> Iterator[tuple[type, list[str]]]:
    """Yield the loaded classes whose methods are often patched, each with the names of these methods."""
    for module, name, methods in _METHODS:
        found = getattr(_modules.get(module), name, None)
        if isinstance(found, type):
            yield found, [method for method in methods.split() if hasattr(found, method)]


def is_fake(module: object) -> bool:
    """Return whether no import made this entry of `sys.modules`; a package's own class of modules need have no spec."""
    if type(module) is ModuleType:
        return module.__spec__ is None and not module.__name__.startswith(_OF_C)
    return not isinstance(module, ModuleType)


def own_connections() -> Iterator[BaseDatabaseWrapper]:
    """Yield Django's connections of this thread, none of which has to be open."""
    for alias in connections:
        with suppress(Exception):  # one that cannot be made is no probe's to change
            yield connections[alias]


def wrappers_of(connection: BaseDatabaseWrapper) -> list[Any]:
    """Return the execute wrappers of a connection, without the guard's own."""
    return without_ours(connection.execute_wrappers)


def without_ours(wrappers: Iterable[Any]) -> list[Any]:
    """Return execute wrappers without the guard's own."""
    return [each for each in wrappers if not str(getattr(each, "__module__", "")).startswith(_GUARD)]


def is_as_it_was(connection: BaseDatabaseWrapper, now: tuple[bool, list[Any]], before: tuple[bool, list[Any]]) -> bool:
    """Return whether a connection has the `force_debug_cursor` and the execute wrappers that it had.

    The guard's own do not count, and neither do those that the project gave the connection as it was opened.
    """
    (debug, found), (was_debug, kept) = now, before
    found, kept = without_ours(found), without_ours(kept)
    brought = vars(connection).get(_BROUGHT, ())
    return debug == was_debug and found in (kept, [*kept, *(each for each in brought if each not in kept)])


def test_state() -> object:
    """Return what has `saved_data` while `setup_test_environment()` was called and not undone."""
    return getattr(_modules.get("django.test.utils"), "_TestState", None)


def started_patches() -> Sequence[object]:
    """Return the list in which `unittest.mock` has the patches that were started and not stopped."""
    patch = getattr(_modules.get("unittest.mock"), "_patch", None)
    return patch._active_patches if patch else ()  # noqa: SLF001 (there is no other list of them)

"""DATABASE_URL, PROBE_HISTORY_DATABASE_URL, CACHE_URL and EMAIL_URL as Django's settings.

The form is the usual one of twelve-factor projects: scheme://user:password@host:port/path?option=value, with
percent-encoding. No message here repeats any of it: it may hold a password.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import django

from deploy import environment
from django_probe.errors import UsageError
from django_probe.naming.names import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

SQLITE: Final = "django.db.backends.sqlite3"
POSTGRESQL: Final = "django.db.backends.postgresql"
MYSQL: Final = "django.db.backends.mysql"
_DATABASES: Final = {"sqlite": SQLITE, "postgres": POSTGRESQL, "postgresql": POSTGRESQL, "mysql": MYSQL}
_CACHES: Final = {
    "locmem": "django.core.cache.backends.locmem.LocMemCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
    "rediss": "django.core.cache.backends.redis.RedisCache",
    "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
}
_SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
_OLD_MAIL_NAMES: Final = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
}

# The module that a scheme needs, and the package of PyPI that has it.
_DRIVERS: Final = {
    "postgres": ("psycopg", "psycopg[binary]"),
    "postgresql": ("psycopg", "psycopg[binary]"),
    "mysql": ("MySQLdb", "mysqlclient"),
    "redis": ("redis", "redis"),
    "rediss": ("redis", "redis"),
    "memcached": ("pymemcache", "pymemcache"),
}

# With one of these characters in a password, the URL would be split in the wrong place.
_ENCODING: Final = "within user and password write : / ? # @ [ ] % as %3A %2F %3F %23 %40 %5B %5D %25"
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")
_MAX_PORT: Final = 65535
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}


@dataclass(slots=True)
class _Url:
    """The parts of a URL, decoded, except for `address`, which is everything between @ and the path.

    Reading an option removes it from `options`. What is left there at the end is unknown.
    """

    variable: str
    scheme: str
    user: str
    password: str
    address: str
    path: str
    options: dict[str, str]

    def endpoint(self, address: str) -> tuple[str, int | None]:
        """Return the host and the port of an address. Raise UsageError if it has none."""
        match = _ADDRESS.fullmatch(address)
        if not match or int(match[3] or 1) not in range(1, _MAX_PORT + 1):
            raise self.error(f"its host and port are not host:port; {_ENCODING}")
        if not (host := match[1] or unquote(match[2])):
            raise self.error(f"it names no host: {self.scheme}://host:port")
        return host, int(match[3]) if match[3] else None

    def flag(self, option: str) -> bool:
        """Remove an option that is true or false, and return it; false if it is not there."""
        value = self.options.pop(option, "false")
        if value not in _FLAGS:
            raise self.error(f"the option {option} is true or false")
        return _FLAGS[value]

    def count(self, option: str) -> int | None:
        """Remove an option that is a whole number, and return it; None if it is not there."""
        value = self.options.pop(option, None)
        if value is not None and not (value.isascii() and value.isdigit()):
            raise self.error(f"the option {option} is a whole number, of seconds")
        return None if value is None else int(value)

    def no_more(self, *known: str) -> None:
        """Raise UsageError if an option is left."""
        for option in self.options:
            raise self.error(f"unknown option {option}{nearest(option, known)}")

    def error(self, what: str) -> UsageError:
        """Return the error that says `what` of this variable."""
        return UsageError(f"{self.variable}: {what}")


def database(variable: str) -> dict[str, Any]:
    """Return Django's settings of the database that a variable names; an empty mapping if it is not set."""
    if not (url := _url(variable, _DATABASES)):
        return {}
    connection = {
        "CONN_MAX_AGE": url.count("conn_max_age") or 0,
        "CONN_HEALTH_CHECKS": url.flag("conn_health_checks"),
        "DISABLE_SERVER_SIDE_CURSORS": url.flag("disable_server_side_cursors"),
    }
    place = _file(url) if url.scheme == "sqlite" else _server(url)
    options = {name: _value(value) for name, value in url.options.items()}
    return {"ENGINE": _DATABASES[url.scheme], **place, **connection, "OPTIONS": options}


def cache() -> dict[str, Any]:
    """Return Django's settings of the cache that CACHE_URL names; an empty mapping if it is not set."""
    if not (url := _url("CACHE_URL", _CACHES)):
        return {}
    if url.scheme == "locmem":
        location: str | list[str] = url.address
    elif url.scheme == "memcached":
        location = url.address.split(",")
        for server in location:
            url.endpoint(server)
    else:  # redis reads the user, the password and its own options itself
        url.endpoint(url.address)
        return {"BACKEND": _CACHES[url.scheme], "LOCATION": environment.text("CACHE_URL")}
    url.no_more()
    return {"BACKEND": _CACHES[url.scheme], "LOCATION": location}


def email() -> dict[str, Any]:
    """Return the settings, by name, of the mail server that EMAIL_URL names; an empty mapping if it is not set.

    Django 6.1 has MAILERS for what was EMAIL_*, and warns of those.
    """
    if not (url := _url("EMAIL_URL", ("smtp", "smtps"))):
        return {}
    options = _smtp(url)
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": _SMTP, "OPTIONS": options}}}
    return {_OLD_MAIL_NAMES[name]: value for name, value in options.items()}


def _smtp(url: _Url) -> dict[str, Any]:
    tls, timeout, ssl = url.flag("tls"), url.count("timeout"), url.scheme == "smtps"
    url.no_more("tls", "timeout")
    if tls and ssl:
        raise url.error("smtps:// is TLS from the start, tls=true is STARTTLS behind smtp://; choose one")
    host, port = url.endpoint(url.address)
    usual = 465 if ssl else 587 if tls else 25
    return {
        "host": host,
        "port": port or usual,
        "username": url.user,
        "password": url.password,
        "use_tls": tls,
        "use_ssl": ssl,
        "timeout": timeout,
    }


def _server(url: _Url) -> dict[str, Any]:
    host, port = url.endpoint(url.address)
    if not url.path:
        raise url.error(f"it names no database: {url.scheme}://user:password@host:port/NAME")
    return {
        "NAME": url.path,
        "USER": url.user,
        "PASSWORD": url.password,
        "HOST": host,
        "PORT": "" if port is None else port,
    }


def _file(url: _Url) -> dict[str, Any]:
    if url.address or not url.path:
        raise url.error(
            "a SQLite file has three slashes before a path from the working directory, "
            "and four before one from the root: sqlite:////var/lib/probe/db.sqlite3"
        )
    return {"NAME": url.path}


def _value(text: str) -> str | int | bool:
    """Return an option with the type that drivers want: a number, a boolean or a text."""
    if text.isascii() and text.isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text)


def _url(variable: str, schemes: Collection[str]) -> _Url | None:
    """Return the parts of a variable's URL; None if it is not set. Raise UsageError if it is not such a URL."""
    if not (text := environment.text(variable)):
        return None
    scheme = text.partition("://")[0]
    if scheme not in schemes or "://" not in text:
        names = ", ".join(f"{name}://" for name in schemes)
        raise UsageError(f"{variable}: it does not begin with one of {names}")
    try:
        split = urlsplit(text)
    except ValueError:  # its message repeats the address
        raise UsageError(f"{variable}: not a URL; {_ENCODING}") from None
    info, at, address = split.netloc.rpartition("@")
    if split.fragment or (scheme != "sqlite" and not at and "@" in text):
        raise UsageError(f"{variable}: not a URL with a user and a password; {_ENCODING}")
    user, _, password = info.partition(":")
    options = _options(variable, split.query)
    url = _Url(variable, scheme, unquote(user), unquote(password), address, unquote(split.path[1:]), options)
    _needs_driver(url)
    return url


def _options(variable: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise UsageError(f"{variable}: an option stands twice behind the ?")
    return dict(pairs)


def _needs_driver(url: _Url) -> None:
    module, package = _DRIVERS.get(url.scheme, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise url.error(f"{url.scheme}:// needs the Python package {package}, which is not installed here")

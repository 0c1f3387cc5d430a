"""Django's test client, made fit to ask the views of a live project in this process.

Django's own asks as the host "testserver", which only a test run allows, and over plain HTTP. Nothing of a test
environment is set up: settings, mail and signals stay as they are.
"""

from __future__ import annotations

from typing import Any

from django import test
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http.request import split_domain_port, validate_host
from django.urls import reverse
from django.utils.translation import get_supported_language_variant, override


class Client(test.Client):
    """Asks as a visitor of the live project does: as a host that ALLOWED_HOSTS allows, and over HTTPS where it must.

    It takes what Django's takes. `SERVER_NAME` and the header `host` count where they are given. What a view raises is
    raised here, with a note of what was asked.
    """

    def generic(
        self,
        method: str,
        path: Any,
        data: Any = "",
        content_type: str | None = "application/octet-stream",
        secure: bool = False,  # noqa: FBT001, FBT002 (Django's signature)
        *,
        headers: Any = None,
        **extra: Any,
    ) -> Any:
        """Return the answer to a request; every method (`get`, `post`) comes here.

        Raise ImproperlyConfigured where ALLOWED_HOSTS allows no host, and what the view raises.
        """
        names_host = any(str(name).lower() == "host" for name in headers or ())
        if not names_host and not {"SERVER_NAME", "HTTP_HOST"} & {*self.defaults, *extra}:
            extra["SERVER_NAME"] = allowed_host()
        secure = secure or (settings.SECURE_SSL_REDIRECT and "wsgi.url_scheme" not in extra)
        if secure and settings.SECURE_PROXY_SSL_HEADER:
            header, value = settings.SECURE_PROXY_SSL_HEADER
            if header not in self.defaults:
                extra.setdefault(header, value)
        try:
            return super().generic(method, path, data, content_type, secure, headers=headers, **extra)
        except Exception as error:
            error.add_note(f"asked: {method} {str(path).partition('?')[0]}")
            raise


def allowed_host() -> str:
    """Return a host that this project answers: the first that ALLOWED_HOSTS names, or "localhost" where any will do.

    Where PREPEND_WWW redirects from it to another, it is the other. Raise ImproperlyConfigured where there is none.
    """
    # Where DEBUG is on, Django takes an empty list for these.
    entries = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    for entry in entries:
        host = split_domain_port(entry.removeprefix("."))[0]
        if host and validate_host(host, [entry]):
            with_www = f"www.{host}"
            redirects = settings.PREPEND_WWW and not host.startswith("www.")
            return with_www if redirects and validate_host(with_www, entries) else host
    if "*" in entries:
        return "localhost"
    told = f"ALLOWED_HOSTS names no host that a request can have: {entries!r}" if entries else "ALLOWED_HOSTS is empty"
    raise ImproperlyConfigured(
        f"{told}, so this project answers every request with 400; put the host there that its users ask for, "
        f"without scheme and port"
    )


def path_of(name: str) -> str:
    """Return the path of a URL name, for a visitor who asks for no language. Raise NoReverseMatch.

    Where LANGUAGE_CODE is one that LANGUAGES has under a shorter name only, as "en-us", `i18n_patterns` would else give
    a path at which such a visitor gets 404.
    """
    try:
        language = get_supported_language_variant(settings.LANGUAGE_CODE)
    except LookupError:
        return reverse(name)
    with override(language):
        return reverse(name)

"""Asks the mail servers of the setting `MAILERS` (Django 6.1) or of the older `EMAIL_*` settings."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from smtplib import SMTPException
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import mail
from django.core.mail.backends.smtp import EmailBackend

from django_probe.contrib.parts import blaming, is_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# For each step of the dialogue: the probe's own timeout would end it without naming a server.
_STEP_SECONDS = 10.0
_SAYING_SO = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT")


def mailers() -> Mapping[str, Callable[[], Any]]:
    """Return, by alias, what makes a connection; empty if the settings do not mention mail.

    Django's defaults are no configuration: nobody chose the localhost:25 that they name.
    """
    # Since Django 6.1, reading an EMAIL_* setting or calling get_connection() warns; its handler does not.
    handler: Any = getattr(mail, "mailers", None)
    if handler is not None and hasattr(settings, "MAILERS"):
        return {alias: partial(handler.__getitem__, alias) for alias in handler}
    if not any(is_set(name) for name in _SAYING_SO):
        return {}
    return {"default": mail.get_connection if handler is None else partial(handler.__getitem__, "default")}


def accept(alias: str, connect: Callable[[], Any]) -> str | None:
    """Have the server of a mailer accept a connection, TLS and login included; nothing is sent.

    Return the reason if its backend does not speak SMTP. Raise AssertionError with the server that refuses.
    """
    with blaming(f'mailer "{alias}"'):
        backend = connect()
    if not isinstance(backend, EmailBackend):
        cls = type(backend)
        return f'mailer "{alias}" does not speak SMTP: {cls.__module__}.{cls.__qualname__}'
    backend.timeout = min(backend.timeout or _STEP_SECONDS, _STEP_SECONDS)
    backend.fail_silently = False
    with blaming(f'mailer "{alias}" (SMTP at {backend.host}:{backend.port})'):
        try:
            backend.open()
        finally:
            with suppress(SMTPException, OSError):  # what open() said is what matters
                backend.close()
    return None

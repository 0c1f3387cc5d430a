"""Asks the mail servers, by the `MAILERS` of Django 6.1 and by the `EMAIL_*` settings before it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from smtplib import SMTPException
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import mail
from django.core.mail.backends.smtp import EmailBackend

from django_probe.contrib.platform.parts import blaming, is_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# For each step of the dialogue, so that it is not the probe's timeout that ends it: that names no server.
_STEP_SECONDS = 10.0
_SAYING_SO = ("EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT")


def mailers() -> Mapping[str, Callable[[], Any]]:
    """Give, by alias, what makes a connection; none where the settings say nothing of mail.

    Django's defaults are no configuration: nobody chose the localhost:25 that they name.
    """
    # Who reads an EMAIL_* setting or calls get_connection() is warned since Django 6.1; its handler is not.
    handler: Any = getattr(mail, "mailers", None)
    if handler is not None and hasattr(settings, "MAILERS"):
        return {alias: partial(handler.__getitem__, alias) for alias in handler}
    if not any(is_set(name) for name in _SAYING_SO):
        return {}
    return {"default": mail.get_connection if handler is None else partial(handler.__getitem__, "default")}


def accept(alias: str, connect: Callable[[], Any]) -> str | None:
    """Have the server of a mailer accept a connection, TLS and login included; nothing is sent.

    Returns the reason where its backend does not speak SMTP; AssertionError says which server refuses.
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

"""Asks a view of this project by its URL name, in this process, through a client for live projects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch

from django_probe.client import Client, allowed_host, path_of
from django_probe.contrib.checks import json_values
from django_probe.contrib.checks.errors import CheckError
from django_probe.contrib.checks.exchange.expectations import differences
from django_probe.contrib.checks.filling import Filling
from django_probe.http import evidence
from django_probe.http.response import Headers, Response, Times
from django_probe.http.wire.bodies import MOST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_probe.policy.declared.check import Check


def prepare(checks: Iterable[Check]) -> None:
    """Raise CheckError where the project has no view of the name, or a JMESPath is none."""
    checks = [*checks]
    for check in checks:
        _path(check)
    json_values.verify(checks)


def run(check: Check) -> float:
    """Ask, and return the seconds of that; AssertionError with what differs; what the view raises goes its way."""
    filling = Filling()
    path = _path(check)
    form = filling.form(check)
    method = str(check.get("method") or ("POST" if form else "GET"))
    client = _client(check, filling)
    began = time.monotonic()
    response: Any = client.generic(
        method,
        path,
        urlencode(form),
        content_type="application/x-www-form-urlencoded" if form else "application/octet-stream",
    )
    body, cut = _read(response)
    answer = Response(
        status=response.status_code,
        headers=Headers(response.headers.items()),
        body=body,
        cut=cut,
        times=Times(whole=time.monotonic() - began),
    )
    if problems := differences(check, answer, filling):
        head = f"{method} {path} ({check.subject}): {'; '.join(problems)}"
        shown = "\n".join(evidence.body(answer, filling.masked))
        raise AssertionError(filling.masked(f"{head}\n\ncame: status {answer.status}, {len(body)} bytes\n{shown}"))
    return answer.times.whole or 0.0


def _read(response: Any) -> tuple[bytes, bool]:
    """Return the body, and whether it goes on: a view may stream without an end."""
    content = bytearray()
    for part in response if response.streaming else [response.content]:
        content += response.make_bytes(part)
        if len(content) > MOST:
            break
    response.close()
    return bytes(content[:MOST]), len(content) > MOST


def _path(check: Check) -> str:
    try:
        return path_of(check.subject)
    except NoReverseMatch as error:
        raise CheckError(f"{check.where}.view: {error}") from None


def _client(check: Check, filling: Filling) -> Client:
    client = Client(headers=filling.headers(check))
    if "HTTP_HOST" not in client.defaults:
        try:
            client.defaults["SERVER_NAME"] = allowed_host()
        except ImproperlyConfigured as error:
            raise CheckError(f"{check.where}.view: {error}") from None
    return client

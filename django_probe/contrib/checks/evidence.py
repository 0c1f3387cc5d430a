"""What a failure of a check over HTTP says: in one line what differs, and below it what was asked and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.asked import without_secrets
from django_probe.contrib.checks.limits import certificate_left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_probe.contrib.checks.asked import Asked
    from django_probe.http.response import Response, Times

_MOST_BODY: Final = 500
_HEADERS: Final = ("content-type", "location", "server")


def told(asked: Asked, problems: Sequence[str], answer: Response | None, times: Times) -> str:
    """Return what the failure says; `answer` is None where none came."""
    lines = [f"{asked}: {'; '.join(problems)}", "", *_came(asked, answer)]
    if str(times):
        lines.append(f"times: {times}")
    if answer and answer.certificate_ends:
        lines.append(f"certificate: ends {certificate_left(answer.certificate_ends)}")
    if answer and answer.body:
        lines += _body(answer)
    lines += ["the same by hand:", f"  {asked.curl()}"]
    return asked.filling.masked("\n".join(lines))


def _came(asked: Asked, answer: Response | None) -> list[str]:
    if answer is None:
        return []
    named = {*_HEADERS, *map(str.lower, asked.check.get("headers", {}))}
    shown = [f"  {name}: {_shown(name, value)}" for name, value in answer.headers.items() if name in named]
    url = without_secrets(answer.url)
    after = f" from {url}" if url != asked.shown_url() else ""
    return [f"came: status {answer.status}{after}, {len(answer.body)} bytes", *shown]


def _shown(name: str, value: str) -> str:
    return (without_secrets(value) if name == "location" else value)[:_MOST_BODY]


def _body(answer: Response) -> list[str]:
    text = answer.text
    which = f"the first {_MOST_BODY} characters of the body" if len(text) > _MOST_BODY or answer.cut else "body"
    return [f"{which}:", *(f"  {line}" for line in text[:_MOST_BODY].splitlines())]

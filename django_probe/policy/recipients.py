"""Who is told when a gate's state changes: the entries of `notify` in a gate.

A URL may be a secret. No message shows one, and neither does a recipient's name, which pages and logs have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django_probe.naming.names import nearest
from django_probe.policy.keys import TIMEOUT
from django_probe.terms import parse_timeout, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_probe.policy.keys import Schema

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://\S+")
_LONGEST_URL: Final = 2000
CLOUDEVENTS: Final = "+cloudevents"
"""How the scheme of a webhook of our own ends."""
WEBHOOKS: Final = (f"http{CLOUDEVENTS}", f"https{CLOUDEVENTS}")


class Change(StrEnum):
    """What can become of a gate. It is flaky where it passes, and some probe needed another attempt."""

    CLOSED = "closed"
    OPENED = "opened"
    LOST = "lost"
    FLAKY = "flaky"


STAYS_CLOSED: Final = frozenset({Change.CLOSED, Change.LOST})
"""After these a gate is not open, so that somebody can be reminded of it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One entry of `notify`: where to send what. `name` tells it from the gate's others, and holds no secret.

    Either `url` is there or `url_env`, the environment variable that holds it. `secret_env` names the variable with
    the key that signs a webhook. `remind` are the seconds after which a gate that stays closed is told of again.
    """

    name: str
    url: str = field(default="", repr=False)
    url_env: str = ""
    on: tuple[Change, ...] = (Change.CLOSED, Change.OPENED, Change.LOST)
    secret_env: str = ""
    remind: float | None = None


def scheme(url: str) -> str:
    """Return the scheme of a URL in small letters; empty where it is no URL."""
    found = _URL.fullmatch(url)
    return found["scheme"].lower() if found and url.isprintable() and len(url) <= _LONGEST_URL else ""


def parse_notify(value: object) -> tuple[Recipient, ...]:
    """Return the recipients that a policy names; ValueError with one sentence, which shows no URL."""
    if not isinstance(value, list):
        raise ValueError("expected a list of mappings, each with url or url_env")
    recipients: list[Recipient] = []
    for number, entry in enumerate(value, 1):
        try:
            recipient = _recipient(number, entry)
            if recipient.name in {other.name for other in recipients}:
                raise ValueError(f"url_env: {recipient.name} is in an entry before this one; make one entry of both")
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
        recipients.append(recipient)
    return tuple(recipients)


def _recipient(number: int, entry: object) -> Recipient:
    if not isinstance(entry, dict):
        raise ValueError("expected a mapping with url or url_env")
    values: dict[str, Any] = {}
    for written, value in entry.items():
        # YAML 1.1 reads the word `on` as true: as a key it is True in Python, and "true" where Helm wrote it again.
        key = "on" if written is True or written == "true" else written
        if key not in _KEYS:
            raise ValueError(f"{shown(key)}: unknown key{nearest(str(key), _KEYS)}")
        try:
            values[key] = _KEYS[key](value)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    if ("url" in values) == ("url_env" in values):
        raise ValueError("expected either url, or url_env with the name of the environment variable that holds it")
    name = values.get("url_env") or f"notify[{number}] ({scheme(values['url'])})"
    recipient = Recipient(name, **values)
    if recipient.secret_env and recipient.url and not scheme(recipient.url).endswith(CLOUDEVENTS):
        raise ValueError(f"secret_env: only webhooks are signed, whose url begins with https{CLOUDEVENTS}://")
    if recipient.remind is not None and not STAYS_CLOSED & set(recipient.on):
        raise ValueError("remind: what it reminds of is not in `on`, which has neither closed nor lost")
    return recipient


def _url(value: object) -> str:
    kind = scheme(value) if isinstance(value, str) else ""
    if kind.endswith(CLOUDEVENTS) and kind not in WEBHOOKS:
        raise ValueError(f"a webhook's URL begins with {' or '.join(f'{known}://' for known in WEBHOOKS)}")
    if kind:
        return str(value)
    raise ValueError("expected a URL such as mailto://user:password@mail.example")


def _variable(value: object) -> str:
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    raise ValueError("expected the name of an environment variable")  # a URL may stand there by mistake


def _changes(value: object) -> tuple[Change, ...]:
    expected = f"expected a list of {', '.join(Change)}"
    if not isinstance(value, list) or not value:
        raise ValueError(expected)
    try:
        return tuple(dict.fromkeys(Change(str(item)) for item in value))
    except ValueError:
        wrong = next(item for item in value if str(item) not in list(Change))
        raise ValueError(f"{expected}, got {shown(wrong)}{nearest(str(wrong), list(Change))}") from None


_VARIABLES: Final[Schema] = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}
_CHANGES: Final[Schema] = {"type": "array", "minItems": 1, "items": {"enum": list(map(str, Change))}}
NOTIFY: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "url": {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$", "maxLength": _LONGEST_URL},
            "url_env": _VARIABLES,
            "on": _CHANGES,
            "true": {**_CHANGES, "description": "what Helm makes of the word on"},
            "secret_env": _VARIABLES,
            "remind": TIMEOUT,
        },
        "oneOf": [{"required": ["url"]}, {"required": ["url_env"]}],
    },
}
"""What JSON Schema says of the key `notify`."""
_KEYS: Final[Mapping[str, Callable[[object], object]]] = {
    "url": _url,
    "url_env": _variable,
    "on": _changes,
    "secret_env": _variable,
    "remind": parse_timeout,
}

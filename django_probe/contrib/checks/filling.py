"""Puts the values of the environment, and what earlier steps saved, into addresses, headers and form fields."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django_probe.contrib.checks import urls
from django_probe.contrib.checks.errors import CheckError
from django_probe.http.masks import masking
from django_probe.http.response import is_header
from django_probe.policy.declared.secrets import PLACES, says_secret

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from django_probe.policy.declared.check import Check


@dataclass(slots=True)
class Filling:
    """The values for `${NAME}`, which are the environment's, and for `{{ name }}`, which steps saved."""

    saved: dict[str, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    """What no report may show: values in forms in which they are sent, and those of cookies."""

    def fill(self, text: str, where: str) -> str:
        """Return the text with every value; CheckError where one is missing, naming `where` in the policy."""
        return PLACES.sub(lambda found: self._value(found, where), text)

    def headers(self, check: Check) -> dict[str, str]:
        """Return the headers that a check sends; CheckError where HTTP has no such value, which is not shown."""
        headers = self._filled(check, "send")
        for name, value in headers.items():
            if not is_header(name, value):
                raise CheckError(f"{check.where}.send.{name}: a header takes one line of characters of Latin-1")
        return headers

    def form(self, check: Check) -> dict[str, str]:
        """Return the fields of the form that a check sends."""
        return self._filled(check, "form")

    def _filled(self, check: Check, key: str) -> dict[str, str]:
        """Return headers or fields with every value; what is sent under a secret's name is one."""
        texts: Mapping[str, str] = check.get(key, {})
        made = {name: self.fill(text, f"{check.where}.{key}.{name}") for name, text in texts.items()}
        for name, value in made.items():
            if says_secret(name):
                self.secrets |= {value, value.partition(" ")[2]}  # as behind "Bearer"
        return made

    def save(self, name: str, value: str, path: str) -> None:
        """Keep a value for later steps; it is a secret if its name, or the path at which it was, says so."""
        self.saved[name] = value
        if says_secret(name) or says_secret(path):
            self.secrets.add(value)

    def fill_url(self, text: str, where: str) -> str:
        """Return a URL, or a part of one, with every value as it has to be there; CheckError as `fill` and `urls`."""
        return urls.filled(text, lambda found: self._value(found, where), where)

    def shown(self, text: str) -> str:
        """Return the text as it may be shown: values of secrets, and of earlier steps, stay names."""
        return PLACES.sub(lambda found: _public(found) or found[0], text)

    def shown_url(self, text: str) -> str:
        """Return a URL as it may be shown."""
        return urls.filled(text, _public, "")

    def masked(self, text: str) -> str:
        """Return a text without what was sent, or saved, as a secret."""
        return masking(self.secrets)(text)

    def _value(self, found: re.Match[str], where: str) -> str:
        if name := found[1]:
            if not (value := os.environ.get(name, "")):
                raise CheckError(f"{where}: the environment has no {name}")
            if says_secret(name):
                self.secrets.add(value.strip())
            return value.strip()
        if found[2] not in self.saved:
            raise CheckError(f"{where}: no earlier step saved {found[2]}")
        return self.saved[found[2]]


def _public(found: re.Match[str]) -> str | None:
    """Return the value for a place, None where it is a secret, or where there is none."""
    name = found[1]
    return None if not name or says_secret(name) else os.environ.get(name, "").strip() or None

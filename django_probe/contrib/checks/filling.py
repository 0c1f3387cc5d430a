"""Puts the values of the environment, and what earlier steps saved, into addresses, headers and form fields."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django_probe.contrib.checks.errors import CheckError
from django_probe.declared.secrets import PLACES, says_secret
from django_probe.http.masks import masking

if TYPE_CHECKING:
    import re


@dataclass(slots=True)
class Filling:
    """The values for `${NAME}`, which are the environment's, and for `{{ name }}`, which steps saved."""

    saved: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str, where: str) -> str:
        """Return the text with every value; CheckError where one is missing, naming `where` in the policy."""
        return PLACES.sub(lambda found: self._value(found, where), text)

    def shown(self, text: str) -> str:
        """Return the text as it may be shown: values of secrets, and of earlier steps, stay names."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            return found[0] if not name or says_secret(name) else os.environ.get(name, found[0])

        return PLACES.sub(value, text)

    def masked(self, text: str) -> str:
        """Return a text without the values that steps saved under a secret's name; the record hides all others."""
        return masking(value for name, value in self.saved.items() if says_secret(name))(text)

    def _value(self, found: re.Match[str], where: str) -> str:
        if name := found[1]:
            if not (value := os.environ.get(name, "")):
                raise CheckError(f"{where}: the environment has no {name}")
            return value.strip()
        if found[2] not in self.saved:
            raise CheckError(f"{where}: no earlier step saved {found[2]}")
        return self.saved[found[2]]

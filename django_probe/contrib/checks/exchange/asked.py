"""What a check asks over HTTP: as it is sent, and as it may be shown."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_probe.contrib.checks.errors import CheckError
from django_probe.http import evidence
from django_probe.http.masks import HIDDEN, credentials, without_secrets
from django_probe.http.response import Question
from django_probe.policy.declared.secrets import PLACE, says_secret
from django_probe.policy.declared.values import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_probe.contrib.checks.filling import Filling
    from django_probe.policy.declared.check import Check

_PLACE: Final = re.compile(PLACE)


def _need_url(url: str, where: str) -> None:
    """Raise CheckError where the values made no URL of it."""
    try:
        parse_url(url)
    except ValueError as error:
        hint = "; a password in it has to be percent-encoded" if "@" in url else ""
        raise CheckError(f"{where}: {error}{hint}") from None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a check, with the values of the environment and of earlier steps that it takes."""

    check: Check
    filling: Filling

    @property
    def method(self) -> str:
        """The method: POST where a form is sent, unless it is written."""
        return str(self.check.get("method") or ("POST" if self.check.get("form") else "GET"))

    @property
    def follows(self) -> bool:
        """Whether redirects are followed."""
        return bool(self.check.get("follow", True))

    def url(self) -> str:
        """Return the URL that is asked; CheckError where what the environment gives makes none."""
        where = self.check.where
        url = self.filling.fill_url(self.check.subject, f"{where}.http")
        if url.startswith("/"):
            if "base" not in self.check.keys:
                raise CheckError(f"{where}.http: a path needs the key base, the URL that comes before it")
            base = self.filling.fill_url(self.check.keys["base"], f"{where}.base")
            if "?" in base or "#" in base:
                raise CheckError(f"{where}.base: expected a URL that a path can follow, without ? and #")
            _need_url(base, f"{where}.base")
            url = base.rstrip("/") + url
        _need_url(url, f"{where}.http")
        self.filling.secrets |= credentials(url)
        return url

    def headers(self) -> dict[str, str]:
        """Return the headers that are sent; CheckError where HTTP has no such value, which is not shown."""
        return self.filling.headers(self.check)

    def form(self) -> dict[str, str] | None:
        """Return the fields of the form that is sent; None where there is none."""
        return self.filling.form(self.check) or None

    def __str__(self) -> str:
        return f"{self.method} {self.shown_url()}"

    def shown_url(self) -> str:
        """Return the URL without user, password, and the values of parameters that are secrets by their names."""
        url = self.filling.shown_url(self.check.subject)
        if url.startswith("/"):
            url = self.filling.shown_url(self.check.get("base", "")).rstrip("/") + url
        return without_secrets(url)

    def shown(self) -> Question:
        """Return the question as it may be shown: of secrets the names, which are the shell's own variables."""
        form = dict(self._safe("form")) or None
        return Question(self.shown_url(), self.method, dict(self._safe("send")), form, follow=self.follows)

    def curl(self) -> str:
        """Return a line for a shell that asks the same; secrets are left to the shell's own variables."""
        return evidence.curl(self.shown(), _quoted)

    def _safe(self, key: str) -> Iterator[tuple[str, str]]:
        written: Mapping[str, str] = self.check.get(key, {})
        for name, text in written.items():
            if says_secret(name):
                yield name, text if _PLACE.search(text) or "{{" in text else HIDDEN  # of a place the name is shown
            else:
                yield name, self.filling.shown(text)


def _quoted(text: str) -> str:
    """Return a word for a shell, in which `${NAME}` is still a variable."""
    if not _PLACE.search(text):
        return shlex.quote(text)
    inside = re.sub(r'[\\"`]|\$(?!\{[A-Za-z_])', r"\\\g<0>", text)
    return f'"{inside}"'

"""The URLs that a page leads to, for one visitor."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True, slots=True)
class Links:
    """The URLs for one visitor: `root` is that of the status page, `next` where a login comes back to."""

    root: str
    login_url: str = ""
    csrf_token: str = ""
    next: str = ""
    logout_url: str = ""

    def of_gate(self, name: str) -> str:
        """Return the URL of a gate."""
        return f"{self.root}gates/{quote(name, safe='')}/"

    def of_run(self, name: str) -> str:
        """Return the URL of a run by its id or name, whatever characters that has."""
        return f"{self.root}runs/{quote(name, safe='@')}/"

    def of_comparison(self, before: str, after: str, gate: str) -> str:
        """Return the URL that compares two runs of a gate."""
        return f"{self.root}compare/?{urlencode({'from': before, 'to': after, 'gate': gate})}"

    @property
    def login(self) -> str:
        """The URL of the log-in page that comes back to this one; empty where there is none."""
        if not self.login_url:
            return ""
        return f"{self.login_url}{'&' if '?' in self.login_url else '?'}{urlencode({'next': self.next or self.root})}"

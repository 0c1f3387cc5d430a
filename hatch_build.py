"""Makes the long description that PyPI shows: the README, whose relative links lead to the sources of the release."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

SOURCES = "https://github.com/django-probe/django-probe/blob"
_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)(?P<target>[^)\s]+)(?=\))")
_CODE = re.compile(r"^(?P<ticks>`{3,}).*?^(?P=ticks)$", re.DOTALL | re.MULTILINE)


class Readme(MetadataHookInterface):
    """The hook of the key `readme`, which is dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the description into the metadata."""
        root = Path(self.root)
        version = _VERSION.search((root / "django_probe" / "__init__.py").read_text(encoding="utf-8"))
        if version is None:
            raise ValueError("django_probe/__init__.py states no __version__")
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, f"v{version[1]}")}


def absolute(markdown: str, tag: str) -> str:
    """Return the README with every relative link made one of the sources at `tag`; code stays as it is."""

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        return f"{SOURCES}/{tag}/{f'README.md{target}' if target.startswith('#') else target}"

    text, end = [], 0
    for code in _CODE.finditer(markdown):
        text += [_LINK.sub(link, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*text, _LINK.sub(link, markdown[end:])])

"""Which licences a package of the image may have, each with the reason why it may."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PERMISSIVE: Final = "asks for its notice alone, which is in the image beside the package"
ALLOWED: Final[Mapping[str, str]] = {
    "Apache-2.0": _PERMISSIVE,
    "BSD-2-Clause": _PERMISSIVE,
    "BSD-3-Clause": _PERMISSIVE,
    "ISC": _PERMISSIVE,
    "MIT": _PERMISSIVE,
    "LGPL-3.0-only": "of psycopg, which is imported as it is: whoever has the image can put another one in its place",
}
_CLASSIFIERS: Final[Mapping[str, str]] = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
}
"""What packages say that state no expression; "BSD License" is either of the two that are allowed."""


def problems(packages: Iterable[str]) -> list[str]:
    """Return a sentence for each package that is not installed, or whose licence is not allowed."""
    return [sentence for name in packages if (sentence := _problem(name))]


def _problem(name: str) -> str:
    try:
        stated = _stated(name)
    except PackageNotFoundError:
        return f"{name}: is not installed, so its licence is not known"
    if not stated:
        return f"{name}: states no licence that is known here"
    refused = sorted(stated - ALLOWED.keys())
    return f"{name}: {', '.join(refused)}: not among the licences that are allowed; see ALLOWED" if refused else ""


def _stated(name: str) -> set[str]:
    """Return the identifiers in the licence expression of an installed package, else those that it states elsewhere."""
    about = metadata(name)
    if expressions := about.get_all("License-Expression"):
        return set(re.findall(r"[\w.-]+", expressions[0])) - {"AND", "OR", "WITH"}
    classified = {_CLASSIFIERS[each] for each in about.get_all("Classifier") or [] if each in _CLASSIFIERS}
    return classified or {text for text in about.get_all("License") or [] if text in ALLOWED}

"""What a probe may put another in the place of: modules, and methods of classes."""

from __future__ import annotations

import gc
import sys
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from django_probe.execution.state.known import FOREIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OF_PYTHON: Final = frozenset(
    "asyncio datetime ftplib http.client imaplib json logging os poplib random secrets shutil smtplib socket "  # noqa: SIM905 (a column of names says no more)
    "sqlite3 ssl subprocess tempfile time urllib.request uuid".split()
)
"""Modules of Python that are often replaced by a fake as a whole."""
_FEW: Final = 600
"""Modules up to which getting each by its name is quicker than getting all in their order."""
_NO_FILES: Final = ("built-in", "frozen")
_CHANGEABLE: Final = 1 << 9
"""The flag of a class that a program made (Py_TPFLAGS_HEAPTYPE): nobody can patch any other."""


@cache
def replaceable() -> Callable[[dict[str, Any]], Any]:
    """Return what gets, from all modules, what a probe may replace: the project's, other packages, some of Python's.

    To get all of them would take longer than all the rest of the look, for each is an object that has to be touched.
    """
    names = []
    for name, module in sys.modules.items():
        if name.startswith("django_probe."):
            continue
        origin = _origin(module)
        ours = origin and not origin.startswith((*FOREIGN, *_NO_FILES))
        if ours or name in _OF_PYTHON or (origin and "." not in name and name not in sys.stdlib_module_names):
            names.append(name)
    if len(names) <= _FEW:
        return itemgetter(*names)
    known = len(sys.modules)  # new ones come last
    return lambda modules: [*islice(modules.values(), known)]


def is_installed(module: object) -> bool:
    """Return whether a module is Python's, or of a package that is installed."""
    return _origin(module).startswith(FOREIGN)


def _origin(module: object) -> str:
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin if isinstance(origin, str) else ""


def dicts_of(classes: Iterable[type]) -> list[dict[str, Any]]:
    """Return where classes, and what they are made of, have their methods."""
    bases = dict.fromkeys(base for cls in classes for base in cls.__mro__ if base.__flags__ & _CHANGEABLE)
    return [gc.get_referents(vars(base))[0] for base in bases]

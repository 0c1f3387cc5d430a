"""Compiles probes modules with their asserts, whatever PYTHONOPTIMIZE says.

Under `python -O` every bare `assert` vanishes, and a probe of nothing else would pass. What the project is made of
stays as it is: an app may rely on being optimised, and its asserts are not the probes'.
"""

from __future__ import annotations

import ast
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import TYPE_CHECKING, Any
from zipimport import zipimporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, ModuleType


def keep_asserts(packages: Iterable[str]) -> None:
    """Compile the modules of these names, and all below them, with their asserts when they are imported from now on."""
    if sys.flags.optimize:
        _finder.packages = tuple(packages)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


def without_asserts(package: str) -> str:
    """Return why asserts of the modules of this name, and of all below it, are lost; empty where none are.

    What was imported before `keep_asserts` was called stays as Python compiled it.
    """
    if not sys.flags.optimize:
        return ""
    early = sorted(name for name in [*sys.modules] if f"{name}.".startswith(f"{package}.") and _lost_asserts(name))
    if not early:
        return ""
    return (
        f"Python's -O or PYTHONOPTIMIZE took the asserts out of {', '.join(early)}, which the project imports before "
        f"the probes are loaded; import it nowhere else, or run without -O"
    )


def _lost_asserts(name: str) -> bool:
    loader: Any = getattr(getattr(sys.modules[name], "__spec__", None), "loader", None)
    if type(loader) not in (SourceFileLoader, zipimporter):
        return False
    try:
        nodes = ast.walk(ast.parse(loader.get_source(name) or ""))
    except (ImportError, SyntaxError, ValueError):  # it is not there any more, or was written anew
        return True
    return any(isinstance(node, ast.Assert) or getattr(node, "id", "") == "__debug__" for node in nodes)


class _Loader(SourceFileLoader):
    """Compiles each time: a file of bytecode has the level of the whole process in its name."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = compile(self.get_data(path), path, "exec", dont_inherit=True, optimize=0)
        return code


class _ZipLoader(zipimporter):
    """Does so for an app that is imported from a ZIP file, where that has the source."""

    def get_code(self, fullname: str) -> CodeType:
        if (source := self.get_source(fullname)) is None:
            return super().get_code(fullname)
        code: CodeType = compile(source, self.get_filename(fullname), "exec", dont_inherit=True, optimize=0)
        return code


class _Finder:
    """Finds what the finders behind it find, and gives it another loader."""

    packages: tuple[str, ...] = ()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(fullname == package or fullname.startswith(f"{package}.") for package in self.packages):
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in found if spec is not None), None)
        if spec and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        elif spec and isinstance(spec.loader, zipimporter):
            spec.loader = _ZipLoader(os.path.join(spec.loader.archive, spec.loader.prefix))  # noqa: PTH118 (no path)
        return spec


_finder = _Finder()

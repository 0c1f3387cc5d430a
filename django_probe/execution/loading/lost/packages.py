"""Finds the files of a probes package that nobody imports: their probes would be lost without a word."""

from __future__ import annotations

import importlib.machinery
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_MAIN: Final = "__main__.py"
_NAMED: Final = 3


def lost_files(package: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the name below the package of each file and folder that is not imported, and a sentence that says why.

    A package below it is looked at by itself. What begins with `_` or `.` is left out on purpose, but not
    `__main__.py`, which only looks like it.
    """
    for path in map(Path, getattr(package, "__path__", ())):
        for entry in sorted(path.iterdir()) if path.is_dir() else ():
            why = _of_folder(entry) if entry.is_dir() else _of_file(entry)
            if why:
                yield entry.name.removesuffix(".py"), f"{entry} {why}"


def lost_module(app: Path) -> str:
    """Return why what looks like the `probes.py` of an app without probes is lost, empty where there is none."""
    file = app / "probes.py"
    if file.is_dir():
        return f"{file} is a folder, of which nothing is imported; put the file there (a mount of a missing file?)"
    if file.is_symlink() and not file.exists():
        return f"{file} is a link to {file.readlink()}, which is not there; mend the link, or remove it"
    for name in os.listdir(app) if app.is_dir() and _can_be_listed(app) else ():  # noqa: PTH208 (a path for each takes long)
        if name != file.name and name.lower() == file.name and (app / name).is_file():
            return f"{app / name} is never imported, because of its name; rename it to {file.name}"
    return ""


def shadowed_folder(module: ModuleType) -> str:
    """Return why the files in the folder beside a `probes.py` are lost, empty where there are none."""
    if hasattr(module, "__path__") or not (file := getattr(module, "__file__", None)):
        return ""
    folder = Path(file).with_suffix("")
    if not (files := _files(folder)):
        return ""
    return (
        f"{folder} is a folder beside {Path(file).name}, of which Python imports the file alone, because the folder "
        f"has no __init__.py ({_some(files)}); keep one"
    )


def _of_folder(folder: Path) -> str:
    """Return why the files in a folder are lost, empty where they are not."""
    if _is_left_out(folder.name):
        files = []
    elif not _can_be_listed(folder):
        return "cannot be read, so that nothing in it is loaded; let the user of the probes list it"
    else:
        files = _files(folder)
    is_package = _is_package(folder)
    if "." in folder.name and (files or is_package):
        return "is never imported, because it has a dot in its name; rename it"
    if not files or is_package:
        return ""
    deeper = ", and to the folders below it" if any("/" in file for file in files) else ""
    return f"has no __init__.py, so that nothing in it is loaded ({_some(files)}); add an empty one{deeper}"


def _of_file(file: Path) -> str:
    """Return why a file is lost, empty where it is not, or is no file of Python's."""
    if file.name == _MAIN:
        return "is never imported; move what is in it into a module of another name"
    if file.suffix != ".py" or _is_left_out(file.name):
        return ""
    if "." in file.stem:
        return "is never imported, because it has a dot in its name; rename it"
    if _is_package(file.with_suffix("")):
        return "is a file beside a folder of the same name, of which Python imports the folder alone; keep one"
    return ""


def _is_package(folder: Path) -> bool:
    """Return whether Python takes the folder for a package: `__init__.pyi` or `__init__.py.orig` makes it none."""
    return any((folder / f"__init__{suffix}").is_file() for suffix in importlib.machinery.all_suffixes())


def _can_be_listed(folder: Path) -> bool:
    try:
        os.listdir(folder)  # noqa: PTH208 (the same call as pkgutil's, which hides the error)
        return os.access(folder, os.X_OK)
    except OSError:
        return False


def _some(files: list[str]) -> str:
    return ", ".join(files[:_NAMED]) + (", ..." if len(files) > _NAMED else "")


def _files(folder: Path) -> list[str]:
    """Return Python's files in a folder and below it, behind links too, each folder once."""
    found: list[str] = []
    seen: set[str] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(where)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        paths = (Path(where, name) for name in sorted(files))
        found.extend(path.relative_to(folder).as_posix() for path in paths if _holds_probes(path))
    return found


def _holds_probes(file: Path) -> bool:
    """Return whether there may be probes in a file: an `__init__.py` is mostly there for the files beside it."""
    if file.name == "__init__.py":
        return not file.is_file() or file.stat().st_size > 0  # of a link to nowhere nobody knows
    return file.name == _MAIN or (file.suffix == ".py" and not _is_left_out(file.name))


def _is_left_out(name: str) -> bool:
    return name.startswith(("_", "."))

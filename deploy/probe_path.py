"""PROBE_PATH: folders whose files and packages are apps with probes, without being on sys.path.

`NAME.py` holds the probes of an app NAME, and so do `NAME/probes.py` and `NAME/probes/`. They are imported as
`probe_path.NAME.probes`. Nothing else has such a name, so a `json.py` there shadows nothing. `probe_path` and
`probe_path.NAME` hold no code, so that Django can install the apps in a process that must never import a
probe. A package's own `__init__.py` runs right before its probes are imported.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

NAMESPACE: Final = "probe_path"
VARIABLE: Final = "PROBE_PATH"


@dataclass(frozen=True, slots=True)
class Found:
    """An app on PROBE_PATH: `place` is its file or its folder, `probes` the file with the probes."""

    label: str
    place: Path
    probes: Path

    @property
    def name(self) -> str:
        """The app's name in INSTALLED_APPS."""
        return f"{NAMESPACE}.{self.label}"


def install(folders: Sequence[Path], taken: Mapping[str, str]) -> list[str]:
    """Make the apps of the folders importable, and return their names for INSTALLED_APPS.

    `taken` are the apps that are installed already, by label. Nothing of a found app is imported. Raise
    UsageError for a folder that cannot be read and for a name that is no app's or is taken.
    """
    places = dict(taken)
    try:
        found = [app for folder in folders for app in _apps(folder)]
    except OSError as error:
        raise UsageError(f"{VARIABLE}: {error.filename}: cannot be read: {error.strerror}") from None
    for app in found:
        if app.label in places:
            raise UsageError(
                f'{VARIABLE}: {app.place}: there is an app "{app.label}" already, {places[app.label]}; '
                f"rename the file or folder"
            )
        places[app.label] = str(app.place)
    if found:
        sys.meta_path.insert(0, _Finder({app.label: app for app in found}))
    return [app.name for app in found]


def _apps(folder: Path) -> Iterator[Found]:
    for entry in sorted(folder.iterdir()):
        # Kubernetes keeps the files of a mounted ConfigMap in ..data and links to them.
        if not entry.name.startswith((".", "_")) and (app := _app(entry)):
            if not app.label.isidentifier():
                raise UsageError(
                    f'{VARIABLE}: {entry}: "{app.label}" is no name of an app; rename it, with letters, '
                    f"digits and _ alone"
                )
            yield app


def _app(entry: Path) -> Found | None:
    if not entry.is_dir():
        return Found(entry.stem, entry, entry) if entry.suffix == ".py" else None
    module, package = entry / "probes.py", entry / "probes"
    if package.is_dir():
        module = package / "__init__.py"
        if not module.exists():
            raise UsageError(f"{VARIABLE}: {package}: it has no __init__.py; add an empty one")
    if not module.exists():
        return None
    for own in ("apps.py", "models.py", "models"):
        if (entry / own).exists():
            raise UsageError(
                f"{VARIABLE}: {entry / own}: a package here has probes and their helpers, no models, no app "
                f"configuration; rename it, or install the app in settings of your own"
            )
    return Found(entry.name, entry, module)


class _Finder:
    """The import system's way to the apps, on sys.meta_path; it answers for names in NAMESPACE alone."""

    def __init__(self, apps: Mapping[str, Found]) -> None:
        self.apps = apps

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the namespace, an app or its probes; a package's helpers are for PathFinder."""
        del path, target
        match fullname.split("."):
            case [namespace] if namespace == NAMESPACE:
                return _empty_package(fullname, [])
            case [namespace, label] if namespace == NAMESPACE and label in self.apps:
                # Nothing can be imported below a file, and Django still gets a path for the app.
                return _empty_package(fullname, [str(self.apps[label].place)])
            case [namespace, label, "probes"] if namespace == NAMESPACE and label in self.apps:
                return _probes(fullname, self.apps[label])
        return None


class _ProbesLoader(SourceFileLoader):
    """Loads the probes, and before them the `__init__.py` of the package that they are in."""

    def __init__(self, fullname: str, app: Found) -> None:
        super().__init__(fullname, str(app.probes))
        self.package_code = app.place / "__init__.py"

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of both. Whatever it raises is the error of the import."""
        package = sys.modules[self.name.rpartition(".")[0]]
        if self.package_code.exists():
            package.__file__ = str(self.package_code)
            SourceFileLoader(package.__name__, package.__file__).exec_module(package)
        super().exec_module(module)


def _empty_package(name: str, search: list[str]) -> ModuleSpec:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = search
    return spec


def _probes(fullname: str, app: Found) -> ModuleSpec | None:
    return spec_from_file_location(fullname, app.probes, loader=_ProbesLoader(fullname, app))

"""What is started: the project's manage.py, or `python -m django`, in a process that was forked for it."""

from __future__ import annotations

import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django_probe.errors import UsageError
from django_probe.process.environment import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE: Final = "DJANGO_PROBE_MANAGE"
_NOT_OF_FILES: Final = ("built-in", "frozen")


@dataclass(frozen=True, slots=True)
class Application:
    """Where the project begins: `script` is its manage.py, None where it is `python -m django`."""

    script: str | None

    def run(self, arguments: Sequence[str]) -> None:
        """Run it in this process, as Python would from the command line; raises what it raises, SystemExit as well."""
        if self.script is None:
            _run_django(arguments)
        else:
            _run_script(self.script, arguments)


def find(settings: str | None) -> Application:
    """Return the application of this folder; `settings` as the option names them. UsageError where there is none."""
    if named := environment(VARIABLE):
        if not Path(named).is_file():
            raise UsageError(f"{VARIABLE}: there is no file {named}; name the project's manage.py")
        return Application(named)
    if Path("manage.py").is_file():
        return Application("manage.py")
    if settings or environment("DJANGO_SETTINGS_MODULE"):
        return Application(None)
    raise UsageError(
        f"there is no manage.py in {Path.cwd()}: start this where it is, let {VARIABLE} name it, or let "
        f"DJANGO_SETTINGS_MODULE name the settings of a project without one"
    )


def _run_script(script: str, arguments: Sequence[str]) -> None:
    path = os.path.abspath(script)  # noqa: PTH100 (a Path would take the links out)
    _first_on_path(os.path.dirname(os.path.realpath(script)))  # noqa: PTH120 (a text is wanted)
    sys.argv[:] = [script, *arguments]
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]  # as in every module that Python runs
    sys.modules["__main__"] = main
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), main.__dict__)  # noqa: S102 (it is what was asked for)


def _run_django(arguments: Sequence[str]) -> None:
    import runpy  # noqa: PLC0415 (with a manage.py nobody needs it)

    _first_on_path(os.getcwd())  # noqa: PTH109 (a text is wanted)
    sys.argv[:] = ["django", *arguments]
    runpy.run_module("django", run_name="__main__", alter_sys=True)


def _first_on_path(folder: str) -> None:
    """Put a folder where Python puts a script's, unless it was told not to, and let its modules come first again."""
    if sys.flags.safe_path:
        return
    sys.path[0] = folder
    for entry in Path(folder).iterdir():
        name = entry.name.removesuffix(".py")
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        # A project may have a module named as one of Python's that the supervisor has imported.
        origin = str(getattr(spec, "origin", "built-in"))
        if origin not in _NOT_OF_FILES and not origin.startswith(f"{entry.parent}{os.sep}") and _is_module(entry):
            for loaded in [other for other in sys.modules if other == name or other.startswith(f"{name}.")]:
                del sys.modules[loaded]


def _is_module(entry: Path) -> bool:
    return entry.suffix == ".py" or (entry / "__init__.py").is_file()

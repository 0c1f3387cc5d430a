"""What the command line asks for, as far as the supervisor has to know: where the reports go, and the run's name."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NoReturn

import django_probe
from django_probe.management.arguments import add_arguments
from django_probe.policy.gates import DEFAULT
from django_probe.process import handshake
from django_probe.reports.delivery.wanted import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROG: Final = handshake.PROG


@dataclass(frozen=True, slots=True)
class Request:
    """The options that matter before there are settings; the command reads all of them, and refuses what is wrong.

    `deadline` is in seconds, None where the command line has none. `arguments` are all of them, as they were given.
    """

    options: Mapping[str, Any]
    arguments: Sequence[str] = ()
    gate: str = DEFAULT
    shard: str | None = None
    deadline: float | None = None
    settings: str | None = None

    @property
    def lists(self) -> bool:
        """Whether nothing is to run: it is only asked what would, or how a policy is written."""
        return bool(self.options.get("list") or self.options.get("schema"))


class _UnreadableError(Exception):
    """The command line cannot be read; the command says why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UnreadableError(message)


def read(arguments: Sequence[str]) -> Request:
    """Return what the arguments ask for, as far as they can be read; `--help` and `--version` end Python."""
    parser = _Parser(prog=PROG, usage=f"{PROG} [option ...] [label ...]", allow_abbrev=False)
    add_arguments(parser)
    _add_those_of_django(parser)
    types = {action.dest: action.type for action in parser._actions}  # noqa: SLF001 (argparse has no other name for it)
    for action in parser._actions:  # noqa: SLF001 (as above)
        action.type = None  # a wrong value of one option is no reason to leave old reports of another in place
    try:
        options = vars(parser.parse_known_args(list(arguments))[0])
    except _UnreadableError:
        return Request(_report_options(arguments), arguments)
    shard = _value(types["shard"], options["shard"])
    return Request(
        options,
        arguments,
        gate=options["gate"] or DEFAULT,
        shard=None if shard is None else str(shard),
        deadline=_value(types["deadline"], options["deadline"]),
        settings=options["settings"],
    )


def _report_options(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the options that ask for reports out of a command line that cannot be read: old ones have to go.

    Each has every path that is given for it.
    """
    found: dict[str, list[str]] = {}
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        option, equals, path = argument.partition("=")
        path = path if equals else following
        if option in OPTIONS and path and not path.startswith("--"):
            found.setdefault(OPTIONS[option], []).append(path)
    return found


def _value(parse: Any, given: str | None) -> Any:
    read_: Callable[[str], Any] = parse
    try:
        return None if given is None else read_(given)
    except (argparse.ArgumentTypeError, TypeError, ValueError):
        return None


def _add_those_of_django(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command of Django's has, so that none of their values is taken for a label."""
    every = parser.add_argument_group("every command of Django's")
    every.add_argument("--version", action="version", version=f"django-probe {django_probe.__version__}")
    every.add_argument("-v", "--verbosity", metavar="{0,1,2,3}", default="1", help="how much is said")
    every.add_argument("--settings", metavar="MODULE", help="the settings, as DJANGO_SETTINGS_MODULE names them")
    every.add_argument("--pythonpath", metavar="DIR", help="a folder to find modules in")
    every.add_argument("--traceback", action="store_true", help="show the traceback of what is refused")
    every.add_argument("--no-color", action="store_true", help="no colour on a terminal")
    every.add_argument("--force-color", action="store_true", help="colour always")
    every.add_argument("--skip-checks", action="store_true", help="accepted: no checks are run")

"""The options of `manage.py probe`, and what their values must be."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from django_probe.errors import UsageError
from django_probe.policy.gates import MAX_PARALLEL
from django_probe.reports.delivery.wanted import Once
from django_probe.terms import parse_access, parse_count, parse_duration, parse_flag, parse_isolation, parse_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_probe.sharding.shards import Shard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every option of the command to `parser`."""
    parser.add_argument("labels", nargs="*", metavar="label", help="app, app.Class or app.Class.method")
    which = parser.add_argument_group("which probes")
    which.add_argument("--gate", metavar="NAME", help='a gate of the policy file; without one, "default"')
    which.add_argument(
        "--policy", type=_path, metavar="FILE", help="the policy file (else settings or env PROBE_POLICY)"
    )
    which.add_argument(
        "--tag", action="append", type=_word, dest="tags", metavar="T", help="only probes with any of these"
    )
    which.add_argument("--exclude-tag", action="append", type=_word, dest="exclude_tags", metavar="T", help="not these")
    which.add_argument(
        "-k", action="append", type=_word, default=[], dest="patterns", metavar="PATTERN", help="as manage.py test -k"
    )
    which.add_argument(
        "--require",
        action="append",
        type=_word,
        default=[],
        metavar="LABEL",
        help="a label or pattern that must be there, and run",
    )
    which.add_argument("--shard", type=_shard, metavar="I/N", help="the I-th of N parts, I from 0 to N-1")
    which.add_argument("--list", action="store_true", help="print what would run, one label a line")
    which.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of the policy file, and run nothing"
    )
    which.add_argument("--allow-empty", action="store_true", help="exit 0 where nothing ran")
    how = parser.add_argument_group("how they run")
    how.add_argument("--parallel", type=_parallel, metavar="N", help="workers; 0: in this process, to debug")
    how.add_argument("--timeout", type=typed(parse_timeout), metavar="DUR", help="for each probe: 250ms, 30s")
    how.add_argument("--deadline", type=typed(parse_timeout), metavar="DUR", help="for the run, imports included")
    how.add_argument("--retries", type=_count, metavar="N", help="try a problem again so many times")
    how.add_argument("--retry-delay", type=typed(parse_duration), metavar="DUR", help="wait before a retry")
    how.add_argument("--failfast", action="store_true", help="stop at the first blocking problem")
    how.add_argument(
        "--isolation",
        type=typed(parse_isolation),
        metavar="{process,worker}",
        help="a process for each probe, or workers that run one after the other",
    )
    how.add_argument(
        "--database-access",
        type=typed(parse_access),
        metavar="{read-only,rollback,read-write}",
        help="what probes may do to the databases",
    )
    told = parser.add_argument_group("what is told", 'PATH "-" is standard output')
    told.add_argument("--junit", action=Once, type=_path, metavar="PATH", help="write the report that CI reads")
    told.add_argument("--json", action=Once, type=_path, metavar="PATH", help="write the record")
    told.add_argument(
        "--summary", action=Once, type=_path, dest="markdown", metavar="PATH", help="write a Markdown summary"
    )
    told.add_argument(
        "--html", action=Once, type=_path, metavar="PATH", help="write the run's page, one file without requests"
    )
    told.add_argument("--annotations", action="store_true", help="show problems in GitHub Actions, beside the code")
    told.add_argument("--durations", type=_count, metavar="N", help="show the N slowest probes")
    told.add_argument("--no-history", action="store_true", help="leave no record in the history")
    told.add_argument(
        "--noinput", "--no-input", action="store_false", dest="interactive", help="accepted: nothing is asked"
    )


def given_in_code(parser: argparse.ArgumentParser, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with every value as the command line would have it; UsageError where one is none.

    What `call_command()` is given by name Django hands on unread: a text as much as a value.
    """
    read = dict(options)
    for action in parser._actions:  # noqa: SLF001 (argparse has no other name for it; Django asks there too)
        if (value := options.get(action.dest)) is not None:
            try:
                read[action.dest] = _read(action, value)
            except (argparse.ArgumentTypeError, TypeError, ValueError) as error:
                name = "/".join(action.option_strings) or action.metavar
                raise UsageError(f"argument {name}: {error}") from None
    return read


def _read(action: argparse.Action, value: Any) -> Any:
    if action.nargs == 0:
        return parse_flag(value)
    parse: Any = action.type or str
    if action.nargs == "*" or isinstance(action, argparse._AppendAction):  # noqa: SLF001 (as above)
        return [parse(item) for item in ([value] if isinstance(value, str) else value)]
    return parse(value)


def typed(parse: Callable[[object], Any]) -> Callable[[object], Any]:
    """Return what argparse reads an option with; its ValueError is the command's one line."""

    def convert(value: object) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _count(value: object) -> int:
    count: int = typed(parse_count)(_number(value))
    return count


def _parallel(value: object) -> int:
    number = _number(value)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_PARALLEL:
        return number
    raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {MAX_PARALLEL}, got {value!r}")


def _shard(value: object) -> Shard:
    from django_probe.sharding.shards import Shard  # noqa: PLC0415 (most runs have none)

    index, slash, count = str(value).partition("/")
    numbers = (_number(index), _number(count))
    if slash and all(isinstance(number, int) for number in numbers) and int(index) < int(count):
        return Shard(int(index), int(count))
    raise argparse.ArgumentTypeError(f"expected I/N with I from 0 to N-1, such as 0/4, got {value!r}")


def _word(value: Any) -> str:
    if (word := str(value)).strip():
        return word
    raise argparse.ArgumentTypeError("expected a text, got nothing; leave the option out for every probe")


def _path(value: Any) -> str:
    if path := os.fsdecode(value):
        return path
    raise argparse.ArgumentTypeError("expected a path, got nothing")

"""Reads the policy file.

The YAML is turned into frozen dataclasses at once. Whatever is wrong with it is one `PolicyError` whose message
is one line: where, what was expected, and the nearest right key.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_probe.naming.names import nearest
from django_probe.policy.gates import MAX_PARALLEL, READY, Gate, Policy, PolicyError
from django_probe.policy.keys import (
    ACCESS,
    COUNT,
    DURATION,
    FLAG,
    OWNER,
    RUNBOOK,
    TIMEOUT,
    WORD,
    WORDS,
    Key,
    by_label,
    defined,
)
from django_probe.policy.recipients import NOTIFY, parse_notify
from django_probe.terms import (
    Isolation,
    parse_access,
    parse_count,
    parse_duration,
    parse_flag,
    parse_isolation,
    parse_owner,
    parse_runbook,
    parse_timeout,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import yaml

    from django_probe.policy.declared.check import Check

TOP: Final = ("gates", "checks")
GATE_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9_-]*$"
_MAX_BYTES: Final = 1 << 20
_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MISREAD: Final = re.compile(r"[-+]?0[0-9]|.*[_:]")
"""How a number begins that nobody reads as YAML 1.1 does: 0200 is 128 there, 1:30 is 90, and 1_0 is 10."""


def _text(value: object) -> str:
    if isinstance(value, str) and value and value == value.strip() and not value.startswith("-"):
        return value
    raise ValueError(f"expected a text that is not empty and does not begin with -, got {shown(value)}")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, got {_kind(value)}")
    return tuple(_text(item) for item in value)


def _choice(value: object) -> tuple[str, ...]:
    if not (texts := _texts(value)):
        raise ValueError("expected at least one entry; leave the key out for every probe")
    return texts


def _by_label(parse: Callable[[object], str], value: object) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a mapping from labels or patterns to what `parse` takes."""
    if not isinstance(value, dict):
        raise ValueError(f"expected a mapping of labels or patterns, got {_kind(value)}")
    pairs = []
    for entry, given in value.items():
        try:
            pairs.append((_text(entry), parse(given)))
        except ValueError as error:
            raise ValueError(f"{shown(entry)}: {error}") from None
    return tuple(pairs)


def parse_parallel(value: object) -> int:
    """Return a number of workers; ValueError with one sentence."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_PARALLEL:
        return value
    raise ValueError(f"expected a whole number from 1 to {MAX_PARALLEL}, got {shown(value)}")


KEYS: Final[Mapping[str, Key]] = {
    "probes": Key(_choice, {"type": "array", "items": defined("label"), "minItems": 1}, "these, or every probe"),
    "tags": Key(_choice, {"type": "array", "items": WORD, "minItems": 1}, "only probes with any of these tags"),
    "exclude_tags": Key(_texts, WORDS, "no probe with any of these tags"),
    "parallel": Key(parse_parallel, {"type": "integer", "minimum": 1, "maximum": MAX_PARALLEL}, "how many at a time"),
    "timeout": Key(parse_timeout, TIMEOUT, "for a probe with its setUp and tearDown"),
    "deadline": Key(parse_timeout, TIMEOUT, "for the run, from the start of the process, imports included"),
    "retries": Key(parse_count, COUNT, "how often a problem is tried again"),
    "retry_delay": Key(parse_duration, DURATION, "how long to wait before that"),
    "failfast": Key(parse_flag, FLAG, "stop at the first problem that closes the gate"),
    "isolation": Key(parse_isolation, {"enum": list(map(str, Isolation))}, "what a probe has for itself"),
    "database_access": Key(parse_access, ACCESS, "what a probe may do to the databases; where written, a ceiling"),
    "warn_only": Key(_texts, WORDS, "a problem of these is reported, and does not close the gate"),
    "require": Key(_texts, WORDS, "these have to be there and must not skip"),
    "owners": Key(partial(_by_label, parse_owner), by_label(OWNER), "who mends these"),
    "runbooks": Key(partial(_by_label, parse_runbook), by_label(RUNBOOK), "the URLs of what they do"),
    "notify": Key(parse_notify, NOTIFY, "who is told when the gate's state changes"),
    "every": Key(parse_timeout, TIMEOUT, "how often a web process runs the gate ready"),
    "max_age": Key(parse_timeout, TIMEOUT, "how long an answer of the gate ready is good"),
}
_READY_ONLY: Final = frozenset({"every", "max_age"})
# The thread that keeps `ready` has no workers, no retries and no guard: what it cannot do it must not promise.
_NOT_READY: Final = frozenset(
    {"parallel", "deadline", "retries", "retry_delay", "failfast", "isolation", "database_access", "require", "notify"}
)


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return names.get(type(value)) or shown(value)


def _mapping(value: object, where: str, of: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise PolicyError(f"{where}: expected a mapping of {of}, got {_kind(value)}")
    if wrong := [key for key in value if not isinstance(key, str)]:
        raise PolicyError(f"{where}: expected names as keys, got {shown(wrong[0])}; put it in quotes")
    return value


def _gate(name: str, written: object) -> Gate:
    where = f"gates.{name}"
    values: dict[str, Any] = {}
    for key, value in _mapping({} if written is None else written, where, "keys").items():
        if key not in KEYS:
            raise PolicyError(f"{where}.{key}: unknown key{nearest(key, KEYS)}")
        if key in _READY_ONLY and name != READY:
            raise PolicyError(f'{where}.{key}: only the gate "{READY}" is kept by a web process; take the key out')
        if key in _NOT_READY and name == READY:
            raise PolicyError(
                f'{where}.{key}: the gate "{READY}" is kept by a thread of each web process, which cannot honour '
                f"this key; take it out"
            )
        try:
            values[key] = KEYS[key].parse(value)
        except ValueError as error:
            raise PolicyError(f"{where}.{key}: {error}") from None
    if both := [entry for entry in values.get("require", ()) if entry in values.get("warn_only", ())]:
        raise PolicyError(
            f'{where}.require: "{both[0]}" is in warn_only too, and what is required closes the gate; '
            f"take it out of one of them"
        )
    if name != READY:
        return replace(Gate(name=name), **values)
    ready = replace(Gate(name=name, timeout=2.0), **values)
    # Else whoever writes `every` alone would be stale before each next round.
    return ready if "max_age" in values else replace(ready, max_age=max(ready.max_age, 3 * ready.every))


def parse_policy(text: str, source: str) -> Policy:
    """Return the policy that the YAML `text` states; `source` names it in the PolicyError it may raise."""
    try:
        lines: dict[str, int] = {}
        policy = _mapping(_load(text, lines), "top level", 'the keys "gates" and "checks"')
        for key in policy:
            if key not in TOP:
                raise PolicyError(f'{key}: unknown key; the file has the keys "gates" and "checks"{nearest(key, TOP)}')
        gates = _mapping(policy.get("gates"), "gates", "gates by name")
        checks = _checks(policy["checks"], lines) if "checks" in policy else ()
        return Policy({name: _gate(_gate_name(name), written) for name, written in gates.items()}, source, checks)
    except (PolicyError, ValueError) as error:  # ValueError: a number too long to be shown
        raise PolicyError(f"{source}: {error}") from None


def _checks(written: object, lines: Mapping[str, int]) -> tuple[Check, ...]:
    from django_probe.policy.declared.parsing import parse_checks  # noqa: PLC0415 (a policy without them need not pay for it)

    return parse_checks(written, lines)


def _gate_name(name: str) -> str:
    # It becomes part of a URL, of a Kubernetes object's name and of a metric's label.
    if re.fullmatch(GATE_NAME, name):
        return name
    raise PolicyError(
        f"gates.{shown(name)}: a gate's name is letters, digits, - and _, and begins with one of the first two"
    )


def _load(text: str, lines: dict[str, int]) -> object:
    """Return what the YAML states, and put the lines of its checks by name into `lines`."""
    import yaml  # noqa: PLC0415  (10 ms that a run without a policy need not pay)

    class Loader(yaml.SafeLoader):
        """SafeLoader that refuses what YAML would quietly take for something else than is written."""

        def get_single_node(self) -> yaml.Node | None:
            """Return the document, unless it is a bomb: a few aliases of aliases that stand for gigabytes."""
            node = super().get_single_node()
            if node:
                if _written_out(node, {}) > _MAX_BYTES:
                    raise PolicyError("not a policy: with its aliases written out it is larger than 1 MiB")
                _refuse_misread(node, set())
            lines.update(_lines_of_checks(node))
            return node

    try:
        return yaml.load(text, Loader)  # noqa: S506  (a SafeLoader)
    except PolicyError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise PolicyError(f"{place}not YAML: {' '.join(str(error.problem or error.context).split())}") from None
    except RecursionError:
        raise PolicyError("not a policy: it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001  (PyYAML lets out whatever a value raises that its tag does not fit)
        raise PolicyError(f"not YAML: {type(error).__name__}: {' '.join(str(error).split())}") from None


def _lines_of_checks(document: yaml.Node | None) -> dict[str, int]:
    checks = next((value for key, value in _entries(document) if key.value == "checks"), None)
    return {str(key.value): key.start_mark.line + 1 for key, _ in _entries(checks)}


def _entries(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the keys and values of a mapping, none of another node."""
    pairs = node.value if node is not None and isinstance(node.value, list) else []
    return [pair for pair in pairs if isinstance(pair, tuple)]


def _written_out(node: yaml.Node, sizes: dict[int, float]) -> float:
    """Return about how long a YAML node is with every alias written out: infinite, where it holds itself."""
    if id(node) not in sizes:
        sizes[id(node)] = math.inf
        children = () if isinstance(node.value, str) else _children(node)
        sizes[id(node)] = len(node.value) + 1 + sum(_written_out(child, sizes) for child in children)
    return sizes[id(node)]


def _refuse_misread(node: yaml.Node, seen: set[int]) -> None:
    """Raise PolicyError for a key that is given twice, of which YAML takes the last, and a number of another base."""
    if id(node) in seen:
        return
    seen.add(id(node))
    line = node.start_mark.line + 1
    if isinstance(node.value, str):
        if node.tag in _NUMBERS and _MISREAD.match(node.value):
            raise PolicyError(f"line {line}: YAML reads {node.value} as another number; put it in quotes")
        return
    names = Counter(key.value for key, _ in _entries(node) if isinstance(key.value, str) and key.value != "<<")
    if twice := [name for name, times in names.items() if times > 1]:
        raise PolicyError(f"line {line}: the key {twice[0]} stands twice in one mapping")
    for child in _children(node):
        _refuse_misread(child, seen)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for item in node.value:
        yield from item if isinstance(item, tuple) else (item,)


def read_policy(path: str) -> Policy:
    """Read the policy file at `path`; PolicyError where it cannot be read or is not one."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise PolicyError(f"{path}: not a policy: it is larger than 1 MiB")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PolicyError(f"{path}: not a policy: it is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PolicyError(f"policy file {path}: cannot be read: {why}") from None
    return parse_policy(text, path)

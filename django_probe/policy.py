"""The policy file: named gates, each saying which probes run, how, and what closes it.

The YAML is turned into frozen dataclasses at once. Whatever is wrong with it is one `PolicyError` whose message
is one line: where, what was expected, and the nearest right key.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_probe.errors import UsageError
from django_probe.terms import (
    CeilingError,
    DatabaseAccess,
    Terms,
    Wishes,
    parse_access,
    parse_count,
    parse_duration,
    parse_flag,
    parse_timeout,
    settle_access,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import yaml

DEFAULT: Final = "default"
READY: Final = "ready"
MAX_PARALLEL: Final = 1000
_MAX_BYTES: Final = 1 << 20


class PolicyError(UsageError):
    """The policy is not one; the message is one line for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Which probes run, how, and what closes the gate; durations in seconds.

    Empty `probes` and `tags` mean every probe. A `database_access` of None was not written: read-only then, and no
    ceiling for what a probe wishes. `every` and `max_age` matter to the gate `ready` of a web process alone.
    """

    name: str = DEFAULT
    probes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    parallel: int = 1
    timeout: float = 60.0
    deadline: float | None = None
    retries: int = 0
    retry_delay: float = 1.0
    failfast: bool = False
    database_access: DatabaseAccess | None = None
    warn_only: tuple[str, ...] = ()
    every: float = 10.0
    max_age: float = 30.0

    def __post_init__(self) -> None:
        """Take an access that is given as a text; ValueError where it names none."""
        settle_access(self)

    def terms(self, own: Wishes, operator: Wishes, *, warns_only: bool) -> Terms:
        """Decide how a probe runs that wishes `own`; CeilingError where it wishes more access than is allowed.

        `warns_only` is what `warns_only()` says of its label.
        """
        return Terms(
            timeout=_first(operator.timeout, own.timeout, self.timeout),
            retries=_first(operator.retries, own.retries, self.retries),
            blocking=not _first(operator.warn_only, own.warn_only, warns_only),
            database_access=operator.database_access or self._access(own.database_access),
        )

    def access(self, operator: Wishes) -> DatabaseAccess:
        """Return the access of a probe that wishes nothing of its own."""
        return operator.database_access or self._access(None)

    def _access(self, wished: DatabaseAccess | None) -> DatabaseAccess:
        ceiling = self.database_access
        if wished and ceiling and wished.rank > ceiling.rank:
            raise CeilingError(
                f"it wishes database_access {wished}, and the gate {self.name} allows {ceiling} at most; "
                f"lower the probe's wish, or raise the gate's database_access in the policy"
            )
        return wished or ceiling or DatabaseAccess.READ_ONLY

    def warns_only(self, label: str) -> bool:
        """Return whether the gate's `warn_only` names the label, by a pattern or as a part of it."""
        return any(fnmatchcase(label, pattern) or label.startswith(f"{pattern}.") for pattern in self.warn_only)


def _first(*choices: Any) -> Any:
    return next(choice for choice in choices if choice is not None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The gates of a policy file; `source` names the file for messages."""

    gates: Mapping[str, Gate]
    source: str = ""

    def gate(self, name: str | None) -> Gate:
        """Return the gate `name`, or where None the gate "default", which needs no line in the file.

        Raise PolicyError for a name that is not there.
        """
        if name is None or name == DEFAULT:
            return self.gates.get(DEFAULT, Gate())
        if name in self.gates:
            return self.gates[name]
        if not self.source:
            raise PolicyError(
                f'gate "{name}": there is no policy file; give --policy FILE, or set PROBE_POLICY in the '
                f"settings or the environment"
            )
        known = ", ".join(self.gates) or "none"
        raise PolicyError(f'{self.source}: no gate "{name}"{nearest(name, self.gates)} (gates in the file: {known})')


NO_POLICY: Final = Policy(gates={})


def nearest(word: object, known: Iterable[str]) -> str:
    """Return `; did you mean "..."?` for the known word that is most like `word`, or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


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


def parse_parallel(value: object) -> int:
    """Return a number of workers; ValueError with one sentence."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_PARALLEL:
        return value
    raise ValueError(f"expected a whole number from 1 to {MAX_PARALLEL}, got {shown(value)}")


_KEYS: Final[Mapping[str, Callable[[object], object]]] = {
    "probes": _choice,
    "tags": _choice,
    "exclude_tags": _texts,
    "parallel": parse_parallel,
    "timeout": parse_timeout,
    "deadline": parse_timeout,
    "retries": parse_count,
    "retry_delay": parse_duration,
    "failfast": parse_flag,
    "database_access": parse_access,
    "warn_only": _texts,
    "every": parse_timeout,
    "max_age": parse_timeout,
}
_READY_ONLY: Final = frozenset({"every", "max_age"})
# The thread that keeps `ready` has no workers, no retries and no guard: what it cannot do it must not promise.
_NOT_READY: Final = frozenset({"parallel", "deadline", "retries", "retry_delay", "failfast", "database_access"})


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
        if key not in _KEYS:
            raise PolicyError(f"{where}.{key}: unknown key{nearest(key, _KEYS)}")
        if key in _READY_ONLY and name != READY:
            raise PolicyError(f'{where}.{key}: only the gate "{READY}" is kept by a web process; take the key out')
        if key in _NOT_READY and name == READY:
            raise PolicyError(
                f'{where}.{key}: the gate "{READY}" is kept by a thread of each web process, which cannot honour '
                f"this key; take it out"
            )
        try:
            values[key] = _KEYS[key](value)
        except ValueError as error:
            raise PolicyError(f"{where}.{key}: {error}") from None
    if name != READY:
        return replace(Gate(name=name), **values)
    ready = replace(Gate(name=name, timeout=2.0), **values)
    # Else whoever writes `every` alone would be stale before each next round.
    return ready if "max_age" in values else replace(ready, max_age=max(ready.max_age, 3 * ready.every))


def parse_policy(text: str, source: str) -> Policy:
    """Return the policy that the YAML `text` states; `source` names it in the PolicyError it may raise."""
    try:
        policy = _mapping(_load(text), "top level", 'one key, "gates"')
        for key in policy:
            if key != "gates":
                raise PolicyError(f'{key}: unknown key; the file has one key, "gates"{nearest(key, ["gates"])}')
        gates = _mapping(policy.get("gates"), "gates", "gates by name")
        return Policy({name: _gate(_gate_name(name), written) for name, written in gates.items()}, source)
    except (PolicyError, ValueError) as error:  # ValueError: a number too long to be shown
        raise PolicyError(f"{source}: {error}") from None


def _gate_name(name: str) -> str:
    # It becomes part of a URL, of a Kubernetes object's name and of a metric's label.
    if name and name.isascii() and name.replace("-", "").replace("_", "").isalnum() and name[0].isalnum():
        return name
    raise PolicyError(
        f"gates.{shown(name)}: a gate's name is letters, digits, - and _, and begins with one of the first two"
    )


def _load(text: str) -> object:
    import yaml  # noqa: PLC0415  (10 ms that a run without a policy need not pay)

    class Loader(yaml.SafeLoader):
        """SafeLoader that refuses a key given twice, of which YAML would quietly take the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
            names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for name, times in names.items():
                if times > 1 and name != "<<":
                    raise PolicyError(f"line {node.start_mark.line + 1}: the key {name} stands twice in one mapping")
            return super().construct_mapping(node, deep)

        def get_single_node(self) -> yaml.Node | None:
            """Return the document, unless it is a bomb: a few aliases of aliases that stand for gigabytes."""
            node = super().get_single_node()
            if node and _written_out(node, {}) > _MAX_BYTES:
                raise PolicyError("not a policy: with its aliases written out it is larger than 1 MiB")
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


def _written_out(node: yaml.Node, sizes: dict[int, float]) -> float:
    """Return about how long a YAML node is with every alias written out: infinite, where it holds itself."""
    if id(node) not in sizes:
        sizes[id(node)] = math.inf
        below = () if isinstance(node.value, str) else node.value
        children = chain.from_iterable(item if isinstance(item, tuple) else (item,) for item in below)
        sizes[id(node)] = len(node.value) + 1 + sum(_written_out(child, sizes) for child in children)
    return sizes[id(node)]


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

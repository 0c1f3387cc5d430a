"""A policy: named gates, each saying which probes run, how, and what closes it.

`file` reads one from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_probe.errors import UsageError
from django_probe.naming.names import nearest
from django_probe.terms import CeilingError, DatabaseAccess, Isolation, Terms, Wishes, parse_isolation, settle_access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_probe.policy.declared.check import Check
    from django_probe.policy.recipients import Recipient

DEFAULT: Final = "default"
READY: Final = "ready"
MAX_PARALLEL: Final = 1000


class PolicyError(UsageError):
    """The policy is not one; the message is one line for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Which probes run, how, and what closes the gate; durations in seconds.

    Empty `probes` and `tags` mean every probe. A `database_access` of None was not written: read-only then, and no
    ceiling for what a probe wishes. `owners` and `runbooks` pair labels or patterns with what they say of probes; of
    several that name a probe the last counts. `notify` are those who are told when the gate's state changes. `every`
    and `max_age` matter to the gate `ready` of a web process alone.
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
    isolation: Isolation = Isolation.WORKER
    database_access: DatabaseAccess | None = None
    warn_only: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    runbooks: tuple[tuple[str, str], ...] = ()
    notify: tuple[Recipient, ...] = ()
    every: float = 10.0
    max_age: float = 30.0

    def __post_init__(self) -> None:
        """Take an access or an isolation that is given as a text; ValueError where it names none."""
        settle_access(self)
        object.__setattr__(self, "isolation", parse_isolation(self.isolation))

    def terms(self, own: Wishes, operator: Wishes, *, warns_only: bool, required: bool = False) -> Terms:
        """Decide how a probe runs that wishes `own`; CeilingError where it wishes more access than is allowed.

        `warns_only` is whether the gate's `warn_only` names it, `required` whether `require` does, which counts more.
        """
        return Terms(
            timeout=_first(operator.timeout, own.timeout, self.timeout),
            retries=_first(operator.retries, own.retries, self.retries),
            blocking=required or not _first(operator.warn_only, own.warn_only, warns_only),
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


def _first(*choices: Any) -> Any:
    return next(choice for choice in choices if choice is not None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The gates of a policy file, and the checks that it declares; `source` names the file for messages."""

    gates: Mapping[str, Gate]
    source: str = ""
    checks: tuple[Check, ...] = ()

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

"""Lists the gates: those of this server's policy, which it can run, and those that only the history knows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_probe import conf
from django_probe.history.storage import runs
from django_probe.policy.gates import DEFAULT, READY, PolicyError
from django_probe.reports.text import one_line

if TYPE_CHECKING:
    from django_probe.policy.gates import Policy

logger = logging.getLogger("django_probe.history")


@dataclass(frozen=True, slots=True)
class Offer:
    """What this server can run: the gates of its policy in their order, without `ready`; `default` if it has none.

    Of those in `told` somebody is told. `problem` is one line that says why the policy cannot be read. Then nothing
    can be run.
    """

    names: tuple[str, ...] = ()
    told: frozenset[str] = frozenset()
    problem: str = ""

    def has(self, name: str) -> bool:
        """Return whether a POST can start the gate of that name."""
        return not self.problem and name in self.names

    def lack(self, name: str) -> str:
        """Return in a few words why the gate cannot be started here; "" if it can, or if nothing can."""
        if self.problem or self.has(name):
            return ""
        return "every web process runs it by itself" if name == READY else "not in this server's policy"


def startable(policy: Policy) -> tuple[str, ...]:
    """Return the gates that a POST can start: those of the policy without `ready`, or `default` if it has none."""
    return tuple(name for name in policy.gates or (DEFAULT,) if name != READY)


def offer() -> Offer:
    """Read the policy for what can be run."""
    try:
        policy = conf.policy()
        told = frozenset(name for name, gate in policy.gates.items() if gate.notify)
        return Offer(startable(policy), told)
    except PolicyError as error:
        logger.exception("the policy cannot be read: gates are shown as the history knows them")
        return Offer(problem=one_line(str(error)))


def names(offered: Offer) -> list[str]:
    """Return the gates that can be run here, and after them those that only the history knows."""
    return [*offered.names, *(name for name in runs.gates() if name not in offered.names)]

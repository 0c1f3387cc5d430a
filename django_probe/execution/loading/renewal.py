"""Makes the instances of tests anew where no new process can: for a further run in the process that ran them.

The modules are imported already. What `load_tests`, `suite()` and constructors make, they make again.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from django_probe.execution.failures import message_of
from django_probe.execution.loading.suites import Stillborn

if TYPE_CHECKING:
    import unittest
    from collections.abc import Callable, Iterable

    from django_probe.execution.loading.probe import Probe


class Renewal:
    """Sees to it that no instance of a test runs twice; `load` loads and selects everything anew."""

    def __init__(self, load: Callable[[], Iterable[Probe]]) -> None:
        self._load = load
        self._ran: dict[str, weakref.ref[unittest.TestCase]] = {}
        self._stock: dict[str, unittest.TestCase] = {}

    def prepare(self, probe: Probe) -> str:
        """Give a probe that ran already a new instance; return why there is none, or nothing.

        It is called before each run of the probe, outside its time.
        """
        if probe.label in self._ran:
            try:
                test = self._made_anew(probe.label)
            except (Exception, SystemExit) as error:  # noqa: BLE001 (the project's code may raise anything)
                return _refused(message_of(error))
            if test is None:
                return _refused("it is not there when its module's tests are made again")
            if isinstance(test, Stillborn):
                return _refused(test.message)
            if test is self._ran[probe.label]():
                return _refused("what makes it gives the same object each time")
            probe.test = test
        self._ran[probe.label] = weakref.ref(probe.test)  # nobody holds on to what a test that ran holds
        return ""

    def _made_anew(self, label: str) -> unittest.TestCase | None:
        if label not in self._stock:
            self._stock = {probe.label: probe.test for probe in self._load()}
        return self._stock.pop(label, None)


def _refused(why: str) -> str:
    return f"it cannot run again, for no new instance of it can be made: {why}"

"""Sees whether this process is as it was: what probes are known to change in one and to forget.

It is looked at after each probe, so it is read and compared at the speed of C: lists are equal at once where they
hold the same objects. What differs is looked at more closely, because modules that were only added, and caches that
were only filled, are no change. `docs/how-it-works.md` lists what is not looked at.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]  # it has no stub
import gc
import logging
import os
import signal
import sys
import threading
import time
import unittest
from itertools import islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from django_probe.execution.state.containers import RECEIVED, Containers
from django_probe.execution.state.known import (
    SIGNALS,
    is_as_it_was,
    is_fake,
    own_connections,
    patchable,
    started_patches,
    test_state,
)
from django_probe.execution.state.module_watch import assigned, replacements, settle, watch
from django_probe.execution.state.replaceable import dicts_of, is_installed, replaceable
from django_probe.execution.state.versions import BESIDE, numbers_of
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPUTED: Final = frozenset({"_wrapped", "MEDIA_URL", "STATIC_URL", "SECRET_KEY"})  # read otherwise than stored
_ENVIRON: Final = os.environ
# The bytes under os.environ: as a mapping it decodes every entry each time it is read, which a probe of 20 µs feels.
_environment: Final[dict[bytes, bytes]] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001
_threads: Final[dict[int, threading.Thread]] = threading._active  # type: ignore[attr-defined]  # noqa: SLF001 (without a lock)
_modules: Final = sys.modules
_sys: Final = vars(sys)
_test_case: Final[dict[str, Any]] = gc.get_referents(vars(unittest.TestCase))[0]
"""The methods of TestCase: what Python gives of a class is only a view of this."""
# C's own: those of `signal` make enumerations of all that they return.
_handler: Final = _signal.getsignal
_mask: Final = _signal.pthread_sigmask
_language: Final = _locale.setlocale
_tracer: Final = sys.gettrace
_profiler: Final = sys.getprofile
_deepest: Final = sys.getrecursionlimit
_interval: Final = sys.getswitchinterval
_collects: Final = gc.isenabled
_root: Final = logging.root
_manager: Final = vars(logging.root.manager)
_receivers: Final = attrgetter("receivers")
_settings: Final[Any] = settings
_time: Final = vars(time)
_tzset: Final = time.tzset
_BLOCK: Final = int(signal.SIG_BLOCK)
_REAL: Final = int(signal.ITIMER_REAL)
_ALL: Final = _locale.LC_ALL
_NO_TIMER: Final = (0.0, 0.0)
_NAP: Final = 0.0002
_NAPS: Final = 20


class ProcessState:
    """This process as it is when this is made."""

    def __init__(self) -> None:
        self._known = len(_modules)
        self._find_modules()
        self._opener = self._urllib.get("_opener")
        self._loaded = replaceable()(_modules)
        self._added: dict[str, Any] = {}
        self._get_added: Callable[[dict[str, Any]], Any] = lambda _: ()
        self._find_classes()
        self._stored = vars(_settings._wrapped)  # noqa: SLF001 (here and below: Django has no other name for it)
        self._settings = self._stored.copy()
        self._of_tests = [*_test_case.values()]
        self._variables = _environment.copy()
        self._of_sys = _sys.copy()
        self._cached = vars(_settings)  # with what is wrapped; to ask it for that runs code of Django's
        self._cache = [*self._cached.values()]
        self._hold(Containers(self._stored.values()))
        self._connections = [*own_connections()]
        self._of_connections = [(each.force_debug_cursor, [*each.execute_wrappers]) for each in self._connections]
        self._zone, self._zone_names = _environment.get(b"TZ"), _time["tzname"]
        self._umask = Original.umask(0)
        Original.umask(self._umask)
        self._values = self._read()
        self.threads = len(_threads)

    def is_unchanged(self) -> bool:
        """Return whether the process is as it was; its time zone and its opener of URLs are put back."""
        try:
            if _environment.get(b"TZ") != self._zone or _time["tzname"] != self._zone_names:
                self._put_back_zone()
            held = (self._numbers and self._numbers() == self._numbered) or self._holds_what_it_did()
            if self._urllib.get("_opener") is not self._opener:  # `urlopen` leaves one, harmless as that is
                self._urllib["_opener"] = self._opener
            return (
                held
                and self._read() == self._values
                and self._containers.hold()
                and (
                    [(each.force_debug_cursor, each.execute_wrappers) for each in self._connections]
                    == self._of_connections
                    or self._has_its_connections()
                )
                and ([*self._cached.values()] == self._cache or self._has_another_cache())
            )
        except Exception:  # noqa: BLE001 (what a probe left may raise whatever it likes when it is compared)
            return False

    def forked(self) -> ProcessState:
        """Return the state of this process, which was forked from the one where this was read.

        That takes milliseconds, and copies pages that the processes share; so what is still the same is not read again.
        """
        self._values = self._read()  # a fork has no alarm and other threads, and the engine its hooks
        self._of_sys = _sys.copy()
        self.threads = len(_threads)
        return self if self.is_unchanged() else ProcessState()

    @property
    def has_more_threads(self) -> bool:
        """Whether threads run that did not: those may change the process after a look at it."""
        return len(_threads) > self.threads

    def keeps_threads(self) -> bool:
        """Return whether threads run that did not, and go on.

        What nobody needs any more gets a moment to end, as the thread behind `async_to_sync()` does just then: that is
        less than a fork takes.
        """
        for _ in range(_NAPS):
            if len(_threads) <= self.threads:
                return False
            Original.sleep(_NAP)
        return len(_threads) > self.threads

    def _read(self) -> tuple[Any, ...]:
        try:
            folder = Original.getcwd()
        except OSError:
            folder = ""
        return (
            folder,
            _tracer(),
            _profiler(),
            _deepest(),
            _interval(),
            _collects(),
            *map(_handler, SIGNALS),
            _mask(_BLOCK, ()),
            Original.getitimer(_REAL) == _NO_TIMER,
            Original.umask(self._umask),
            Original.getdefaulttimeout(),
            _language(_ALL),
            _root.level,
            _root.handlers,
            _root.filters,
            _manager["_disable"],  # `disable` is code that reads it
            *map(_receivers, RECEIVED),
            self._cached["_wrapped"],
            hasattr(self._test_state, "saved_data"),
            len(self._patches),
            replacements() if assigned else (),
        )

    def _put_back_zone(self) -> None:
        if _environment.get(b"TZ") != self._zone:
            if self._zone is None:
                del _ENVIRON["TZ"]
            else:
                _ENVIRON["TZ"] = os.fsdecode(self._zone)
        _tzset()

    def _find_modules(self) -> None:
        """Look up, in the modules that are loaded now, what is read of some at each look."""
        self._urllib = vars(_modules["urllib.request"]) if "urllib.request" in _modules else {}
        self._test_state = test_state()
        self._patches = started_patches()

    def _find_classes(self) -> None:
        self._methods = [(attrgetter(*names), cls) for cls, names in patchable() if names]
        self._patchable = [get(cls) for get, cls in self._methods]

    def _has_its_connections(self) -> bool:
        found = [(each.force_debug_cursor, [*each.execute_wrappers]) for each in self._connections]
        kept, self._of_connections = self._of_connections, found
        return all(map(is_as_it_was, self._connections, found, kept))

    def _hold(self, containers: Containers) -> None:
        self._containers = containers
        self._numbers = self._of_holders = None
        if len(self._stored) > BESIDE:
            holders = (self._stored, _sys, *containers.dicts)
            self._of_holders = numbers_of(*holders)
            self._numbers = numbers_of(
                *holders, _modules, _environment, _test_case, *dicts_of(cls for _, cls in self._methods)
            )
        self._numbered = self._numbers() if self._numbers else b""
        self._held_by = self._of_holders() if self._of_holders else b""

    def _holds_what_it_did(self) -> bool:
        """Return whether the dicts of the process hold what they held, though they may have been changed."""
        self._numbered = self._numbers() if self._numbers else b""
        self._find_modules()
        return (
            self._stored == self._settings
            and [*_test_case.values()] == self._of_tests
            and _environment == self._variables
            and _sys == self._of_sys
            and self._containers.dicts == self._containers.of_dicts
            and [get(cls) for get, cls in self._methods] == self._patchable
            and replaceable()(_modules) == self._loaded
            and self._get_added(_modules) == (*self._added.values(),)
            and (len(_modules) == self._known or self._has_more_modules())
            and (self._of_holders is None or self._of_holders() == self._held_by or self._has_its_containers())
        )

    def _has_its_containers(self) -> bool:
        """Return whether lists hold what they held; where others that are equal took their place, look at those."""
        if not self._containers.hold():
            return False
        if self._containers.are_those_of(self._stored.values()):
            self._held_by = self._of_holders() if self._of_holders else b""
        else:
            self._hold(Containers(self._stored.values()))
        return True

    def _has_more_modules(self) -> bool:
        """Return whether there are more modules, none fewer and no fake; the new ones are looked at from now on."""
        added = dict(islice(_modules.items(), self._known, None))
        if len(_modules) < self._known or any(map(is_fake, added.values())):
            return False
        watch(added.values())
        self._known = len(_modules)
        self._added |= added
        self._find_classes()
        self._containers.take_filters_of({name for name, each in self._added.items() if is_installed(each)})
        held_by = self._held_by  # what took the place of an equal list is yet to be looked at
        self._hold(self._containers)
        self._held_by = held_by
        names = [*self._added]
        self._get_added = itemgetter(*names) if len(names) > 1 else lambda modules: (modules[names[0]],)
        return True

    def _has_another_cache(self) -> bool:
        """Return whether what was read of the settings is what they have; Django keeps it, and throws it away."""
        stored = self._stored
        kept = all(stored.get(name, value) is value for name, value in self._cached.items() if name not in _COMPUTED)
        self._cache = [*self._cached.values()]
        return kept


def prepare() -> None:
    """Do once, before the fork, what every worker needs: it takes milliseconds."""
    settle()  # what imports left is judged already
    watch([*_modules.values()])
    replaceable()

"""Looks at what code returned: a coroutine or a generator is the proof that nothing of that code ran.

unittest calls it, looks at nothing that comes back (`IsolatedAsyncioTestCase` awaits what is an async function by
its looks, and a decorator hides that), and reports that it passed. Nor would it use anything else that a test
returns: it says so in a warning that nobody reads.
"""

from __future__ import annotations

import inspect
from contextlib import _GeneratorContextManagerBase  # there is no public name for both kinds
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Cleanup = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    Look = Callable[[object], None]


__unittest = True  # see `executor`

_LAZY: Final = (map, filter)


class UnrunError(TypeError):
    """Code was made or returned of which nothing ran; no `@expectedFailure` means that (see `recorder`)."""


def refuse_unrun(returned: object) -> None:
    """Raise UnrunError if what was returned is code that nobody runs; any other value is nobody's concern."""
    if returned is None:
        return
    if inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        kind = "generator that nobody runs"
        cure = "it has a yield, which must go"
    elif inspect.isawaitable(returned):
        kind = "coroutine that nobody awaits"
        cure = (
            "only a unittest.IsolatedAsyncioTestCase awaits: its test methods, asyncSetUp, asyncTearDown and cleanups, "
            "and each decorator of them must be async too; elsewhere call asyncio.run()"
        )
    elif isinstance(returned, _GeneratorContextManagerBase):
        kind = "context manager that nobody enters"
        cure = "it has a yield, which must go; give enterContext() what is to be entered"
        returned = returned.func  # what @contextmanager decorates
    elif isinstance(returned, _LAZY):
        kind = f"{type(returned).__name__} that nobody goes through"
        cure = "Python calls nothing of it before; write a loop"
    else:
        return
    if inspect.isgenerator(returned) or inspect.iscoroutine(returned):
        returned.close()  # else Python warns of it as well
    name = getattr(returned, "__qualname__", type(returned).__qualname__)
    raise UnrunError(f"it returned a {kind}, so that nothing of {name} ran: {cure}")


def refuse_value(returned: object) -> None:
    """Raise UnrunError if a test returned anything: nobody looks at it, and it may be all that was to be done."""
    refuse_unrun(returned)
    if returned is None:
        return
    try:
        shown = repr(returned)
    except Exception:  # noqa: BLE001 (it is the probe's code)
        shown = f"an object of the type {type(returned).__qualname__}"
    raise UnrunError(
        f"it returned {shown[:80]}, which nobody looks at or runs: a test returns None; call what it has to do, and "
        f"assert what it finds out"
    )


def refuse_unrun_cleanups(cleanups: list[Cleanup]) -> None:
    """Let what was added to a class or module as a cleanup raise UnrunError where it returns code that nobody runs."""
    if cleanups:
        cleanups[:] = [(looked_at(function, refuse_unrun), args, kwargs) for function, args, kwargs in cleanups]


def looked_at(function: Callable[..., Any], look: Look) -> Callable[..., Any]:
    """Return a function that calls another, and `look` with what it returned."""

    def call(*args: Any, **kwargs: Any) -> Any:
        returned = function(*args, **kwargs)
        look(returned)
        return returned

    return call

"""What code waits for that is interrupted: the server at the other end, and where the tasks of its event loop are."""

from __future__ import annotations

import io
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from django_probe import details
from django_probe.process.originals import Original

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_HELD_AS: Final = ("_sock", "sock", "db")
"""How objects that wait hold what they wait with: files of sockets, clients, Django's cursors."""
_peer_of: Final = Original.socket.getpeername


def told() -> Iterator[str]:
    """Yield what is to be said of what the caller interrupts: a line for the server, a stack for each task."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 (there is no other way to the frames of this thread)
    while frame:
        with suppress(Exception):  # the objects are the project's
            if server := _server(frame.f_locals):
                yield details.waited_for(server)
                break
        frame = frame.f_back
    yield from _tasks()


def _server(local: Any) -> str:
    """Return the address of the server that a frame deals with; empty where it deals with none.

    What a method's own object holds is what it waits with. Other variables may be of what is done later.
    """
    own = local.get("self")
    held = getattr(own, "__dict__", {})
    candidates = (own, *(held.get(name) for name in _HELD_AS), local.get("sock"))
    return next((said for value in candidates if (said := _address(value, local))), "")


def _address(value: object, local: Any) -> str:
    if issubclass(type(value), BaseDatabaseWrapper):  # `isinstance` would make a lazy object of Django's come true
        written: Any = getattr(value, "settings_dict", {})
        return _joined(written.get("HOST"), written.get("PORT"))
    if not issubclass(type(value), socket.socket):
        return ""
    peer: Any = None
    try:
        peer = _peer_of(value)  # type: ignore[arg-type]
    except OSError:  # it is not connected yet; then create_connection() knows to whom
        peer = local.get("sa")
    if isinstance(peer, tuple):
        return _joined(*peer[:2])
    return peer if isinstance(peer, str) else ""


def _joined(host: object, port: object) -> str:
    return f"{host}:{port}" if host and port else str(host or "")


def _tasks() -> Iterator[str]:
    """Yield where each task of this thread's event loop waits: the stack of the loop itself does not say."""
    asyncio: Any = sys.modules.get("asyncio")
    loop = asyncio and asyncio._get_running_loop()  # noqa: SLF001 (get_running_loop() raises where there is none)
    for task in asyncio.all_tasks(loop) if loop else ():
        text = io.StringIO()
        task.print_stack(file=text)
        yield text.getvalue()

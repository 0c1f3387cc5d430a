"""What the engine uses of the standard library while probes run, bound before any of them is loaded.

A probe may patch `time.time` or `os.getpid` and forget to undo it, and freezegun replaces the clocks in every module
that holds one, whatever it is called there. Neither looks inside a class: what is held here stays what it was.

gevent and eventlet replace what waits, often before the engine is imported: in `select`, `time` and `_thread`, which
are C's, and in `os`, `socket` and `selectors`, which are Python's. With theirs the judge would hang: `os.read` waits
where it must not, and `os.fork` reaps by itself. So the first are imported anew, as is the last where one of the two is
there; of the others their own modules in C are used.
"""

from __future__ import annotations

import _socket
import importlib
import json
import posix
import signal
import socket as socket_
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


_REPLACING: Final = not sys.modules.keys().isdisjoint({"gevent", "eventlet"})


def _anew(*names: str) -> list[object]:
    """Import modules anew, beside those that everybody else has."""
    known = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.modules.update(known)


def _encoder() -> Callable[[object], str]:
    """Return `json.JSONEncoder.encode` with the part in C made once; it makes one for each value."""
    like = json.JSONEncoder(separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return like.encode
    in_c = make(None, like.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)  # noqa: FBT003 (C takes no names)
    return lambda value: "".join(in_c(value, 0))


if TYPE_CHECKING:
    import _thread
    import select
    import selectors
    import time
else:
    _thread, time, select, *_rest = _anew("_thread", "time", "select", *(["selectors"] if _REPLACING else []))
    selectors = _rest[0] if _REPLACING else importlib.import_module("selectors")


class Original:
    """The functions as they were when the engine was imported; there is no instance."""

    unix_time = time.time
    monotonic = time.monotonic
    sleep = time.sleep
    now = datetime.now
    fromtimestamp = datetime.fromtimestamp

    close = posix.close
    dup = posix.dup
    dup2 = posix.dup2
    end_process = posix._exit  # noqa: SLF001 (as public as `os._exit`)
    fork = posix.fork
    fstat = posix.fstat
    pread = posix.pread
    getcwd = posix.getcwd
    getpid = posix.getpid
    getppid = posix.getppid
    open = posix.open
    read = posix.read
    set_inheritable = posix.set_inheritable
    umask = posix.umask
    urandom = posix.urandom
    waitpid = posix.waitpid
    write = posix.write

    start_thread = _thread.start_new_thread

    poll = select.poll
    selector = selectors.DefaultSelector
    getsignal = signal.getsignal
    getitimer = signal.getitimer
    set_handler = signal.signal

    # C's own class: the methods of `socket.socket`, which is Python's, can be patched.
    socket = _socket.socket
    socketpair = _socket.socketpair
    send_fds = socket_.send_fds
    recv_fds = socket_.recv_fds
    gethostname = _socket.gethostname
    getdefaulttimeout = _socket.getdefaulttimeout

    encode = staticmethod(_encoder())
    decode = json.JSONDecoder().decode

    greatest = max

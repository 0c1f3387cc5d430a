"""What the engine uses of the standard library while probes run, bound before any of them is loaded.

A probe may patch `time.time` or `os.getpid` and forget to undo it, and freezegun replaces the clocks in every module
that holds one, whatever it is called there. Neither looks inside a class: what is held here stays what it was.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from _thread import start_new_thread
from datetime import datetime


class Original:
    """The functions as they were when the engine was imported; there is no instance."""

    unix_time = time.time
    monotonic = time.monotonic
    sleep = time.sleep
    now = datetime.now
    fromtimestamp = datetime.fromtimestamp

    close = os.close
    dup = os.dup
    dup2 = os.dup2
    end_process = os._exit
    fork = os.fork
    fstat = os.fstat
    getcwd = os.getcwd
    getpid = os.getpid
    getppid = os.getppid
    open = os.open
    set_inheritable = os.set_inheritable
    umask = os.umask
    urandom = os.urandom
    waitpid = os.waitpid
    write = os.write

    start_thread = start_new_thread

    poll = select.poll
    getsignal = signal.getsignal
    getitimer = signal.getitimer
    set_handler = signal.signal

    # C's own methods: those of the class `socket.socket`, which is Python's, can be patched.
    recv = socket.SocketType.recv
    sendall = socket.SocketType.sendall
    recv_fds = socket.recv_fds
    gethostname = socket.gethostname
    getdefaulttimeout = socket.getdefaulttimeout

    encode = json.JSONEncoder(separators=(",", ":")).encode
    decode = json.JSONDecoder().decode

    rounded = round
    greatest = max

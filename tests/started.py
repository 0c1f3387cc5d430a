"""A process that tests/warm.py started: of `subprocess.Popen` what the tests use."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from typing import BinaryIO, Self


class Started:
    """A warm process that runs: of `subprocess.Popen` what the tests of servers use."""

    def __init__(self, told: BinaryIO) -> None:
        self._told = told
        self.pid = int(told.readline())
        self.returncode: int | None = None
        self.stdout: BinaryIO | None = None
        self.stderr: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.wait()

    def poll(self) -> int | None:
        """Return how it ended, None where it has not."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise `subprocess.TimeoutExpired` where that takes more than `timeout` seconds."""
        if self.returncode is None:
            with selectors.DefaultSelector() as waiting:
                waiting.register(self._told, selectors.EVENT_READ)
                if not waiting.select(timeout):
                    raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[bytes | None, bytes | None]:
        """Return what came out of its pipes until it ended; raise `subprocess.TimeoutExpired` as `wait` does."""
        pipes = (self.stdout, self.stderr)
        got = {file: bytearray() for file in pipes if file and not file.closed}
        if not read_into(got, timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        self.wait(timeout)
        self._close()
        return tuple(bytes(got.get(file, b"")) if file else None for file in pipes)

    def _close(self) -> None:
        for file in filter(None, (self.stdout, self.stderr)):
            file.close()

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it runs; it may end, and be waited for by its parent, just before."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def read_into(got: dict[BinaryIO, bytearray], timeout: float | None) -> bool:
    """Read pipes until all are closed, each into its own; return whether that took no more than `timeout` seconds."""
    until = None if timeout is None else time.monotonic() + timeout
    with selectors.DefaultSelector() as waiting:
        for file in got:
            waiting.register(file, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(None if until is None else max(0, until - time.monotonic()))
            if not ready and until is not None and time.monotonic() >= until:
                return False
            for key, _ in ready:
                if part := os.read(key.fd, 1 << 16):
                    got[key.fileobj] += part
                else:
                    waiting.unregister(key.fileobj)
    return True

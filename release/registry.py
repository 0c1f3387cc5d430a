"""A registry of images and charts on this machine, for as long as a rehearsal takes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from release import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = "docker-registry"
_SECONDS: Final = 60.0
_CONFIGURATION: Final = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def registry() -> Iterator[str]:
    """Give the address of an empty registry without TLS, which is gone after the block."""
    if shutil.which(PROGRAM) is None:
        raise ReleaseError(f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})")
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        configuration = Path(folder) / "config.yml"
        configuration.write_text(_CONFIGURATION.format(folder=f"{folder}/data", port=port), encoding="utf-8")
        command = [PROGRAM, "serve", str(configuration)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                _await_answer(port, running)
                yield f"localhost:{port}"
            finally:
                running.terminate()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _await_answer(port: int, running: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _SECONDS
    while time.monotonic() < limit:
        if running.poll() is not None:
            raise ReleaseError(f"{PROGRAM} ended with {running.returncode} before it answered")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=_SECONDS) as answer:
                if answer.status == HTTPStatus.OK:
                    return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise ReleaseError(f"{PROGRAM} did not answer within {_SECONDS:.0f} s")

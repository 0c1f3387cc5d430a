"""The image, built once for all tests, and containers of it as strict as a restricted pod.

One Python is enough for these tests: what they test runs on the Python of the image.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.container import images
from tests.container.images import tool
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

collect_ignore_glob = ["test_*.py"] if sys.version_info < (3, 13) else []

# What the Pod Security Standard "restricted" and a pod without any volume come to: /tmp cannot be written either.
STRICT = (
    "--read-only", "--read-only-tmpfs=false", "--user=10001", "--memory=256m",
    "--cap-drop=ALL", "--security-opt=no-new-privileges",
)  # fmt: skip


@dataclass(frozen=True)
class Container:
    """A container that runs or has run."""

    name: str

    def logs(self) -> str:
        """Return what it printed so far, both streams, as `kubectl logs` does."""
        done = subprocess.run(
            ["podman", "logs", self.name],
            env=images.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def await_line(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until it has printed a line with this text."""
        limit = time.monotonic() + seconds
        while text not in (printed := self.logs()):
            assert time.monotonic() < limit, printed
            time.sleep(0.1)

    def wait(self, seconds: float = 60) -> int:
        """Return its exit code when it has ended."""
        return int(tool("podman", "wait", self.name, timeout=seconds).stdout)

    def signal(self, name: str) -> None:
        """Send a signal to its PID 1, as kubelet does."""
        tool("podman", "kill", "--signal", name, self.name)

    def execute(self, *command: str) -> str:
        """Run a program in it and give its output."""
        return tool("podman", "exec", self.name, *command).stdout


@dataclass(frozen=True)
class Runner:
    """Runs containers of an image."""

    image: str

    def run(self, *arguments: object, options: tuple = (), **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a container to its end."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        return tool("podman", "run", "--rm", *STRICT, *given, *options, self.image, *arguments, check=False, timeout=90)

    @contextmanager
    def start(self, *arguments: object, options: tuple = (), **variables: str) -> Iterator[Container]:
        """Start a container, which is gone after the block."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        done = tool("podman", "run", "--detach", *STRICT, *given, *options, self.image, *arguments)
        container = Container(done.stdout.strip())
        try:
            yield container
        finally:
            tool("podman", "rm", "--force", "--time", "0", container.name)


@pytest.fixture(scope="session")
def container() -> Runner:
    """The image of this checkout; without the tools to build and run one the test is skipped."""
    try:
        return Runner(images.image())
    except images.MissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def tell(capsys, record_property):
    """A function that prints a figure, whatever is captured, and writes it into the JUnit report of the tests."""

    def _tell(name: str, value: object) -> None:
        record_property(name, value)
        with capsys.disabled():
            print(f"\n{name}: {value}", file=sys.stderr, flush=True)  # noqa: T201

    return _tell


@pytest.fixture
def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    """A folder to be mounted on /probes, which the user of the container may read."""
    folder = tmp_path / "probes"
    folder.mkdir(mode=0o755)
    return folder

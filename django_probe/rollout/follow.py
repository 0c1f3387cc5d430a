"""Follows the log of one pod: prints what is for people, and keeps the lines of the report."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from typing import TYPE_CHECKING

from django_probe.reports.reading.marked import CollectError, blocks, is_of_report
from django_probe.reports.text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_probe.rollout.cluster import Cluster


class Follower:
    """The log of the gate of one pod, from its first line."""

    def __init__(self, cluster: Cluster, name: str, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._name = name
        self._say = say
        self._seen = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self.report: list[str] = []
        self.error = ""

    @property
    def whole(self) -> bool:
        """Whether a report was read from its first line to its last."""
        try:
            return bool([block.read() for block in blocks(self.report)])
        except CollectError:
            return False

    def go_on(self) -> None:
        """Follow the log, unless that is going on; what was read before is not read twice."""
        if self._thread and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._follow, name=f"log of {self._name}", daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for the log's end, for so long at the most."""
        if self._thread:
            self._thread.join(max(seconds, 0))
            if self._thread.is_alive() and self._process:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                self._thread.join()

    def read_again(self) -> None:
        """Read the whole log in place of what was followed. Raise UnreadableError if it is not to be had."""
        lines = self._cluster.log(self._name)
        self.report = []
        self._take(lines, aloud=not self._seen)

    def _follow(self) -> None:
        command = self._cluster.log_command(self._name, "--follow")
        try:
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,  # what a terminal sends is for Helm
            ) as process:
                self._process = process
                if process.stdout and process.stderr:
                    already = self._seen
                    for number, line in enumerate(process.stdout):
                        if number >= already:
                            self._seen += 1
                            self._take([line.decode("utf-8", "replace")], aloud=True)
                    said = process.stderr.read().decode("utf-8", "replace").splitlines()
            self.error = one_line(said[-1]) if process.returncode and said else ""
        except OSError as error:
            self.error = f"{command[0]}: {error.strerror or error}"

    def _take(self, lines: Iterable[str], *, aloud: bool) -> None:
        for line in lines:
            if is_of_report(line):
                self.report.append(line)
            elif aloud:
                self._say(visible(line.rstrip("\r\n")))

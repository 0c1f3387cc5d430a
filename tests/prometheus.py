"""A real Prometheus (Debian: prometheus) that scrapes one target and evaluates alert rules, each second."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tests.installed import needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STARTS_WITHIN = 90


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    port: int
    log: Path

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query: each with its `metric` and its `value`."""
        return self._ask(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]

    def firing(self) -> list[str]:
        """Return the alerts that fire, each as its name and its gate."""
        alerts = [each for each in self._ask("alerts")["alerts"] if each["state"] == "firing"]
        return sorted(f"{each['labels']['alertname']} {each['labels'].get('gate', '')}".strip() for each in alerts)

    def until(self, there: Callable[[], object], within: float = 15) -> None:
        """Wait until something is so."""
        give_up = time.monotonic() + within
        while not there():
            assert time.monotonic() < give_up, (self.firing(), self.query("up"), self.log.read_text())
            time.sleep(0.1)

    def _ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{what}", timeout=10) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(folder: Path, scrape: dict[str, Any], rules: dict[str, Any]) -> Iterator[Prometheus]:
    """Run one with this scrape configuration and these groups of rules, which promtool has looked through."""
    command, promtool = needed("prometheus"), needed("promtool", "prometheus")
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [scrape],
        "rule_files": ["rules.yaml"],
    }
    for name, content in (("prometheus.yaml", config), ("rules.yaml", rules)):
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    subprocess.run([promtool, "check", "config", folder / "prometheus.yaml"], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        running = Prometheus(free.getsockname()[1], folder / "prometheus.log")
    line = [
        command,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{running.port}",
    ]
    with running.log.open("wb") as log, subprocess.Popen(line, cwd=folder, stdout=log, stderr=log) as process:
        try:
            _await(running, process)
            yield running
        finally:
            process.kill()


def _await(running: Prometheus, process: subprocess.Popen) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            running.query("1")
        except OSError:
            assert process.poll() is None, running.log.read_text()
            assert time.monotonic() < give_up, running.log.read_text()
            time.sleep(0.05)
        else:
            return

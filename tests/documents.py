"""Runs what the documents show: each fenced block of a page does its part, in order, in one project a page.

What a block is stands in an HTML comment on the line before its fence; a block without one has no business there:

    file: NAME         the block is the content of that file of the page's project
    settings           the block goes to the end of the project's settings
    run                each line that begins with "$ " is run by bash, and what stands under it is what it must print
    run: exit 1        the same; 1 is the exit code of its last command. 0 is that of every other
    run served         as run, while gunicorn serves the project where the page says localhost:8000, as the release v42
    run in checkout    the same, in a copy of this repository whose virtualenv is there already
    file in checkout: NAME    the block is the content of that file there
    json: FILE         the block is what that file holds: a record
    hook               the block configures pre-commit: it names a hook of ours, and this version
    recipe: SYSTEM     the block is a CI job of that system; see `tests/recipes.py`
    rollout: SYSTEM    the block uses our Action or GitLab template, of this version, with inputs that it has
    install            its commands install this project: they are not run, but what they name is checked
    target             its commands are targets of our Makefile: they are not run, but they are there

A line `...` stands for any lines, and `…` within a line for any text. Seconds, ids, times and folders need not be the
same. A block that shows no output compares none.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

import django_probe
from tests import recipes, warm
from tests.conftest import ROOT
from tests.installed import needed
from tests.patience import PATIENCE
from tests.webservers import gunicorn

if TYPE_CHECKING:
    from tests.reader import Bench

FENCE = re.compile(r"(?P<ticks>`{3,})(?P<language>\w*)")
MARKER = re.compile(r"<!-- (?P<kind>[a-z ]+)(?:: (?P<argument>.+))? -->")
PLAIN = re.compile(r"python manage\.py [\w ./:=-]+")  # nothing that a shell would expand or split otherwise
EVERY_MARKER = re.compile(r"^<!--.*", re.MULTILINE)
ANY_LINES, ANY_TEXT = "...", "…"
SITE = "/srv/site"
VARYING = {
    r"\b\d+\.\d+s\b": "0.0s",
    r"\b[0-9a-f]{32}\b": "0" * 32,
    r"\b\d{4}-\d\d-\d\dT[\d:.]+Z": "2026-11-23T10:00:00Z",
}
VARYING_KEYS = frozenset({"id", "host", "started_at", "finished_at", "duration"})


TOKENS = {"VIEW_TOKEN": "view-of-the-documents-1234", "START_TOKEN": "start-of-the-documents-1234"}


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its fence, `kind` and `argument` are what its comment says."""

    page: str
    line: int
    language: str
    kind: str
    argument: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page; every comment of the page must belong to one."""
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    found: list[Block] = []
    number = 0
    while number < len(lines):
        fence = FENCE.fullmatch(lines[number])
        number += 1
        if not fence:
            assert "```" not in lines[number - 1], f"{page.name}:{number}: a fence begins its line, and has one word"
            continue
        marker = MARKER.fullmatch(lines[number - 2])
        kind, argument = (marker["kind"], marker["argument"] or "") if marker else ("", "")
        end = lines.index(fence["ticks"], number)
        body = "\n".join(lines[number:end]) + "\n"
        found.append(Block(page.name, number, fence["language"], kind, argument, body))
        number = end + 1
    assert len(EVERY_MARKER.findall(text)) == sum(bool(block.kind) for block in found), f"{page}: a comment is astray"
    return found


def try_page(page: Path, bench: Bench) -> None:
    """Do what every block of a page says, in order."""
    for block in blocks(page):
        assert block.kind in KINDS, f"{block}: nothing says what this block is: see tests/documents.py"
        languages, do = KINDS[block.kind]
        assert block.language in languages, f"{block}: {block.kind} is not written in {block.language}"
        do(bench, block)
    assert not bench.waiting, f"{bench.waiting[0]}: nothing that follows runs this"


def _file(bench: Bench, block: Block) -> None:
    """Write the block into the project; probes make their folder an app."""
    app, *below = Path(block.argument).parts
    if below and below[0] in ("probes.py", "probes"):
        bench.project.app(app, {} if below[0] == "probes" else None)
    bench.project.write(block.argument, block.text)
    bench.waiting.append(str(block))


def _settings(bench: Bench, block: Block) -> None:
    """Add the block to the settings; an app that it adds may be there already."""
    bench.project.configure(f"{block.text}INSTALLED_APPS = list(dict.fromkeys(INSTALLED_APPS))\n")
    bench.waiting.append(str(block))


def _run(bench: Bench, block: Block) -> None:
    """Run the commands of the block in the reader's project."""
    _run_in(bench.project.path, bench, block)
    bench.waiting.clear()


def _run_served(bench: Bench, block: Block) -> None:
    """Run the commands of the block while a server answers for the reader's project."""
    with gunicorn(bench.project, "--threads", "4", env={**TOKENS, "PROBE_RELEASE": "v42"}) as server:
        text = block.text.replace("localhost:8000", f"localhost:{server.port}")
        _run_in(bench.project.path, bench, replace(block, text=text))
    bench.waiting.clear()


def _run_in_checkout(bench: Bench, block: Block) -> None:
    """Run the commands of the block in the copy of this repository."""
    _run_in(bench.checkout, bench, block)


def _file_in_checkout(bench: Bench, block: Block) -> None:
    """Write the block into the copy of this repository."""
    (bench.checkout / block.argument).write_text(block.text, encoding="utf-8")


def _run_in(folder: Path, bench: Bench, block: Block) -> None:
    shown = commands(block)
    code = int(block.argument.removeprefix("exit ") or 0)
    for line, output in shown:
        if line.startswith("curl "):
            needed("curl")
        expected = code if line is shown[-1][0] else 0
        ended, out = _execute(line, folder, bench.environment(**TOKENS))
        printed = out.replace(str(folder), SITE)
        assert ended == expected, f"{block}: exit code {ended}, not {expected}:\n{printed}"
        if any(output for _, output in shown):
            assert matches(output, _told(printed)), f"{block}: shows one thing, and prints another:\n{printed}"


def _execute(line: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Execute a line in a shell and return its exit code and all that it printed.

    What is no more than `manage.py` with arguments needs no shell and may start warm; see tests/warm.py.
    """
    command = [sys.executable, *line.split()[1:]] if PLAIN.fullmatch(line) else ["bash", "-c", line]
    with tempfile.TemporaryFile() as output:
        process = warm.start(command, cwd=folder, env=environment, output=output.fileno())
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        output.seek(0)
        return code, output.read().decode("utf-8", "replace")


def commands(block: Block) -> list[tuple[str, list[str]]]:
    """Return the commands of a console block, and under each what it is shown to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            assert found, f"{block}: output stands before the first command"
            found[-1][1].append(line.rstrip())
    return found


def _told(printed: str) -> list[str]:
    """Return the lines without those that underline a part of a traceback: each Python has its own."""
    lines = [line.rstrip() for line in printed.splitlines()]
    return [line for line in lines if not line or line.strip(" ~^")]


def matches(shown: list[str], printed: list[str]) -> bool:
    """Return whether lines that a page shows are the lines that were printed."""
    if not shown:
        return not printed
    first, *rest = shown
    if first == ANY_LINES:
        return any(matches(rest, printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and _same_text(first, printed[0]) and matches(rest, printed[1:])


def _same_text(shown: str, printed: str) -> bool:
    for pattern, example in VARYING.items():
        shown, printed = re.sub(pattern, example, shown), re.sub(pattern, example, printed)
    return bool(re.fullmatch(".*".join(map(re.escape, shown.split(ANY_TEXT))), printed, re.DOTALL))


def _json(bench: Bench, block: Block) -> None:
    """Compare the block with a record that a command before it wrote."""
    written = (bench.project.path / block.argument).read_text(encoding="utf-8")
    differing = list(differences(json.loads(block.text), json.loads(written.replace(str(bench.project.path), SITE))))
    assert not differing, f"{block}: {differing}, in\n{written}"


def differences(shown: object, written: object, where: str = "") -> list[str]:
    """Return where two JSON values differ by more than what differs between any two runs."""
    if isinstance(shown, dict) and isinstance(written, dict) and list(shown) == list(written):
        return [each for key in shown for each in differences(shown[key], written[key], f"{where}.{key}")]
    if isinstance(shown, list) and isinstance(written, list) and len(shown) == len(written):
        pairs = zip(shown, written, strict=True)
        return [each for number, pair in enumerate(pairs) for each in differences(*pair, f"{where}[{number}]")]
    if where.rpartition(".")[2] in VARYING_KEYS:
        return [] if type(shown) is type(written) else [where]
    if isinstance(shown, str) and isinstance(written, str):
        return [] if _same_text(shown, written) else [where]
    return [] if shown == written else [where]


def _install(_bench: Bench, block: Block) -> None:
    """Check what the commands name: the checkout, or the wheel that hatchling makes of it, with extras that it has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wheel = f"{project['name'].replace('-', '_')}-{django_probe.__version__}-py3-none-any.whl"
    extras = "|".join(project["optional-dependencies"])
    named = rf"python -m pip install (/path/to/checkout|{re.escape(wheel)}|'/path/to/checkout\[({extras})\]')"
    for line, output in commands(block):
        assert re.fullmatch(named, line), f"{block}: {line}"
        assert not output


def _target(bench: Bench, block: Block) -> None:
    """Check that make has the targets."""
    for line, output in commands(block):
        make, *targets = shlex.split(line, comments=True)
        assert make == "make"
        done = subprocess.run([make, "--dry-run", *targets], cwd=bench.checkout, capture_output=True, check=False)
        assert done.returncode == 0, f"{block}: {done.stderr.decode()}"
        assert not output


def _recipe(bench: Bench, block: Block) -> None:
    """Do what the CI would do with the job, twice."""
    recipes.try_recipe(block.argument, block.text, bench.project, bench.environment)
    bench.waiting.clear()


def _hook(_bench: Bench, block: Block) -> None:
    """Look for the hook in what we tell pre-commit of; its revision is the tag of this version."""
    ours = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    (repository,) = yaml.safe_load(block.text)["repos"]
    assert repository["rev"] == f"v{django_probe.__version__}", f"{block}: it is not the tag of this version"
    assert {hook["id"] for hook in repository["hooks"]} <= ours, f"{block}: no hook of ours"


def _rollout(_bench: Bench, block: Block) -> None:
    """Look for what the block puts in among the inputs; what has no default is there; tests/rollout runs the steps."""
    tag = f"v{django_probe.__version__}"
    if block.argument == "github":
        (step,) = yaml.safe_load(block.text)
        assert step["uses"] == f"django-probe/django-probe@{tag}", f"{block}: it is not the tag of this version"
        given, inputs = step["with"], yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    else:
        (included,) = yaml.safe_load(block.text)["include"]
        assert included["remote"].endswith(f"/{tag}/templates/gate.yml"), f"{block}: it is not the tag of this version"
        spec, _ = yaml.safe_load_all((ROOT / "templates" / "gate.yml").read_text(encoding="utf-8"))
        given, inputs = included["inputs"], spec["spec"]["inputs"]
    required = {name for name, about in inputs.items() if "default" not in about}
    assert required <= set(given) <= set(inputs), f"{block}: {set(given)}, of {set(inputs)}"


KINDS = {
    "file": (["python", "yaml"], _file),
    "settings": (["python"], _settings),
    "run": (["console"], _run),
    "run served": (["console"], _run_served),
    "run in checkout": (["console"], _run_in_checkout),
    "file in checkout": (["yaml"], _file_in_checkout),
    "json": (["json"], _json),
    "install": (["console"], _install),
    "target": (["console"], _target),
    "hook": (["yaml"], _hook),
    "recipe": (["yaml", "groovy"], _recipe),
    "rollout": (["yaml"], _rollout),
}

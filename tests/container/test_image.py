"""What is in the image, and what is not."""

from __future__ import annotations

import json
import re

from tests.container.images import BASE, ROOT, base, inspect, pinned_base

MEGABYTE = 1_000_000
MOST = 80 * MEGABYTE

# Prints, in bytes, what the parts of the image weigh on its file system.
WEIGHTS = """\
import json, pathlib
def weigh(*paths):
    return sum(path.lstat().st_size for path in paths if path.is_file() and not path.is_symlink())
site = pathlib.Path(next(pathlib.Path("/opt/venv/lib").glob("python*/site-packages")))
parts = {}
for place in site.iterdir():
    name = place.name.split("-")[0].split(".")[0].removesuffix("_binary")
    parts[name] = parts.get(name, 0) + weigh(place, *place.rglob("*"))
parts["django_probe and deploy"] = weigh(*pathlib.Path("/app").rglob("*"))
print(json.dumps(parts))
"""

# Imports what a gate and a server import, and prints the modules whose bytecode is not there.
UNCOMPILED = """\
import os, sys
sys.argv = ["manage.py", "check"]
import runpy
try:
    runpy.run_path("/app/deploy/manage.py", run_name="__main__")
except SystemExit:
    pass
import django_probe.management.commands.probe, django_probe.execution.worker.loader, django_probe.reports.junit
import gunicorn.workers.gthread, gunicorn.app.wsgiapp, psycopg, prometheus_client, yaml, asyncio
for name, module in sorted(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    cached = spec and spec.cached
    if cached and spec.origin.endswith(".py") and not os.path.exists(cached):
        print("without bytecode:", name)
"""


# Prints what cannot be imported of what installs packages.
IMPORTS = """\
import importlib
for name in ("pip", "ensurepip", "setuptools"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(error.name)
"""


def python(container, code):
    """Run a script in the image and give what it printed."""
    done = container.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_base__is_named_by_digest():
    """The tag beside it is for people, and for what renews the digest."""
    assert re.fullmatch(rf"{BASE.removeprefix('docker.io/library/')}@sha256:[0-9a-f]{{64}}", pinned_base())


def test_size__is_at_most_80_megabytes_on_top_of_the_base(container, tell):
    """Uncompressed, as the engine counts; printed with what it is made of."""
    size = inspect(container.image)["Size"] - inspect(base())["Size"]
    parts = sorted(json.loads(python(container, WEIGHTS)).items(), key=lambda part: -part[1])
    rest = size - sum(weight for _, weight in parts)
    made_of = [f"{name} {weight / MEGABYTE:.1f}" for name, weight in parts if weight > MEGABYTE / 5]
    tell("image on top of its base", f"{size / MEGABYTE:.1f} MB")
    tell(
        "image is made of, in MB",
        ", ".join([*made_of, f"the rest (bytecode of Python's library, tini) {rest / MEGABYTE:.1f}"]),
    )
    assert size <= MOST


def test_user__is_not_root_and_a_number(container):
    """Kubernetes can tell that 10001 is not root only where it is written as a number."""
    assert inspect(container.image)["Config"]["User"] == "10001:10001"
    assert container.run("sh", "-c", "id -u; id -g").stdout.split() == ["10001", "10001"]


def test_files__belong_to_root_and_nobody_else_may_write_them(container):
    """Not even without the read-only file system could a probe change what the next one runs."""
    done = container.run(
        "find", "/app", "/opt", "!", "-type", "l", "(", "!", "-user", "root", "-o", "-perm", "/022", ")"
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_labels__say_what_it_is(container):
    """The OCI's keys: title, source, licence, version, revision, base."""
    labels = inspect(container.image)["Labels"]
    keys = ("title", "description", "source", "licenses", "version", "revision", "base.name")
    assert all(labels[f"org.opencontainers.image.{key}"] for key in keys)
    assert labels["org.opencontainers.image.base.name"] == BASE


def test_programs__nothing_that_installs_or_builds(container):
    """What a probe could install or build with is not there."""
    looked = 'for program in pip pip3 gcc cc make python; do command -v "$program"; done'
    assert container.run("sh", "-c", looked).stdout.split() == ["/opt/venv/bin/python"]


def test_python__has_neither_pip_nor_a_way_to_get_it(container):
    """Not as a module, not in the standard library's bundle, in none of the interpreters."""
    for interpreter in ("/opt/venv/bin/python", "/usr/bin/env -u PYTHONPATH PATH=/usr/local/bin:/usr/bin:/bin python"):
        done = container.run(*interpreter.split(), "-c", IMPORTS)
        assert (done.returncode, done.stdout.split()) == (0, ["pip", "ensurepip", "setuptools"]), done.stderr


def test_bytecode__is_there_for_all_that_a_gate_and_a_server_import(container):
    """A read-only file system keeps none: without it each start would compile anew."""
    assert "without bytecode" not in python(container, UNCOMPILED)


def test_packages__are_those_of_the_lock(container):
    """Every package of the lock is installed in its version, and no other."""
    code = (
        "import importlib.metadata as m\nfor d in m.distributions(): print(d.name.lower().replace('_', '-'), d.version)"
    )
    installed = dict(line.split() for line in python(container, code).splitlines())
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = dict(
        line.removesuffix(" \\").split("==") for line in lock.splitlines() if "==" in line and line[0].isalpha()
    )
    assert installed == pinned


def test_database__psycopg_brings_its_own_library(container):
    """The binary package: no libpq has to be in the image."""
    assert python(container, "import psycopg; print(psycopg.pq.__impl__)").strip() == "binary"


def test_django__speaks_its_languages(container):
    """Only the sources of translations are left out."""
    code = (
        "import django.conf; django.conf.settings.configure()\nimport django; django.setup()\n"
        "from django.utils import translation\n"
        "with translation.override('de'): print(translation.gettext('Enter a valid value.'))"
    )
    assert python(container, code).strip() == "Bitte einen gültigen Wert eingeben."

"""The three lines of docs/image.md, on an image that a team has already."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.container import images
from tests.container.conftest import Runner
from tests.container.images import ROOT
from tests.projects import new_project

TEAM = "registry.example/shop:2.3"
DOCKERFILE = f"""\
FROM {images.base()}
ENV PATH=/srv/venv/bin:$PATH PYTHONUNBUFFERED=1 PIP_COMPILE=0
RUN python3 -m venv --without-pip /srv/venv \\
    && cp -r /usr/lib/python3*/site-packages/pip /srv/venv/lib/python3*/site-packages \\
    && python -m pip install --disable-pip-version-check "Django>=5.2"
COPY . /srv/site
WORKDIR /srv/site
"""
PROBES = """\
import unittest
from django.contrib.auth.models import User
class TestShop(unittest.TestCase):
    def test_models_of_the_project(self): self.assertFalse(User.objects.exists())
    def test_stock(self): self.fail("nothing in stock")
"""


@pytest.fixture(scope="session")
def shop(container, tmp_path_factory):
    """The team's image with the lines of the page added."""
    folder = tmp_path_factory.mktemp("team")
    project = new_project(folder / "site")
    project.app("shop", PROBES)
    assert project.run("migrate", "--verbosity", "0").code == 0
    (folder / "site" / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "context")]
    subprocess.run(wheel, cwd=ROOT, check=True, capture_output=True)
    page = (ROOT / "docs" / "image.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```dockerfile\n(.*?)```", page, re.DOTALL)
    assert len(lines.splitlines()) == 3
    (folder / "context" / "Dockerfile").write_text(lines, encoding="utf-8")
    name = f"{TEAM}-{container.image.rpartition(':')[2]}"
    images.build(TEAM, folder / "site")
    images.build(name, folder / "context")
    return Runner(name)


def test_three_lines__make_the_gate_run_in_a_teams_image(shop):
    """The team's own models, its own manage.py, and the verdict of its own probes."""
    done = shop.run("django-probe", "probe", "--junit", "-")
    assert done.returncode == 1, done.stderr
    cases = {case.get("name"): [part.tag for part in case] for case in ET.fromstring(done.stdout).iter("testcase")}
    assert cases == {"test_models_of_the_project": [], "test_stock": ["failure"]}


def test_three_lines__bring_the_driver_and_the_collector(shop):
    """The driver psycopg with its library, which the read-only guard works with, and the program that reads logs."""
    assert shop.run("python", "-c", "import psycopg; print(psycopg.pq.__impl__)").stdout.strip() == "binary"
    assert shop.run("django-probe-collect").returncode == 20

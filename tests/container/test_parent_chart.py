"""The example of an app's own chart, played by podman: the app's pod, and the gate that judges it."""

from __future__ import annotations

import json
import shutil
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.container import images
from tests.container.logs import collected
from tests.container.pods import ask, played
from tests.helm.charts import CHART, NEW, Rendered, helm, render, values_of
from tests.helm.tools import ROOT, UnavailableError, fetch
from tests.patience import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a team's image has in place of ours: its own project and no entrypoint, and the command that pip installs.
DOCKERFILE = """\
FROM {base}
COPY . /srv/shop
ENV PYTHONPATH=/srv/shop:/app PATH=/srv/shop/bin:$PATH
WORKDIR /srv/shop
ENTRYPOINT []
"""
SETTINGS = """\
SECRET_KEY = "of-nobody-0123456789-0123456789"
ALLOWED_HOSTS = ["*"]
DEBUG = False
DATABASES = {}
INSTALLED_APPS = ["django_probe", "django_probe.contrib.http", "shop"]
MIDDLEWARE = ["django_probe.contrib.http.middleware.ReleaseHeaderMiddleware"]
PROBE_RELEASE_HEADER = "X-Release"
ROOT_URLCONF = "shop.urls"
"""
URLS = """\
from django.http import HttpResponse
from django.urls import include, path
urlpatterns = [path("", lambda request: HttpResponse("open")), path("probe/", include("django_probe.urls"))]
"""
WSGI = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
application = get_wsgi_application()
"""
MANAGE = """\
import os, sys
from django.core.management import execute_from_command_line
if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    execute_from_command_line(sys.argv)
"""
PROBES = """\
import unittest
from django.test import tag
class TestShop(unittest.TestCase):
    @tag("ready")
    def test_ready(self): pass
    @tag("never")
    def test_never(self): self.fail("not ready for anything")
"""
ADDRESS = "import socket; print(socket.gethostbyname(socket.gethostname()))"
FILES = {
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/urls.py": URLS,
    "shop/wsgi.py": WSGI,
    "shop/probes.py": PROBES,
    "manage.py": MANAGE,
    "bin/django-probe": '#!/bin/sh\nexec python -m django_probe "$@"\n',
}
DATA = {"SHOP_KEY": "bm9ib2R5J3M="}  # the form in which podman 4.3 takes what it gives to a pod as variables


@pytest.fixture(scope="module")
def image(container, tmp_path_factory) -> tuple[str, str]:
    """The shop's image, as repository and tag; it is the image of this checkout with the shop's project in it."""
    folder = tmp_path_factory.mktemp("image")
    for name, text in {**FILES, "Dockerfile": DOCKERFILE.format(base=container.image)}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "bin" / "django-probe").chmod(0o755)
    tag = container.image.rpartition(":")[2]
    images.build(f"localhost/shop:{tag}", folder)
    return "localhost/shop", tag


@pytest.fixture(scope="module")
def secret(image, tmp_path_factory) -> Iterator[str]:
    """The Secret that the example takes the app's settings from; podman keeps one of a name for the whole machine."""
    name = f"shop-{image[1]}"
    file = tmp_path_factory.mktemp("secret") / f"{image[1]}.json"
    file.write_text(json.dumps(DATA), encoding="utf-8")
    images.tool("podman", "secret", "rm", name, check=False)  # of a run that was killed
    images.tool("podman", "secret", "create", name, file)
    yield name
    images.tool("podman", "secret", "rm", name)


@pytest.fixture(scope="module")
def chart(tmp_path_factory) -> Path:
    """The example with its dependency beside it."""
    folder = tmp_path_factory.mktemp("parent")
    try:
        fetch(NEW)
    except UnavailableError as error:
        pytest.skip(str(error))
    shutil.copytree(CHART, folder / "helm" / "django-probe")
    parent = shutil.copytree(ROOT / "examples" / "parent-chart", folder / "examples" / "parent-chart")
    assert helm(NEW, "dependency", "update", str(parent)).code == 0
    return parent


@pytest.fixture
def rendered(image, secret, chart):
    """A function that renders the example for the shop's image and some policy, with the address that targets have."""
    repository, tag = image
    release = f"shop-{uuid.uuid4().hex[:8]}"

    def _rendered(ready: str, target: str = "http://shop/") -> Rendered:
        policy = {"gates": {"ready": {"tags": [ready]}, "deploy": {"exclude_tags": ["never"]}}}
        image = {"repository": repository, "tag": tag, "pullPolicy": "Never"}
        named = {each["name"]: each["value"] for each in values_of(chart / "values.yaml")["probe"]["env"]}
        env = [{"name": name, "value": value} for name, value in {**named, "PROBE_TARGETS": target}.items()]
        probe = {"image": image, "policy": policy, "existingSecret": secret, "env": env}
        return render({"probe": probe}, release=release, chart=chart)

    return _rendered


def test_example__the_gate_opens_for_an_app_that_sees_the_same_policy(rendered, tmp_path):
    """The app answers `ready/` by the gate `ready`, its answers name the release, and the gate waits for that one."""
    with played(rendered("ready"), "Deployment", tmp_path) as app:
        wait_for(lambda: ask(app.port, app.rendered["readinessProbe"]) == 200, app.container.logs)
        address = app.container.execute("python", "-c", ADDRESS).strip()
        (tmp_path / "gate").mkdir()
        with played(rendered("ready", f"http://{address}:8000/"), "Job", tmp_path / "gate") as gate:
            code = gate.container.wait()
            log = gate.container.logs()
    assert code == 0, log
    assert collected(log)["test_each_answers_as_the_release"] == []


def test_example__an_app_whose_gate_ready_is_closed_gets_no_requests(rendered, tmp_path):
    """A version whose probe `ready` fails says so itself: the policy of the chart is in its pod too."""
    with played(rendered("never"), "Deployment", tmp_path) as app:
        wait_for(lambda: ask(app.port, app.rendered["livenessProbe"]) == 200, app.container.logs)
        wait_for(lambda: ask(app.port, app.rendered["readinessProbe"]) == 503, app.container.logs)
        wait_for(lambda: "not ready for anything" in app.container.logs(), app.container.logs)
        assert ask(app.port, app.rendered["readinessProbe"]) == 503

"""What a reader of the documents has: a Django project with a shop in it, a checkout of this repository, and Python."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tests.conftest import ROOT
from tests.projects import new_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Project

MODELS = """\
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path
from shop.models import Product


def home(request):
    return HttpResponse(", ".join(product.name for product in Product.objects.all()))


urlpatterns = [path("", home, name="home")]
"""
SETTINGS = """\
ALLOWED_HOSTS = ["shop.example"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
"""
PRODUCT = "from shop.models import Product; Product.objects.create(name='Teapot', price='19.90')"


@dataclass
class Bench:
    """Where the blocks of one page are tried: the reader's project, a checkout of ours, and a folder of programs.

    `waiting` says which blocks were written and have not been run since.
    """

    project: Project
    programs: Path
    waiting: list[str] = field(default_factory=list)

    @cached_property
    def checkout(self) -> Path:
        """The checkout, copied where a page asks for it."""
        return new_checkout(self.programs.with_name("checkout"), self.programs / "python")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a shell in which `python` is the one that runs the tests."""
        environment = self.project.environment(more)
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # `make test` may have started the tests
            environment.pop(name, None)
        return {**environment, "PATH": f"{self.programs}:{environment['PATH']}"}


def new_bench(folder: Path, shop: Project) -> Bench:
    """Make what a page's blocks need, in `folder`, with a copy of what `new_shop` made."""
    programs = folder / "bin"
    programs.mkdir()
    python = programs / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    probe = programs / "django-probe"
    probe.write_text(f"#!{sys.executable}\nfrom django_probe.__main__ import main\nmain()\n", encoding="utf-8")
    probe.chmod(0o755)
    shutil.copytree(shop.path, folder / "site")
    site = replace(shop, path=folder / "site", apps=list(shop.apps))
    return Bench(site, programs)


def new_checkout(folder: Path, python: Path) -> Path:
    """Copy what `make gate` needs; its virtualenv is there already, for a test must not install anything."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(python)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("deploy", "django_probe", "examples"):
        shutil.copytree(ROOT / name, folder / name)  # with the bytecode, which a copy's commands do not write
    for stamp in (".made", ".installed"):
        (folder / ".venv" / stamp).touch()
    return folder


def new_shop(folder: Path) -> Project:
    """Make a Django project with an app `shop`: a page, a product, and no probes yet."""
    made = new_project(folder)
    made.app("shop")
    made.write("shop/models.py", MODELS)
    made.write("site_urls.py", URLS)
    made.configure(SETTINGS)
    for arguments in (["migrate", "--run-syncdb", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", PRODUCT]):
        done = made.run(*arguments)
        assert done.code == 0, done.err
    return made

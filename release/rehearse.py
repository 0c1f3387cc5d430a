"""`make release-rehearsal`: does what a release does, as far as that publishes nothing.

The registry is one on this machine. The image is built by buildah for this architecture alone, on a base that is made
of Debian's packages, as the tests do it. Nothing is signed, and nothing is uploaded: both take an identity of GitHub.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Final

from release import ROOT, ReleaseError, audit, chart, distributions, notes, sbom, versions
from release.registry import registry
from tests.container import images
from tests.helm import tools

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROJECT: Final = {
    "manage.py": """\
        import os, sys
        os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
        """,
    "settings.py": """\
        SECRET_KEY = "of-a-rehearsal-and-of-nothing-else"
        INSTALLED_APPS = ["django_probe", "shop"]
        """,
    "shop/__init__.py": "",
    "shop/probes.py": """\
        import unittest

        class TestShop(unittest.TestCase):
            def test_it_is_open(self):
                self.assertTrue(True)
        """,
    "probe.yaml": "gates:\n  deploy: {probes: [shop]}\n",
}
_PASSED: Final = "gate deploy: PASSED (exit 0)"


def rehearse(folder: Path) -> None:
    """Do every step in a folder; ReleaseError at the first that a release would stop at."""
    with step("every file names one version, and the changelog has it"):
        if wrong := versions.disagreements():
            raise ReleaseError("; ".join(wrong))
        version = versions.version()
        notes.notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    with step("sdist and wheel: two builds are the same bytes, and twine takes them"):
        built = distributions.build(folder / "dist")
        chart.run(sys.executable, "-m", "twine", "check", "--strict", *map(str, built))
    (wheel,) = (path for path in built if path.suffix == ".whl")
    with step("the wheel in a bare virtualenv: its version, and a gate"):
        _try_wheel(wheel, folder / "bare", version)
    with step("the SBOM is what the lock says"):
        sbom.write(wheel, folder / "sbom.cdx.json")
    with step("no known vulnerability in what the image installs"):
        found = audit.audit()
        if found.vulnerable:
            raise ReleaseError(str(found))
        print(f"release-rehearsal: {found}")
    with registry() as address:
        with step("the image: built, pushed, pulled by digest, and its gate"):
            image, digest = _try_image(address, version, folder)
        for helm in tools.PACKED:
            with step(f"the chart by Helm {helm}: pushed, pulled by digest, rendered with that image"):
                _try_chart(tools.fetch(helm), f"{address}/charts-{helm}", image, digest, folder / helm)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Tell how long a step took."""
    began = time.monotonic()
    yield
    print(f"release-rehearsal: {name} ({time.monotonic() - began:.0f} s)", flush=True)


def _try_wheel(wheel: Path, folder: Path, version: str) -> None:
    """Install it where nothing is, and let its program judge a project."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    chart.run(str(programs / "pip"), "install", "--quiet", "--disable-pip-version-check", str(wheel))
    _expect(chart.run(str(programs / "django-probe"), "--version"), f"django-probe {version}")
    for name, text in _PROJECT.items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    policy = str(folder / "site" / "probe.yaml")
    _expect(chart.run(str(programs / "django-probe"), "policy", "check", policy), "gate deploy: probes shop")
    gate = [str(programs / "django-probe"), "probe", "--policy", policy, "--gate", "deploy"]
    done = subprocess.run(gate, cwd=folder / "site", capture_output=True, text=True, check=False)
    _expect(done.stdout + done.stderr, _PASSED)


def _try_image(address: str, version: str, folder: Path) -> tuple[str, str]:
    """Return the name of the image in the registry, and its digest there."""
    local, image = "localhost/django-probe:rehearsal", f"{address}/django-probe/django-probe"
    with images.set_up():
        images.make_base()
        # Without layers: buildah takes the labels of a layer that it has, whatever the arguments are now.
        options = ("--layers=false", "--build-arg", f"VERSION={version}", "--build-arg", "REVISION=rehearsal")
        images.build(local, ROOT, *options)
    written = folder / "digest"
    images.tool("buildah", "push", "--tls-verify=false", "--digestfile", written, local, f"docker://{image}:{version}")
    digest = written.read_text(encoding="ascii").strip()
    pinned = f"{image}@{digest}"
    images.tool("podman", "pull", "--tls-verify=false", pinned)
    try:
        labels = images.inspect(pinned)["Config"]["Labels"]
        _expect(labels["org.opencontainers.image.version"], version)
        strict = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
        python = images.tool(
            "podman", "run", "--rm", "--entrypoint", "python", pinned, "-m", "django_probe", "--version"
        )
        _expect(python.stdout, f"django-probe {version}")
        done = images.tool("podman", "run", "--rm", *strict, pinned, "gate", "deploy")
        _expect(done.stdout + done.stderr, _PASSED)
    finally:
        images.tool("podman", "rmi", "--force", pinned, local, check=False)
    return image, digest


def _try_chart(helm: tools.Tools, charts: str, image: str, digest: str, folder: Path) -> None:
    """Push it, pull it by the digest that the registry gave it, and render that."""
    packed = chart.pack(digest, folder, image=image, helm=helm.helm)
    pushed = chart.run(helm.helm, "push", str(packed), f"oci://{charts}", "--plain-http")
    (pinned,) = (line.removeprefix("Digest: ") for line in pushed.splitlines() if line.startswith("Digest: "))
    source = f"oci://{charts}/django-probe@{pinned}"
    pulled = folder / "pulled"
    pulled.mkdir()
    chart.run(helm.helm, "pull", source, "--plain-http", "--destination", str(pulled))
    (file,) = pulled.iterdir()
    if file.read_bytes() != packed.read_bytes():
        raise ReleaseError(f"{source}: is not what was pushed")
    _expect(chart.run(helm.helm, "template", "shop", str(file)), f'image: "{image}@{digest}"')


def _expect(said: str, text: str) -> None:
    if text not in said:
        raise ReleaseError(f"expected {text!r}, and was told:\n{said.strip()}")


def main() -> int:
    """Rehearse; return 1 where a release would stop, or where something that it takes is not on this machine."""
    try:
        sbom.need_python()
        with images.set_up(), registry():
            pass  # all that it takes is there
        with tempfile.TemporaryDirectory() as folder:
            rehearse(Path(folder))
    except (ReleaseError, images.MissingError, tools.UnavailableError, AssertionError) as error:
        sys.stderr.write(f"release-rehearsal: {error}\n")
        return 1
    print("release-rehearsal: what could not be tried here: arm64, signatures, PyPI, and GitHub itself")
    return 0


if __name__ == "__main__":
    sys.exit(main())

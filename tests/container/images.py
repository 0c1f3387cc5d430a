"""The image of the Dockerfile, built without a Docker engine and an image registry, once for each of its contents.

Needs root and, of Debian: buildah podman runc catatonit mmdebstrap containernetworking-plugins iptables. What
stands for the base image is made of Debian's packages. Everything stays in `.cache/container`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "container"
BASE = "docker.io/library/python:3.13-slim-trixie"
TOOLS = ("buildah", "podman", "runc", "catatonit", "mmdebstrap")
PACKAGES = "buildah podman runc catatonit mmdebstrap containernetworking-plugins iptables"
CONTEXT = ("Dockerfile", ".dockerignore", "requirements.lock", "django_probe", "deploy")
MIRROR = "http://deb.debian.org/debian"
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")

# Limits that a container inside a container may set, and cgroups without systemd.
_CONTAINERS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = f"""\
[storage]
driver = "overlay"
graphroot = "{CACHE / "storage"}"
runroot = "{CACHE / "run"}"
"""


class MissingError(Exception):
    """Something that builds or runs images is not on this machine; the message says what."""


def environment() -> dict[str, str]:
    """Return the environment in which podman and buildah know our store and no other."""
    return {
        **os.environ,
        "CONTAINERS_CONF": str(CACHE / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(CACHE / "storage.conf"),
    }


def tool(*arguments: object, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run podman or buildah on a store of our own; an error shows what it printed."""
    command = [str(argument) for argument in arguments]
    # In a folder of our own: podman's monitor leaves a file `oom` where it was started.
    done = subprocess.run(
        command,
        env=environment(),
        cwd=CACHE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    return done


@contextmanager
def set_up() -> Iterator[None]:
    """Let one process at a time look for images and build them; MissingError where the tools are not there."""
    missing = [
        name for name in TOOLS if shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None
    ]
    if missing:
        raise MissingError(f"not installed: {' '.join(missing)} (Debian: apt-get install {PACKAGES})")
    if os.geteuid() != 0:
        raise MissingError("only root can make the base image, and limit the memory of a container without systemd")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, text in (("containers.conf", _CONTAINERS), ("storage.conf", _STORAGE)):
            path = CACHE / name
            if not path.exists() or path.read_text(encoding="utf-8") != text:  # others read them meanwhile
                path.write_text(text, encoding="utf-8")
        yield


def image() -> str:
    """Return the name of the image of the checkout as it is; MissingError where it cannot be built here."""
    with set_up():
        name = f"localhost/django-probe:{_key()}"
        if not _exists(name):
            make_base()
            build(name, ROOT)
    return name


def build(name: str, context: Path, *options: object) -> None:
    """Build a Dockerfile; what a machine trusts beyond the base image's authorities is trusted within.

    The base that our Dockerfile names by digest is the one that was made here.
    """
    here = ["--build-context", f"{pinned_base()}=container-image://{base()}"]
    trust = ["--volume", f"{TRUST}:{TRUST}:ro"] if TRUST.exists() else []
    # Layers are for the next build, of nearly the same files. In CI there is none; to store them takes a third more.
    layers = [] if os.environ.get("CI") == "true" else ["--layers"]
    tool(
        "buildah", "bud", *layers, "--isolation", "chroot", *here, *trust, *options, "--tag", name, context, timeout=600
    )


def pinned_base() -> str:
    """Return the base of the Dockerfile, which is the same in each stage, as it stands there."""
    (name,) = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    return name


def inspect(name: str) -> dict:
    """Return what podman says of an image or of a container."""
    return json.loads(tool("podman", "inspect", name).stdout)[0]


def _key() -> str:
    """Return a hash of everything that the build reads."""
    digest = hashlib.sha256(base().encode())
    for part in CONTEXT:
        place = ROOT / part
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(
                    f"{path.relative_to(ROOT)}\0{path.stat().st_mode:o}\0".encode() + path.read_bytes() + b"\0"
                )
    return digest.hexdigest()[:16]


def _exists(name: str) -> bool:
    return tool("podman", "image", "exists", name, check=False).returncode == 0


# What Docker's image has not: bytecode of the standard library, documentation, and logs. Both have `python` and `pip`.
_AS_DOCKERS = """\
set -eu
cd "$1"
ln -s python3 usr/bin/python
library=$(echo usr/lib/python3.*)
wheel=$(echo usr/share/python-wheels/pip-*.whl)
chroot . python3 -m zipfile -e "/$wheel" "/$library/site-packages"
printf '#!/bin/sh\\nexec python3 "/%s/site-packages/pip" "$@"\\n' "$library" >usr/local/bin/pip
chmod +x usr/local/bin/pip
find usr/lib/python3* -name __pycache__ -prune -exec rm -r {} +
rm -rf usr/share/doc/* var/log/*.log
"""
_RECIPE = (
    "--mode=root", "--variant=minbase", "--include=python3,python3-venv,ca-certificates",
    '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",  # as Docker's image has them
    f"--customize-hook={_AS_DOCKERS}", "trixie",
)  # fmt: skip


def base() -> str:
    """Return the name of what stands for the base image here: Debian's Python where Docker's has a build of its own."""
    return f"localhost/base:{hashlib.sha256(repr(_RECIPE).encode()).hexdigest()[:16]}"


def make_base() -> None:
    """Make it where it is not there yet."""
    if _exists(base()):
        return
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        archive = Path(name) / "root.tar"
        tool("mmdebstrap", *_RECIPE, archive, MIRROR, timeout=600)
        tool("podman", "import", archive, base())

"""`python -m release.published VERSION [pypi|image|chart …]`: ends with 1 where one has it, or does not say; else 0.

Nothing that was published is replaced. So an answer other than "it is not there" stops a release, a failure of the
registry as well: it is never taken for an empty place. REGISTRY_USER and REGISTRY_TOKEN log into the registry.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import Final

from release import ReleaseError
from release.versions import of_chart

INDEX: Final = "https://pypi.org"
REGISTRY: Final = "https://ghcr.io"
DISTRIBUTION: Final = "django-probe-gate"
IMAGE: Final = "django-probe/django-probe"
CHART: Final = "django-probe/charts/django-probe"
_SECONDS: Final = 30.0
_MANIFESTS: Final = ", ".join(
    f"application/vnd.{name}+json"
    for name in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)


def in_index(version: str, index: str) -> bool:
    """Return whether PyPI has this version; ReleaseError where it does not say."""
    return _is_there(urllib.request.Request(f"{index}/pypi/{DISTRIBUTION}/{version}/json"))  # noqa: S310 (see `_answer`)


def in_registry(repository: str, tag: str, registry: str) -> bool:
    """Return whether the registry has this tag; ReleaseError where it does not say."""
    headers = {"Accept": _MANIFESTS}
    if token := _token(repository, registry):
        headers["Authorization"] = f"Bearer {token}"
    return _is_there(
        urllib.request.Request(  # noqa: S310 (see `_answer`)
            f"{registry}/v2/{repository}/manifests/{tag}", headers=headers, method="HEAD"
        )
    )


def _token(repository: str, registry: str) -> str:
    """Return a token that may pull from the repository; empty where no user is given."""
    user, secret = os.environ.get("REGISTRY_USER", ""), os.environ.get("REGISTRY_TOKEN", "")
    if not (user and secret):
        return ""
    asked = urllib.parse.urlencode(
        {"service": urllib.parse.urlsplit(registry).netloc, "scope": f"repository:{repository}:pull"}
    )
    login = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
    request = urllib.request.Request(  # noqa: S310 (see `_answer`)
        f"{registry}/token?{asked}", headers={"Authorization": f"Basic {login}"}
    )
    status, body = _answer(request)
    try:
        if status == HTTPStatus.OK:
            return str(json.loads(body)["token"])
    except (ValueError, KeyError, TypeError):
        pass
    raise ReleaseError(
        f"{request.full_url}: gave no token, but {status}; a version may be there, so nothing is published"
    )


def _is_there(request: urllib.request.Request) -> bool:
    status, _ = _answer(request)
    if status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        return status == HTTPStatus.OK
    raise ReleaseError(
        f"{request.full_url}: answered {status}, which does not say whether the version is there; nothing is published"
    )


def _answer(request: urllib.request.Request) -> tuple[int, bytes]:
    """Return the status and the body; the addresses are those of this module, or a test's."""
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError as error:
        raise ReleaseError(f"{request.full_url}: cannot be asked: {error}; nothing is published") from None


def main(arguments: list[str]) -> int:
    """Tell of each place that has the version already."""
    places = {"pypi": _pypi, "image": _image, "chart": _chart}
    version, *wanted = arguments or [""]
    if not version or not set(wanted) <= places.keys():
        sys.stderr.write(f"usage: python -m release.published VERSION [{' | '.join(places)} ...]\n")
        return 2
    try:
        answers = [places[name](version) for name in wanted or places]
    except ReleaseError as error:
        sys.stderr.write(f"release.published: {error}\n")
        return 1
    taken = [name for name, is_there in answers if is_there]
    for name in taken:
        sys.stderr.write(f"release.published: {name} is there already; nothing is replaced: release the next version\n")
    return 1 if taken else 0


def _pypi(version: str) -> tuple[str, bool]:
    return f"{DISTRIBUTION} {version} at PyPI", in_index(version, INDEX)


def _image(version: str) -> tuple[str, bool]:
    return f"ghcr.io/{IMAGE}:{version}", in_registry(IMAGE, version, REGISTRY)


def _chart(version: str) -> tuple[str, bool]:
    return f"ghcr.io/{CHART}:{of_chart(version)}", in_registry(CHART, of_chart(version), REGISTRY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

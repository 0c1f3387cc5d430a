"""The packed chart of a release runs that release's image, by digest, with no values at all."""

from __future__ import annotations

import tarfile

import pytest
import yaml

import django_probe
from release import ReleaseError, chart
from tests.helm.charts import NEW, render
from tests.helm.tools import UnavailableError, fetch

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def test_chart__names_the_image_by_digest(tmp_path):
    """Nobody who installs it has to know where the image is."""
    try:
        helm = fetch(NEW).helm
    except UnavailableError as error:
        pytest.skip(str(error))

    packed = chart.pack(DIGEST, tmp_path, helm=helm)

    assert packed.name == f"django-probe-{django_probe.__version__}.tgz"
    with tarfile.open(packed) as archive:
        values = yaml.safe_load(archive.extractfile("django-probe/values.yaml"))
    assert values["image"]["repository"] == "ghcr.io/django-probe/django-probe"
    (container,) = render(chart=packed).kind("Job")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"ghcr.io/django-probe/django-probe@{DIGEST}"


@pytest.mark.parametrize("digest", ["", "latest", "sha256:abc", f"sha512:{'0' * 64}"])
def test_chart__of_no_digest_is_refused(digest, tmp_path):
    """An empty output of a step, or a tag, makes no chart."""
    with pytest.raises(ReleaseError, match="not a digest; expected sha256: and 64 hexadecimal digits"):
        chart.pack(digest, tmp_path)

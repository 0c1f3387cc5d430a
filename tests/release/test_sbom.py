"""The SBOM is read back: it says what the lock says, and nothing else."""

from __future__ import annotations

import json

import pytest

from release import ReleaseError, sbom


def test_lock__is_read_by_name_and_version():
    """Of a package with extras or a marker as well."""
    locked = sbom.locked()

    assert {"django", "gunicorn", "psycopg-binary", "junit-xml"} <= locked.keys()
    assert all(version[0].isdigit() for version in locked.values())


def test_sbom__is_read_with_what_it_is_of(tmp_path):
    """Names are normal ones, as in the lock."""
    path = tmp_path / "sbom.json"
    own = {"name": "django-probe-gate", "version": "0.1.0"}
    components = [{"name": "PyYAML", "version": "6.0.3"}, {"name": "prometheus_client", "version": "0.26.0"}]
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "metadata": {"component": own}, "components": components}))

    assert sbom.read(path) == {"django-probe-gate": "0.1.0", "pyyaml": "6.0.3", "prometheus-client": "0.26.0"}


def test_file__that_is_no_sbom_is_refused(tmp_path):
    """Another format has other keys."""
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"spdxVersion": "SPDX-2.3"}))

    with pytest.raises(ReleaseError, match=r"sbom\.json: no CycloneDX"):
        sbom.read(path)

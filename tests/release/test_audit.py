"""What pip-audit finds is told by package; what it could not learn is told too, and is not taken for health."""

from __future__ import annotations

import pytest

from release.audit import read

KNOWN = {"name": "django", "version": "6.1.3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["6.1.4", "7.0"]}]}
WELL = {"name": "six", "version": "1.17.0", "vulns": []}
SILENT = {"name": "pyyaml", "skip_reason": "Dependency not found on PyPI and could not be audited: pyyaml (6.0.3)"}


def test_vulnerability__is_told_with_what_mends_it():
    """One line has the package, the advisory and the versions; what the index is silent about is named."""
    found = read({"dependencies": [WELL, KNOWN, SILENT]})

    assert str(found) == "django 6.1.3: PYSEC-1, mended in 6.1.4, 7.0; the index does not tell of pyyaml"


def test_audit__without_a_finding_says_what_it_is_worth():
    """No vulnerability of what was looked up; a mirror that knows files alone is told of."""
    assert str(read({"dependencies": [WELL]})) == "no vulnerability is known"
    found = read({"dependencies": [WELL, SILENT]})
    assert str(found) == "no vulnerability is known; the index does not tell of pyyaml"


@pytest.mark.parametrize(("packages", "passed"), [([WELL, SILENT], True), ([WELL, KNOWN], False), ([SILENT], False)])
def test_audit__passes_by_what_was_found_out(packages, passed):
    """A vulnerability does not pass, nor does an index that tells of no package: what nobody looked up is not well."""
    found = read({"dependencies": packages})

    assert found.passed is passed
    assert str(found).startswith("nothing is known: ") is (packages == [SILENT])

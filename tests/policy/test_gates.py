"""Gates by name, and the terms on which their probes run."""

from __future__ import annotations

import pytest

from django_probe.policy.file import parse_policy
from django_probe.policy.gates import NO_POLICY, Gate, PolicyError
from django_probe.terms import NOTHING, CeilingError, DatabaseAccess, Terms, Wishes

TWO = "gates: {deploy: {}, ready: {}}"


def gate(text, name="deploy"):
    """Return one gate of a policy that is written under `gates:`."""
    return parse_policy(f"gates:\n  {name}:\n    {text}\n", "probe.yaml").gate(name)


def test_gate__default_needs_no_line_in_the_file():
    """Without a name, and by that name, it is every probe on the defaults, or what the file says of it."""
    assert NO_POLICY.gate(None) == NO_POLICY.gate("default") == Gate()
    written = parse_policy("gates: {default: {parallel: 3}}", "probe.yaml")
    assert written.gate(None) == written.gate("default") == Gate(parallel=3)


def test_gate__an_unknown_name_says_the_nearest_and_all():
    """A typing error is mended without opening the file."""
    policy = parse_policy(TWO, "probe.yaml")

    with pytest.raises(PolicyError) as refused:
        policy.gate("deploi")

    assert str(refused.value) == (
        'probe.yaml: no gate "deploi"; did you mean "deploy"? (gates in the file: deploy, ready)'
    )


def test_gate__a_name_without_a_file_says_how_to_name_one():
    """The likeliest mistake in a container: the policy was not mounted."""
    with pytest.raises(PolicyError, match="there is no policy file; give --policy FILE, or set PROBE_POLICY"):
        NO_POLICY.gate("deploy")


def test_terms__the_specific_beats_the_general_and_the_operator_beats_all():
    """Command line, then the probe's own, then the gate."""
    written = gate("{timeout: 30s, retries: 1, database_access: read-write}")
    own = Wishes(timeout=5.0, retries=2, warn_only=False, database_access=DatabaseAccess.ROLLBACK)
    operator = Wishes(timeout=7.0, retries=0, database_access=DatabaseAccess.READ_ONLY)

    of_gate = written.terms(NOTHING, NOTHING, warns_only=True)
    of_probe = written.terms(own, NOTHING, warns_only=True)
    of_operator = written.terms(own, operator, warns_only=True)

    assert of_gate == Terms(30.0, 1, blocking=False, database_access=DatabaseAccess.READ_WRITE)
    assert of_probe == Terms(5.0, 2, blocking=True, database_access=DatabaseAccess.ROLLBACK)
    assert of_operator == Terms(7.0, 0, blocking=True, database_access=DatabaseAccess.READ_ONLY)


def test_terms__what_is_required_closes_whatever_is_warn_only():
    """By the gate, and by the probe itself."""
    warns = Wishes(warn_only=True)

    assert gate("{}").terms(warns, NOTHING, warns_only=True, required=True).blocking
    assert not gate("{}").terms(warns, NOTHING, warns_only=False).blocking


@pytest.mark.parametrize("access", ["read-only", "rollback", "read-write"])
@pytest.mark.parametrize("wished", ["read-only", "rollback", "read-write"])
def test_terms__a_written_database_access_is_a_ceiling(access, wished):
    """A probe may wish less than its gate says, and is refused where it wishes more."""
    written, own = gate(f"database_access: {access}"), Wishes(database_access=DatabaseAccess(wished))

    if DatabaseAccess(wished).rank > DatabaseAccess(access).rank:
        with pytest.raises(CeilingError, match=f"wishes database_access {wished}, and the gate deploy allows {access}"):
            written.terms(own, NOTHING, warns_only=False)
    else:
        assert written.terms(own, NOTHING, warns_only=False).database_access == wished


def test_gate__made_in_code_takes_an_access_as_a_text():
    """It is a ceiling then as one that is written in the file, and what names none is refused."""
    made = Gate(database_access="rollback")

    assert made.access(NOTHING) is DatabaseAccess.ROLLBACK
    with pytest.raises(CeilingError):
        made.terms(Wishes(database_access="read-write"), NOTHING, warns_only=False)
    with pytest.raises(ValueError, match="database_access: expected one of read-only, rollback, read-write, got 'no'"):
        Gate(database_access="no")


def test_terms__no_written_database_access_is_no_ceiling():
    """The default read-only is what a probe gets that wishes nothing, not what it may not exceed."""
    own = Wishes(database_access=DatabaseAccess.READ_WRITE)

    assert gate("").terms(own, NOTHING, warns_only=False).database_access == "read-write"
    assert gate("").terms(NOTHING, NOTHING, warns_only=False).database_access == "read-only"

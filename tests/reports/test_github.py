"""The commands for GitHub Actions: each problem beside its code, escaped so that nothing of a probe is a command."""

from __future__ import annotations

from django_probe.reports import github
from django_probe.results import EndedBy


def test_render__a_line_for_each_problem_of_ten_at_most(run, result):
    """Blocking ones first and as errors; a warn-only one closes nothing and is a warning."""
    many = [result(f"shop.A.test_{n:02}", "failed", message="no", file="shop/probes.py", line=n) for n in range(12)]
    warned = result("shop.A.test_warn", "error", blocking=False, message="disk is full")

    lines = github.render(run(result(), warned, *many)).splitlines()

    assert lines == [f"::error file=shop/probes.py,line={n or 1},title=shop.A.test_{n:02}::no" for n in range(10)]
    assert github.render(run(warned)) == "::warning title=shop.A.test_warn::disk is full\n"
    assert github.render(run(result())) == ""


def test_render__escapes_what_would_be_another_command(run, result):
    """Line breaks, percent signs, and in properties colons and commas, as GitHub wants them."""
    bad = result(
        "shop.A.test_a\n::set-env", "failed", message="50%\n::error::x", file="a,b:c.py", line=1, owner="ann",
        runbook="https://runbooks.example/a%20b",
    )  # fmt: skip

    assert github.render(run(bad)) == (
        "::error file=a%2Cb%3Ac.py,line=1,title=shop.A.test_a %3A%3Aset-env::50%25 ::error::x%0Aowner: ann%0A"
        "runbook: https://runbooks.example/a%2520b\n"
    )


def test_render__says_why_a_gate_closes_without_a_problem(run, result):
    """Nothing ran, or the run was ended: the step is red, and says so."""
    ended = run(result(), result("shop.A.test_b", "not_run"), ended_by=EndedBy.DEADLINE)

    assert github.render(run()) == "::error title=gate deploy::no probe was selected: nothing was proved\n"
    assert github.render(ended) == (
        "::error title=gate deploy::the deadline ended the run before every probe was done\n"
    )


def test_render__names_files_from_the_folder_of_the_repository(run, result, monkeypatch, tmp_path):
    """Where the command ran in a folder of it, GitHub would not find them."""
    (tmp_path / "backend").mkdir()
    monkeypatch.chdir(tmp_path / "backend")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    inside = result(outcome="failed", file="shop/probes.py", line=3)
    outside = result(outcome="failed", file="/srv/elsewhere/probes.py", line=3)

    lines = github.render(run(inside, outside)).splitlines()

    assert [line.partition(",")[0] for line in lines] == [
        "::error file=backend/shop/probes.py",
        "::error file=/srv/elsewhere/probes.py",
    ]

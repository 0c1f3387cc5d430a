"""The summary for a CI job's page: readable, complete, and nothing in it that a probe smuggled in."""

from __future__ import annotations

import re

import pytest

from django_probe.attachments import Attachment
from django_probe.reports import markdown
from django_probe.results import Earlier

TABLE = """\
|  | passed | failed | error | timeout | skipped | expected failure | not run |
| --- | --: | --: | --: | --: | --: | --: | --: |
"""


def test_render__a_closed_gate(run, result):
    """The verdict is the heading, the reason follows, each problem is folded, the slowest stand last."""
    given = run(
        result("shop.TestCart.test_add", duration=0.4),
        result("shop.TestStock.test_count", "failed", blocking=False, message="3 != 4"),
        result(outcome="failed", message="402 != 200", details="Traceback\n  …\n", output="paying", attempts=2),
        release="v42",
    )

    assert markdown.render(given) == (
        "## Gate `deploy`: closed (exit 1)\n\n"
        "**1 blocking probe did not pass**\n\n"
        "3 selected: 1 passed, 2 failed (1 warn-only) in 1.20s\n\n"
        "run `6f0c` · release `v42` · host `pod-x` · started `2026-11-23T10:00:00.123Z`\n\n"
        + TABLE
        + "| blocking | 1 | 1 | 0 | 0 | 0 | 0 | 0 |\n"
        "| warn-only | 0 | 1 | 0 | 0 | 0 | 0 | 0 |\n\n"
        "### Problems\n\n"
        "<details><summary><b>failed</b> <code>shop.TestCheckout.test_pay</code> in 0.051s, 2 attempts: "
        "402 != 200</summary>\n\n"
        "```text\nTraceback\n  …\n```\n\n"
        "Captured output:\n\n"
        "```text\npaying\n```\n\n"
        "</details>\n\n"
        "<details><summary><b>failed</b> <code>shop.TestStock.test_count</code> (warn-only) in 0.051s: "
        "3 != 4</summary>\n\n"
        "</details>\n\n"
        "### Slowest\n\n"
        "| probe | outcome | time |\n| --- | --- | --: |\n"
        "| `shop.TestCart.test_add` | passed | 0.400s |\n"
        "| `shop.TestStock.test_count` | failed | 0.051s |\n"
        "| `shop.TestCheckout.test_pay` | failed | 0.051s |\n"
    )


def test_render__a_gate_that_passed_has_no_problems_to_fold(run, result):
    """Silence means healthy."""
    text = markdown.render(run(result()))

    assert text.startswith("## Gate `deploy`: passed (exit 0)\n\n**every blocking probe passed**\n")
    assert "Problems" not in text
    assert "<details>" not in text


def test_render__an_empty_run_has_no_slowest(run):
    """Nothing ran: the heading and the reason say so."""
    text = markdown.render(run())

    assert text.startswith("## Gate `deploy`: closed (exit 5)\n\n**no probe was selected: nothing was proved**\n")
    assert "Slowest" not in text


def test_render__html_in_a_message_is_text(run, result):
    """A message cannot close the fold, open a tag or run a script."""
    hostile = "</summary></details><script>alert(1)</script>\n\n# A heading"

    attached = (Attachment(hostile, "text/plain", 7, hostile),)
    given = result(hostile, "failed", message=hostile, details=hostile, output=hostile, attachments=attached)
    text = markdown.render(run(given))

    assert "attached: " in text

    outside = re.sub(r"^```text\n.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"</?\w+>", outside)) == {
        *("<details>", "<summary>", "<b>", "</b>", "<code>", "</code>", "</summary>", "</details>")
    }
    assert outside.count("</details>") == outside.count("</summary>") == 1
    assert len(re.findall(r"^#", outside, flags=re.MULTILINE)) == 3


@pytest.mark.parametrize("text", ["```", "`````\n````\n", "~~~", "    ```text\n"])
def test_render__a_fence_in_a_traceback_does_not_end_the_block(run, result, text):
    """The block's own fence is longer than any in it."""
    lines = markdown.render(run(result(outcome="failed", details=text))).splitlines()

    opening = next(line for line in lines if line.endswith("`text") and not line.startswith(" "))
    fence = opening.removesuffix("text")
    assert len(fence) > max(map(len, re.findall("`+", text)), default=2)
    assert lines.count(fence) == 1


@pytest.mark.parametrize("label", ["a|b.X.y", "a`b.X.y", "a\\|b.X.y", "``", "<b>|*x*"])
def test_render__a_label_cannot_end_its_cell(run, result, label):
    """Every row of the table of the slowest has three cells, whatever the probe's name."""
    row = markdown.render(run(result(label))).splitlines()[-1]

    cell, outcome, time = row.strip("| ").split(" | ")
    assert (outcome, time) == ("passed", "0.051s")
    assert re.fullmatch(r"<code>[^|`\\<>*]*</code>", cell)


def test_render__fits_on_the_page(run, result):
    """GitHub refuses more than 1 MiB: what does not fit is counted, and the rest is whole."""
    loud = {"details": "é" * 30_000, "output": "🎉" * 30_000}
    noisy = [result(f"shop.X.test_{n}", "failed", message=f"{n} != 51", **loud) for n in range(50)]

    text = markdown.render(run(*noisy))

    assert len(text.encode()) < markdown.MAX_BYTES
    shown = text.count("<details>")
    assert shown == text.count("</details>") > 1
    assert f"{50 - shown} more did not fit here; the other reports have them." in text
    assert "[…] the first 10000 characters are left out here\n" in text


def test_render__tells_of_one_cause_once(run, result):
    """Problems that are alike are one fold, with all their labels in it; what was not run closes the gate too."""
    down = {"message": "Error 111", "details": "Traceback\n"}
    many = [result(f"shop.A.test_{n}", "error", **down, **({} if n else {"owner": "cart"})) for n in range(4)]
    given = run(*many, result("shop.B.test_unrun", "not_run", message="failfast ended the run first", duration=0.0))

    text = markdown.render(given)

    assert (
        "### Problems\n\n"
        "<details><summary><b>error</b> 4 probes (<code>shop.A.test_0</code>, <code>shop.A.test_1</code>, "
        "<code>shop.A.test_2</code> and 1 more): Error 111</summary>\n\n"
        "- `shop.A.test_0` · owner `cart`\n- `shop.A.test_1`\n- `shop.A.test_2`\n- `shop.A.test_3`\n\n"
        "The first of them:\n\n```text\nTraceback\n```\n\n</details>\n\n"
        "<details><summary><b>not run</b> <code>shop.B.test_unrun</code>: failfast ended the run first</summary>\n\n"
    ) in text
    assert text.count("Traceback") == 1
    assert "\n- and 100 more\n" in markdown.render(run(*(result(f"a.A.test_{n}", "error") for n in range(300))))


def test_render__names_flaky_probes_owners_and_runbooks(run, result):
    """Whom to call with a problem, and what passed after one; a URL that is none is shown and leads nowhere."""
    pay = {"owner": "payments", "runbook": 'https://runbooks.example/pay?a="|"'}
    text = markdown.render(
        run(
            result(outcome="failed", message="402 != 200", **pay),
            result("shop.A.test_b", attempts=3, earlier=(Earlier("error", "OSError: <no>"),), owner="stock"),
            result("shop.A.test_c", "failed", blocking=False, runbook="javascript:alert(1)"),
        )
    )

    assert '\n\nowner `payments` · <a href="https://runbooks.example/pay?a=&quot;%7C&quot;">runbook</a>\n\n' in text
    assert "### Flaky: passed after a problem" in text
    assert "| `shop.A.test_b` | 3 | error: OSError: &#60;no&#62; | owner `stock` |" in text
    assert "\n\nrunbook `javascript:alert(1)`\n\n" in text
    assert "Flaky" not in markdown.render(run(result()))

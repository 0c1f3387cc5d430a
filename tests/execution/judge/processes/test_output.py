"""Output: captured down to the descriptors, each probe's own, its end kept, and no more memory than that."""

from __future__ import annotations

import pytest
from junitparser import JUnitXml

from tests.execution.running import by_label, outcomes

KEPT = 64 * 1024


def test_output_is_captured_down_to_the_descriptors(project):
    """Python's streams, the descriptors, C code that never flushes, child processes: each with its own probe."""
    project.app(
        "shop",
        """
        import ctypes, os, subprocess, sys, unittest

        class TestPrints(unittest.TestCase):
            def test_a_python(self):
                print("a: print")
                print("a: stderr", file=sys.stderr)
                self.fail("to see it")

            def test_b_descriptors(self):
                os.write(1, b"b: write 1\\n")
                os.write(2, b"b: write 2\\n")
                self.fail("to see it")

            def test_c_without_newline(self):
                sys.stdout.write("c: stays in a buffer")
                self.fail("to see it")

            def test_d_c_code(self):
                ctypes.CDLL(None).printf(b"d: printf")
                self.fail("to see it")

            def test_e_silent(self):
                self.fail("to see it")

            def test_f_child(self):
                subprocess.run(["echo", "f: echo"], check=True)
                self.fail("to see it")

            def test_g_passes(self):
                print("g: of no interest")
        """,
    )
    done, record = project.record()
    printed = {name[:6]: result["output"] for name, result in by_label(record).items()}
    assert sorted(printed.pop("test_a").splitlines()) == ["a: print", "a: stderr"]
    assert printed == {
        "test_b": "b: write 1\nb: write 2\n",
        "test_c": "c: stays in a buffer",
        "test_d": "d: printf",
        "test_e": "",
        "test_f": "f: echo\n",
        "test_g": "",
    }
    assert "c: stays in a buffer" in done.err
    assert "of no interest" not in done.err
    assert done.out == ""


def test_of_much_output_the_end_is_kept_and_the_judge_stays_small(project):
    """Of 200 MB the last 64 KiB; the judge, whose peak the next probe reads, does not grow with them."""
    project.app(
        "shop",
        """
        import os, unittest
        from pathlib import Path

        def peak():
            for line in Path(f"/proc/{os.getppid()}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024

        class TestFlood(unittest.TestCase):
            def test_a_before(self):
                Path("before").write_text(str(peak()))

            def test_b_flood(self):
                block = b"".join(b"%063d\\n" % number for number in range(16384))
                for _ in range(200):
                    os.write(1, block)
                os.write(1, b"the last line\\n")
                self.fail("on purpose")

            def test_c_after(self):
                Path("after").write_text(str(peak()))
        """,
    )
    done, record = project.record()
    flood = by_label(record)["test_b_flood"]
    assert done.code == 1
    assert outcomes(record) == {"test_a_before": "passed", "test_b_flood": "failed", "test_c_after": "passed"}
    marker, _, kept = flood["output"].partition("\n")
    assert marker == "[... the beginning of the output was left out ...]"
    assert kept.endswith(f"{16383:063}\nthe last line\n")
    assert KEPT - 64 <= len(kept) <= KEPT
    before, after = (int((project.path / name).read_text()) for name in ("before", "after"))
    assert after - before < 30, f"the judge grew from {before} to {after} MB"


@pytest.mark.parametrize("parallel", ["1", "0"])
def test_text_that_no_report_could_hold(project, parallel):
    """Not UTF-8, lone surrogates, controls, XML's own characters: every report is written and can be read."""
    project.app(
        "shop",
        """
        import os, unittest

        HOSTILE = "<&>]]>\\x00\\x07\\ufffe\\ud800\\x1b[31m"

        class TestHostile(unittest.TestCase):
            def test_bytes(self):
                os.write(1, b"caf\\xe9 \\xff\\xfe\\n")
                self.fail("on purpose")

            def test_message(self):
                raise ValueError(HOSTILE)

            def test_subtest(self):
                with self.subTest(HOSTILE):
                    self.fail(HOSTILE)

            def test_printing_a_surrogate(self):
                print("\\ud800")

            def test_skip(self):
                self.skipTest(HOSTILE)
        """,
    )
    junit, summary = project.path / "junit.xml", project.path / "summary.md"
    done, record = project.record("--junit", str(junit), "--summary", str(summary), "--parallel", parallel)
    assert done.code == 1
    assert outcomes(record) == {
        "test_bytes": "failed",
        "test_message": "error",
        "test_subtest": "failed",
        "test_printing_a_surrogate": "error",
        "test_skip": "skipped",
    }
    ended = by_label(record)
    assert ended["test_message"]["message"].startswith("ValueError: <&>]]>")
    assert ended["test_printing_a_surrogate"]["message"].startswith("UnicodeEncodeError: ")
    if parallel == "1":
        assert ended["test_bytes"]["output"] == "caf\\xe9 \\xff\\xfe\n"
    (suite,) = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 2, 2, 1)
    assert "test_subtest" in summary.read_text(encoding="utf-8")

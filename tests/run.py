"""Run the tests of one environment: `python tests/run.py JUNIT-XML [argument of pytest ...]`.

Hundreds of servers and processes are started side by side, and some of what is tested is a time limit. A machine with
much else to do can make one such test fail for nobody's fault. So a few failures are run once more, one after the
other: what fails again is a failure, and what passes then is named at the end as unsteady, for a person to mend.
"""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

FEW = 3
"""How many failures may be the machine's. More are the code's, and are not run again."""

ALONE = "--numprocesses=0"
_TESTS_FAILED = 1  # pytest's exit code; any other says that it could not do its work


def main(report: Path, arguments: list[str]) -> int:
    """Run pytest and return its exit code, or that of the second run where there was one."""
    keep = ["-o", f"cache_dir={report.with_suffix('.cache').absolute()}"]
    if ALONE not in arguments:
        _read(*keep, *arguments)
    code = _pytest(*keep, f"--junit-xml={report}", *arguments)
    failed = failures(report) if code == _TESTS_FAILED else []
    if not 0 < len(failed) <= FEW:
        return code
    print(f"\n{len(failed)} failed on the busy machine, and run again by themselves:", *failed, sep="\n  ", flush=True)
    again = report.with_name(f"{report.stem}-again.xml")
    again.unlink(missing_ok=True)
    code = _pytest(*keep, f"--junit-xml={again}", *arguments, ALONE, "--last-failed", "--lfnf=none")
    if code == 0 and ran(again) < len(failed):
        print(f"only {ran(again)} of {len(failed)} ran again", flush=True)
        return _TESTS_FAILED
    if code == 0:
        print("UNSTEADY: failed, and passed by themselves; mend them:", *failed, sep="\n  ", flush=True)
    return code


def failures(report: Path) -> list[str]:
    """Return the names of the tests of a JUnit report that failed, or whose fixtures did."""
    cases = ET.parse(report).iter("testcase")
    bad = (case for case in cases if case.find("failure") is not None or case.find("error") is not None)
    return list(dict.fromkeys(f"{case.get('classname')}::{case.get('name')}" for case in bad))


def ran(report: Path) -> int:
    """Return how many tests of a JUnit report ran and did not skip."""
    cases = ET.parse(report).iter("testcase")
    return sum(case.find("skipped") is None for case in cases)


def _read(*arguments: str) -> None:
    """Read all tests once, for each of the processes does that at the same time, and the first time is the longest.

    Pytest rewrites the asserts of a file and keeps the result for who reads it next. What is wrong is told by the run.
    """
    line = [sys.executable, "-m", "pytest", *arguments, ALONE, "--collect-only", "-qq"]
    subprocess.run(line, stdout=subprocess.DEVNULL, check=False)


def _pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

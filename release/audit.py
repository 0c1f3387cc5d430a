"""`python -m release.audit`: ends with 1 where a package of the image has a vulnerability that the index knows.

It does too where the index tells of no package at all: what nobody looked up is not well.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

from release import ROOT, ReleaseError
from release.sbom import LOCK

_OPTIONS: Final = ("--no-deps", "--disable-pip", "--progress-spinner=off", "--timeout=30", "--format=json")


@dataclass(frozen=True)
class Audit:
    """What is known: a sentence for each vulnerability, and of which packages the index tells and does not tell."""

    vulnerable: tuple[str, ...]
    known: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was found out, and no vulnerability."""
        return bool(self.known) and not self.vulnerable

    def __str__(self) -> str:
        """One line for whoever reads the log."""
        if not self.known:
            return "nothing is known: the index tells of none of the packages; ask one that has advisories"
        silent = f"the index does not tell of {', '.join(self.unknown)}" if self.unknown else ""
        found = "; ".join(self.vulnerable) or "no vulnerability is known"
        return "; ".join(filter(None, [found, silent]))


def audit() -> Audit:
    """Return what pip-audit finds in the lock; ReleaseError where it gives no report."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / LOCK), *_OPTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        raise ReleaseError(f"pip-audit ended with {done.returncode}: {done.stderr.strip()}") from None


def read(report: dict[str, Any]) -> Audit:
    """Return what a report of pip-audit says."""
    packages = report["dependencies"]
    return Audit(
        tuple(
            f"{each['name']} {each['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
            for each in packages
            for found in each.get("vulns", ())
        ),
        tuple(each["name"] for each in packages if "skip_reason" not in each),
        tuple(each["name"] for each in packages if "skip_reason" in each),
    )


def main() -> int:
    """Print what is known."""
    try:
        found = audit()
    except ReleaseError as error:
        sys.stderr.write(f"release.audit: {error}\n")
        return 1
    sys.stdout.write(f"release.audit: {found}\n")
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())

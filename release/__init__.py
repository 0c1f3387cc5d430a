"""What makes a release, one duty a module: the workflow runs these, and `make release-rehearsal` does beforehand."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


class ReleaseError(Exception):
    """The release cannot go on; the message says what is wrong, where, and what to do."""

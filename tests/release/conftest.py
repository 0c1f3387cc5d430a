"""The tests of what makes a release run on the newer end alone: no Python and no Django changes that."""

from __future__ import annotations

import sys

collect_ignore_glob = ["test_*.py"] if sys.version_info < (3, 13) else []

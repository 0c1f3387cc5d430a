"""What a check raises that cannot be asked: no answer is at fault, but what it was told."""

from __future__ import annotations


class CheckError(Exception):
    """The check cannot ask; the message names its key in the policy."""

    says_all = True

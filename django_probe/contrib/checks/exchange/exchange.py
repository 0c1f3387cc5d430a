"""One exchange of a check: asks, compares, and says what differs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django_probe.contrib.checks.exchange.asked import Asked
from django_probe.contrib.checks.exchange.evidence import told
from django_probe.contrib.checks.exchange.expectations import differences
from django_probe.contrib.checks.limits import patience
from django_probe.http.response import NoAnswerError, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_probe.contrib.checks.filling import Filling
    from django_probe.http.response import Response
    from django_probe.http.wire.asking import Browser
    from django_probe.policy.declared.check import Check


def asked_and_compared(
    browser: Browser,
    check: Check,
    filling: Filling,
    *,
    more: Callable[[Response], list[str]] = lambda _answer: [],
    most: float = math.inf,
) -> Response:
    """Return an answer that is as the check expects it; AssertionError with all that is known where it is not.

    `more` finds further differences. The answer may take no more than `most` seconds.
    """
    asked = Asked(check, filling)
    timeout = min(patience(check), most)
    question = Question(asked.url(), asked.method, asked.headers(), asked.form(), follow=asked.follows, timeout=timeout)
    try:
        answer = browser.ask(question)
    except NoAnswerError as error:
        raise AssertionError(told(asked, [str(error)], None, error.times)) from None
    filling.secrets |= {*browser.cookies}  # a later answer may repeat them
    if problems := [*differences(check, answer, filling), *more(answer)]:
        raise AssertionError(told(asked, problems, answer, answer.times))
    return answer

"""A gate over HTTP in six lines of YAML, against a real server with TLS."""

from __future__ import annotations

import re

OPEN = 'shop: {http: "URL/stock", json: {status: ok}, within: 60s, valid_for: 12h, release: true}'
CLOSED = """
ends: {http: "URL/stock", valid_for: 14d}
differs: {http: "URL/stock", json: {status: sold out}}
slow: {http: "URL/slow", within: 200ms}
old: {http: "URL/stock", release: true, timeout: 24s}
"""
REASONS = {
    "ends": r"its certificate ends \S+ \S+ UTC, in \d\d hours, and has to last 14 days",
    "differs": r'status is "ok", not "sold out"',
    "slow": r"it took \S+ m?s, more than 200 ms",
    "old": r"it is from 'v41' by X-Release, not from 'v42'; waited 20 s for 10 good answers in a row, .*",
}


def test_gate__of_six_lines(checked, secure_shop):
    """It is open for the release that answers as it has to, for some time yet; else it is closed, with the reason."""
    named = {"PROBE_RELEASE_HEADER": "X-Release"}

    opened, good = checked.run(OPEN.replace("URL", secure_shop.url), PROBE_RELEASE="v41", **named)
    closed, bad = checked.run(CLOSED.replace("URL", secure_shop.url), "--parallel", "4", PROBE_RELEASE="v42", **named)

    assert (opened.code, good["http.shop"]["outcome"]) == (0, "passed")
    assert closed.code == 1
    for name, reason in REASONS.items():
        assert re.fullmatch(rf"GET \S+: {reason}", bad[f"http.{name}"]["message"])

"""The rules of the schema junit-10.xsd of Jenkins' xUnit plugin, as far as they say what may stand where.

https://github.com/jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterator

_ATTEMPTS = frozenset({"rerunFailure", "rerunError", "flakyFailure", "flakyError"})
_OUTCOMES = frozenset({"skipped", "error", "failure"})
_OUTPUTS = frozenset({"system-out", "system-err"})
# What it calls a time: digits and at most one dot. In front of the dot are up to three digits, or groups of three.
_SECONDS = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


@dataclass(frozen=True)
class Rule:
    """What an element must have, what it may have, and what may be in it; `sequence`: in that order, once each."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    sequence: tuple[str, ...] = ()
    text: bool = False


_MESSAGE = Rule(optional=frozenset({"type", "message"}), text=True)
_ATTEMPT = Rule(
    required=frozenset({"type"}),
    optional=frozenset({"message"}),
    sequence=("stackTrace", "system-out", "system-err"),
    text=True,
)
_TEXT = Rule(text=True)
RULES = {
    "testsuites": Rule(
        optional=frozenset({"name", "time", "tests", "failures", "errors"}), children=frozenset({"testsuite"})
    ),
    "testsuite": Rule(
        required=frozenset({"name", "tests", "failures", "errors"}),
        optional=frozenset(
            {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}
        ),
        children=_OUTPUTS | {"testsuite", "properties", "testcase"},
    ),
    "testcase": Rule(
        required=frozenset({"name"}),
        optional=frozenset({"time", "classname", "group"}),
        children=_ATTEMPTS | _OUTCOMES | _OUTPUTS,
    ),
    "properties": Rule(children=frozenset({"property"})),
    "property": Rule(required=frozenset({"name", "value"})),
    **dict.fromkeys(_OUTCOMES, _MESSAGE),
    **dict.fromkeys(_ATTEMPTS, _ATTEMPT),
    **dict.fromkeys(_OUTPUTS | {"stackTrace"}, _TEXT),
}


def faults(element: ET.Element) -> Iterator[str]:
    """Yield a sentence for each rule that the element, or one below it, breaks."""
    rule, names = RULES[element.tag], {*element.attrib}
    if missing := rule.required - names:
        yield f"{element.tag} lacks {sorted(missing)}"
    if unknown := names - rule.required - rule.optional:
        yield f"{element.tag} has {sorted(unknown)}"
    if element.tag in ("testsuite", "testsuites") and not _SECONDS.fullmatch(element.get("time", "")):
        yield f"{element.tag} has the time {element.get('time')}"
    inside = [child.tag for child in element]
    if rule.sequence and inside != [tag for tag in rule.sequence if tag in inside]:
        yield f"{element.tag} has {inside}"
    if not rule.sequence and not set(inside) <= rule.children:
        yield f"{element.tag} has {inside}"
    if not rule.text and any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
        yield f"{element.tag} has text in it"
    for child in element:
        if child.tag in RULES:
            yield from faults(child)

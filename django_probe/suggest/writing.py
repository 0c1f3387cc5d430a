"""Makes a policy of what was found, in YAML, with what a person who edits it has to know as comments."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import yaml

from django_probe.policy.declared.kinds import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django_probe.suggest.answers import Answer, Found
    from django_probe.suggest.catalogue import ReadyMade

CHECKS: Final = "django_probe.contrib.checks"
_BARE: Final = re.compile(r"[A-Za-z0-9_][\w./-]*", re.ASCII)
_NOT_OF_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
_REDIRECTS: Final = range(300, 400)
_TO_COME_BACK: Final = "?next="
_LONGEST_REASON: Final = 300


def policy(found: Found, ready_made: Sequence[ReadyMade], own: Sequence[str], *, has_checks: bool) -> str:
    """Return the text of a policy file. `own` are the labels of apps with probes of their own.

    `has_checks` is whether the app that runs checks is installed.
    """
    names = _names([*found.answers, *found.writing])
    parts = [
        _head(ready_made, has_checks=has_checks or not found.answers),
        [*_checks(found, names), *_writing(found, names), *_front(found)],
        [*_gate(found, ready_made, own), *_failing(found)],
        _left(found),
    ]
    return "\n".join("".join(f"{line}\n" for line in part) for part in map(list, parts) if part)


def _head(ready_made: Sequence[ReadyMade], *, has_checks: bool) -> Iterator[str]:
    yield "# A policy for this project, as manage.py probe_suggest sees it: a beginning, to be edited."
    yield "# Each check expects what its URL answered just now, to a GET of an anonymous visitor, in this process."
    if not has_checks:
        yield "#"
        yield "# This policy needs in INSTALLED_APPS:"
        yield f'#     "{CHECKS}",  # runs the checks'
    if missing := [each for each in ready_made if not each.installed]:
        yield "#"
        yield "# These fit this project, too. Add them to INSTALLED_APPS, and their labels below:"
        yield from (f'#     "{each.name}",  # {_comment(each.why)}' for each in missing)


def _checks(found: Found, names: dict[str, str]) -> Iterator[str]:
    if found.answers:
        yield "checks:"
    behind: dict[str, list[str]] = {"": []}
    for name, answer in found.answers.items():
        line = f"  {_quoted(names[name])}: {{view: {_quoted(name)}, {_expected(answer)}}}"
        behind.setdefault(_log_in(answer), []).append(line)
    yield from behind.pop("")
    for log_in, lines in behind.items():
        yield f"  # These lead a visitor to the log-in {_comment(log_in)}:"
        yield from lines


def _log_in(answer: Answer) -> str:
    """Return the address of the log-in that an answer leads to, or nothing where it leads to none."""
    address, mark, _ = (answer.location or "").partition(_TO_COME_BACK)
    return address if mark else ""


def _expected(answer: Answer) -> str:
    """Return the keys of a check that say what an address answers, as YAML's flow style has them."""
    keys = [f"status: {answer.status}"]
    if answer.location and answer.status in _REDIRECTS:
        keys.append(f"headers: {{location: {_quoted(answer.location)}}}")
    elif answer.content_type and answer.content_type != "text/html" and answer.status not in _REDIRECTS:
        keys.append(f"headers: {{content-type: {_quoted(f'{answer.content_type}*')}}}")
    if answer.contains:
        keys.append(f"contains: {_quoted(answer.contains)}")
    return ", ".join(keys)


def _writing(found: Found, names: dict[str, str]) -> Iterator[str]:
    if found.writing:
        yield "  # These wrote to a database, which was refused. If that may be done and rolled back, take them in:"
    for name in found.writing:
        yield f"  # {_quoted(names[name])}: {{view: {_quoted(name)}, database_access: rollback}}"


def _front(found: Found) -> Iterator[str]:
    if found.front:
        yield "  # No URL name without arguments leads to the front page. Over HTTP it can be asked all the same:"
        yield f'  # front-page: {{http: /, base: "${{PROBE_BASE_URL}}", {_expected(found.front)}}}'


def _gate(found: Found, ready_made: Sequence[ReadyMade], own: Sequence[str]) -> Iterator[str]:
    labels = ["checks"] if found.answers else []
    labels += [each.label for each in ready_made if each.installed]
    labels += [label for label in own if label not in labels]
    yield "gates:"
    if not labels:
        yield "  deploy: {}  # every probe; there is none yet"
        return
    yield "  deploy:"
    yield "    probes:"
    yield from (f"      - {_quoted(label)}" for label in labels)
    yield from (f"      # - {each.label}" for each in ready_made if not each.installed)
    if required := [*(["checks"] if found.answers else []), *found.required]:
        yield "    require:  # these have to be there, and must not skip: today they pass"
        yield from (f"      - {_quoted(label)}" for label in required)


def _failing(found: Found) -> Iterator[str]:
    if found.failing:
        yield "    # These do not pass today:"
    for label, message in found.failing:
        yield f"    #   {_comment(f'{label}: {message}')}"


def _left(found: Found) -> Iterator[str]:
    counted = {
        "URLs without a name, by which a check could ask for them": found.unnamed,
        "URL names that need arguments, or that no reverse() finds": found.arguments,
        "Further pages of an admin, which lead to its log-in": found.admin,
    }
    if found.left:
        yield "# Left out:"
        yield from (f"#   {_comment(f'{name}: {why}')}" for name, why in found.left.items())
    yield from (f"# {what}: {count}" for what, count in counted.items() if count)


def _names(urls: Iterable[str]) -> dict[str, str]:
    """Return a name for the check of each URL name, each its own."""
    given: dict[str, str] = {}
    taken = {*RESERVED}
    for url in urls:
        name = _NOT_OF_A_NAME.sub("-", url).strip("-_") or "view"
        if name in taken or name.startswith("assert"):
            name = f"view-{name}"
        number, numbered = 1, name
        while numbered in taken:
            number += 1
            numbered = f"{name}-{number}"
        taken.add(numbered)
        given[url] = numbered
    return given


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back: in JSON's quotes, which are YAML's too, where it would read another."""
    return text if _BARE.fullmatch(text) and yaml.safe_load(text) == text else json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    """Return a text that stays in its line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"

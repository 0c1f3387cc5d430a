"""Writes the table of the values into the chart's README, from values.yaml and its comments.

    python helm/values_table.py            writes the table anew
    python helm/values_table.py --check    exit code 1 where the README has another one

A value's description is the comment right above it. A mapping whose keys have comments is told by its keys.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

CHART: Final = Path(__file__).resolve().parent / "django-probe"
BEGIN: Final = "<!-- values: begin; made by helm/values_table.py -->\n"
END: Final = "<!-- values: end -->\n"
LONGEST_DEFAULT: Final = 60


class UnexplainedError(Exception):
    """A value has no comment."""


def rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, default and description of each value; UnexplainedError for one without a comment."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    yield from _rows(root, text.splitlines(), ())


def _rows(node: yaml.MappingNode, lines: list[str], path: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    for key, value in node.value:
        name, line = (*path, key.value), key.start_mark.line
        if _has_comments(value, lines):
            yield from _rows(value, lines, name)
            continue
        description = _comment(lines, line)
        if not description:
            raise UnexplainedError(f"values.yaml:{line + 1}: {'.'.join(name)} has no comment: say above it what it is")
        yield ".".join(name), _default(value), description


def _has_comments(value: yaml.Node, lines: list[str]) -> bool:
    return isinstance(value, yaml.MappingNode) and any(_comment(lines, key.start_mark.line) for key, _ in value.value)


def _comment(lines: list[str], line: int) -> str:
    """Return the comment that ends right above a line, as one text."""
    first = line
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(each.strip().removeprefix("#").strip() for each in lines[first:line])


def _default(value: yaml.Node) -> str:
    text = json.dumps(yaml.safe_load(yaml.serialize(value)), ensure_ascii=False)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "see values.yaml"


def table(text: str) -> str:
    """Return the table in Markdown."""
    told = [f"| `{name}` | {default} | {about.replace('|', '&#124;')} |\n" for name, default, about in rows(text)]
    return "".join(["| value | default | what it is |\n", "|---|---|---|\n", *told])


def main() -> int:
    """Write the README, or compare it."""
    try:
        made = table((CHART / "values.yaml").read_text(encoding="utf-8"))
    except UnexplainedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    readme = CHART / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    whole = f"{before}{BEGIN}\n{made}\n{END}{after}"
    if "--check" not in sys.argv:
        readme.write_text(whole, encoding="utf-8")
    elif whole != text:
        sys.stderr.write("helm/django-probe/README.md: not the table of values.yaml: run python helm/values_table.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

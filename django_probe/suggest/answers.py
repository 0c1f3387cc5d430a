"""What came of asking a project's addresses: values that one process writes and another reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered twice; what is None differed, or was not there.

    `contains` is a part of the page with its title. `path` is what was asked.
    """

    path: str
    status: int
    location: str | None = None
    content_type: str | None = None
    contains: str | None = None

    def written(self) -> str:
        """Return it as `read` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what `written` wrote; ValueError where it is none."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of a project.

    `answers` are by URL name, and `left` says why others have none. `writing` are the names whose writes were refused.
    `front` is what `/` answered where no name leads there. `required` are the labels of ready-made probes that passed
    and close a gate, `failing` those that do not pass, each with its message.
    """

    answers: dict[str, Answer]
    left: dict[str, str]
    writing: tuple[str, ...] = ()
    front: Answer | None = None
    admin: int = 0
    unnamed: int = 0
    arguments: int = 0
    required: tuple[str, ...] = ()
    failing: tuple[tuple[str, str], ...] = ()

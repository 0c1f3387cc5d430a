"""What the command says on standard error, which may be closed, full or broken: that changes no exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO, cast

from django.core.management.base import OutputWrapper

from django_probe.reports.delivery.files import let_go

if TYPE_CHECKING:
    from collections.abc import Callable


class Voice(OutputWrapper):
    """Django's wrapper of a stream, which drops what the stream does not take."""

    def write(  # type: ignore[override]  # Django's own write is none of a text stream's either
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        """Write a message, in a style, with an ending, as Django does."""
        try:
            super().write(msg, style_func, ending)
            self.flush()
        except (OSError, ValueError):
            let_go(cast("TextIO", self._out))

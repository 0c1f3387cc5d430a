"""Renders a template of the pages, by an engine of their own: they need nothing of a project's TEMPLATES."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.template import Context, Engine
from django.utils.safestring import mark_safe

from django_probe.reports import html

if TYPE_CHECKING:
    from django_probe.history.links import Links
    from django_probe.history.visitors import Visitor

_TEMPLATES: Final = Path(__file__).parent / "templates"
_OWN: Final = _TEMPLATES / "probe_history"
_SCRIPT: Final = (_OWN / "script.js").read_text(encoding="utf-8")
_ENGINE: Final = Engine(
    dirs=[str(_TEMPLATES), str(html.TEMPLATES)], builtins=[html.FILTERS, "django_probe.history.pages.template_tags"]
)

SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src {html.digest(html.STYLE)}",
        f"script-src {html.digest(_SCRIPT)}",
        "connect-src 'self'",
        "form-action 'self'",
        "img-src data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The Content-Security-Policy of every page: it loads nothing, and only its own style and script work."""


def page(template: str, visitor: Visitor | None, here: Links, **more: Any) -> str:
    """Return a page: `more` are the values of its template, which escapes them."""
    values = {
        "style": mark_safe(html.STYLE),  # noqa: S308 (our own file)
        "script": mark_safe(_SCRIPT),  # noqa: S308 (our own file)
        "visitor": visitor,
        "here": here,
        "now": datetime.now(UTC),
        **more,
    }
    return render(f"{template}.html", **values)


def render(template: str, **values: Any) -> str:
    """Return what a template makes of these values, alike in every locale."""
    found = _ENGINE.get_template(f"probe_history/{template}")
    return str(found.render(Context(values, use_l10n=False, use_tz=False)))

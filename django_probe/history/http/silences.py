"""The view of a gate's silence: how long nobody is told of the gate, who wants that, and why."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django_probe.history.errors import RequestError
from django_probe.history.http import negotiation, responses
from django_probe.history.http.access.access import admit
from django_probe.history.http.decorators import answering
from django_probe.history.http.negotiation import Format
from django_probe.history.notices import silence
from django_probe.history.pages import pages
from django_probe.history.triggers import gates
from django_probe.history.visitors import Scope
from django_probe.reports.html.filters import utc
from django_probe.reports.json import timestamp

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("django_probe.history")


@answering("GET", "HEAD", "POST")
def of_gate(request: HttpRequest, name: str) -> HttpResponse:
    """Return the latest silence of a gate; POST begins one, or ends it."""
    if request.method == "POST":
        negotiation.check_length(request)
    who = admit(request, Scope.START if request.method == "POST" else Scope.VIEW)
    form = negotiation.format_of(request, (Format.JSON, Format.HTML))
    if name not in gates.names(gates.offer()):
        raise RequestError(404, f"there is no gate {name}")
    if request.method == "POST":
        try:
            now = datetime.now(UTC)
            until, why = silence.asked(negotiation.texts(request, silence.FIELDS), now)
        except ValueError as error:
            raise RequestError(400, str(error)) from None
        silence.set_until(name, until, by=who.name, why=why)
        if until > now:
            logger.info("the gate %s is silenced until %s by %s: %s", name, until.isoformat(), who.name, why)
        else:
            logger.info("the gate %s is not silenced any more, by %s", name, who.name)
    found = silence.of(name)
    if form is not Format.HTML:
        return responses.document(request, json.dumps(_as_dict(name, found)) + "\n", form)
    here = responses.links(request)
    until_when = f"until {utc(found.until)} UTC, as {found.by} wants: {found.why}" if found and found.lasts else ""
    sentence = f"Nobody is told of the gate {name} {until_when}" if until_when else f"The gate {name} is not silenced."
    back = [(here.of_gate(name), "Back to the gate")]
    return responses.html(pages.notice(status=200, sentence=sentence, here=here, title="Notices", links=back))


def _as_dict(gate: str, found: silence.Silence | None) -> dict[str, Any]:
    return {
        "gate": gate,
        "silenced": found is not None and found.lasts,
        "since": timestamp(found.since) if found else None,
        "until": timestamp(found.until) if found else None,
        "by": found.by if found else None,
        "why": found.why if found else None,
    }

"""What a notice says, for people and for machines: each a function of what is in the outbox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django_probe import conf
from django_probe.history.links import Links
from django_probe.policy.recipients import Change
from django_probe.reports.json import timestamp

if TYPE_CHECKING:
    from django_probe.history.notices.outbox import Claimed

_SHOWN: Final = 10
"""How many problems a person is told of; the run's page has all of them."""
_TYPE: Final = "django_probe.gate."
_STATES: Final = {
    Change.CLOSED: "CLOSED: gate {} is closed",
    Change.OPENED: "OPENED: gate {} is open again",
    Change.LOST: "LOST: the run of gate {} was lost",
    Change.FLAKY: "FLAKY: gate {} passed, but not at the first attempt",
}
_STILL: Final = {Change.CLOSED: "STILL CLOSED: gate {}", Change.LOST: "STILL CLOSED: gate {}, whose run was lost"}


def title(notice: Claimed) -> str:
    """Return one line: which gate, and what became of it."""
    change = Change(notice.change)
    states = {**_STATES, **_STILL} if notice.told["reminder"] else _STATES
    release = notice.told["run"]["release"]
    return states[change].format(notice.gate) + (f" ({release})" if release else "")


def body(notice: Claimed) -> str:
    """Return some lines for people: why, which probes, and where to read on."""
    told = notice.told
    run = told["run"]
    lines = [f"{run['reason'][:1].upper()}{run['reason'][1:]}."]
    if told["reminder"]:
        lines.append(f"It has been so since {told['since']}.")
    for problem in told["problems"][:_SHOWN]:
        warns = "" if problem["blocking"] else " (warn-only)"
        lines.append(f"- {problem['label']}: {problem['outcome']}{warns}: {problem['message'] or 'no message'}")
        lines += [f"  {key}: {problem[key]}" for key in ("owner", "runbook") if problem[key]]
    if (left := told["problems_in_all"] - len(told["problems"][:_SHOWN])) > 0:
        lines.append(f"- and {left} more")
    if told["flaky"]:
        lines.append(f"Passed after another attempt: {', '.join(told['flaky'][:_SHOWN])}.")
    where = f" on {run['host']}" if run["host"] else ""
    lines.append(f"Run {run['id']}{where}, from {run['started_at']} to {run['finished_at']}.")
    return "\n".join([*lines, *([run["url"]] if run["url"] else [])])


def cloud_event(notice: Claimed) -> bytes:
    """Return the event in JSON: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": notice.event,
        "source": Links(conf.public_url() or str(conf.url_prefix())).of_gate(notice.gate),
        "type": f"{_TYPE}{notice.change}",
        "subject": notice.gate,
        "time": timestamp(notice.created_at),
        "datacontenttype": "application/json",
        "data": notice.told,
    }
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace")

"""Delivers what is due in the outbox, by whatever the recipient's URL asks for."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from django_probe.history.notices import outbox, words
from django_probe.history.notices.delivery import services, webhook
from django_probe.history.notices.delivery.errors import UndeliveredError
from django_probe.policy.recipients import CLOUDEVENTS, WEBHOOKS, Change, scheme
from django_probe.process.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.history.notices.outbox import Claimed
    from django_probe.policy.gates import Gate
    from django_probe.policy.recipients import Recipient

_SILENT: Final = 10.0
"""Seconds that a webhook's receiver may say nothing."""
_SENDING: Final = 40.0
"""Seconds that apprise may take: less than a notice is claimed for."""
_LEAST: Final = 0.1


def deliver(gates: Iterable[Gate], *, seconds: float = math.inf) -> Iterator[tuple[Claimed, str]]:
    """Try to deliver every notice of these gates that is due, the oldest first; yield what was not, and why.

    After so many seconds nothing is begun any more, and what goes on is broken off: what a process that ends leaves
    unfinished would arrive, without anybody knowing, and then again.
    """
    until = time.monotonic() + seconds
    recipients = {(gate.name, recipient.name): recipient for gate in gates for recipient in gate.notify}
    while recipients and time.monotonic() < until and (notice := outbox.claim(recipients)) is not None:
        try:
            _send(recipients[notice.gate, notice.recipient], notice, until - time.monotonic())
        except UndeliveredError as error:
            outbox.failed(notice, str(error))
            yield notice, str(error)
        else:
            outbox.delivered(notice)


def _send(recipient: Recipient, notice: Claimed, seconds: float) -> None:
    url = recipient.url or environment(recipient.url_env).strip()
    if not url:
        raise UndeliveredError("this environment variable is not set in the process that tried")
    kind = scheme(url)
    if not kind:
        raise UndeliveredError("it is no URL")
    if kind in WEBHOOKS:
        webhook.post(url, words.cloud_event(notice), _key(recipient), max(_LEAST, min(seconds, _SILENT)))
    elif kind.endswith(CLOUDEVENTS):
        raise UndeliveredError(f"a webhook's URL begins with {' or '.join(f'{known}://' for known in WEBHOOKS)}")
    elif recipient.secret_env:
        raise UndeliveredError(f"secret_env signs webhooks alone, whose URL begins with https{CLOUDEVENTS}://")
    else:
        good = notice.change == Change.OPENED
        lasting = max(_LEAST, min(seconds, _SENDING))
        services.send(url, title=words.title(notice), body=words.body(notice), good=good, seconds=lasting)


def _key(recipient: Recipient) -> str:
    if not recipient.secret_env:
        return ""
    if key := environment(recipient.secret_env).strip():
        return key
    raise UndeliveredError(f"{recipient.secret_env}, which is to sign it, is not set in the process that tried")

"""Delivers what is due in the outbox, by whatever the recipient's URL asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_probe.environment import environment
from django_probe.history.notices import outbox, services, webhook, words
from django_probe.history.notices.errors import UndeliveredError
from django_probe.recipients import CLOUDEVENTS, Change, scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_probe.history.notices.outbox import Claimed
    from django_probe.policy import Gate
    from django_probe.recipients import Recipient

_WEBHOOKS: Final = (f"http{CLOUDEVENTS}", f"https{CLOUDEVENTS}")


def deliver(gates: Iterable[Gate]) -> Iterator[tuple[Claimed, str]]:
    """Try to deliver every notice of these gates that is due, the oldest first; yield what was not, and why."""
    recipients = {(gate.name, recipient.name): recipient for gate in gates for recipient in gate.notify}
    while recipients and (notice := outbox.claim(recipients)) is not None:
        try:
            _send(recipients[notice.gate, notice.recipient], notice)
        except UndeliveredError as error:
            outbox.failed(notice, str(error))
            yield notice, str(error)
        else:
            outbox.delivered(notice)


def _send(recipient: Recipient, notice: Claimed) -> None:
    url = recipient.url or environment(recipient.url_env).strip()
    if not url:
        raise UndeliveredError("this environment variable is not set in the process that tried")
    kind = scheme(url)
    if not kind:
        raise UndeliveredError("it is no URL")
    if kind in _WEBHOOKS:
        webhook.post(url, words.cloud_event(notice), _key(recipient))
    elif kind.endswith(CLOUDEVENTS):
        raise UndeliveredError(f"a webhook's URL begins with {' or '.join(f'{known}://' for known in _WEBHOOKS)}")
    elif recipient.secret_env:
        raise UndeliveredError(f"secret_env signs webhooks alone, whose URL begins with https{CLOUDEVENTS}://")
    else:
        good = notice.change == Change.OPENED
        services.send(url, title=words.title(notice), body=words.body(notice), good=good)


def _key(recipient: Recipient) -> str:
    if not recipient.secret_env:
        return ""
    if key := environment(recipient.secret_env).strip():
        return key
    raise UndeliveredError(f"{recipient.secret_env}, which is to sign it, is not set in the process that tried")

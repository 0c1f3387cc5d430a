"""What changed of a gate, and when somebody is reminded; on SQLite, and on PostgreSQL behind a pooler."""

from __future__ import annotations

from tests.history.recorded import ask

CODE = """
from django_probe.history.notices import changes, outbox
from django_probe.history.models import Notice, Standing
from django_probe.policy.gates import Gate
from django_probe.policy.recipients import Change, Recipient

Run.objects.all().delete(); Notice.objects.all().delete(); Standing.objects.all().delete()
BOTH = (Recipient("A", url_env="A", remind=3600.0), Recipient("B", url_env="B", on=(Change.LOST,)))
GATE = Gate("deploy", notify=BOTH)
NEXT = iter(range(100))

def run(outcome, narrowed=False):
    now = datetime.now(UTC)
    record = ProbeRun(f"run-{next(NEXT)}", "deploy", now, now, 1, (ProbeResult("a.T.b", outcome),))
    key = store.begin(record, trigger="", labels=(), narrowed=narrowed)
    store.finish(key, record, lambda: changes.settle_locked(GATE))
    return key

def rows():
    return [[n.recipient, n.change, n.told["reminder"]] for n in Notice.objects.order_by("pk")]

def earlier(seconds):
    for model, name in ((Standing, "changed_at"), (Notice, "created_at")):
        for row in model.objects.all():
            model.objects.filter(pk=row.pk).update(**{name: getattr(row, name) - timedelta(seconds=seconds)})
"""


def test_changes__are_told_to_those_who_want_to_hear_of_them(kept):
    """Not what stays as it is, not a part of the gate; a lost run to both, and what comes after it."""
    told = ask(
        kept,
        CODE
        + """
for outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.FAILED):
    run(outcome)
run(Outcome.PASSED, narrowed=True)
before = rows()
record = ProbeRun("gone", "deploy", datetime.now(UTC), datetime.now(UTC), 0, ())
back(60, pk=store.begin(record, trigger="", labels=(), narrowed=False))
for _ in range(2):
    changes.settle(GATE)
told(before=before, after=rows())
""",
    )
    assert told["before"] == [["A", "closed", False]]
    assert told["after"] == [["A", "closed", False], ["A", "lost", False], ["B", "lost", False]]


def test_reminders__come_each_time_after_so_long_while_the_gate_stays_closed(kept):
    """Whoever asks for none gets none; an opening ends them."""
    told = ask(
        kept,
        CODE
        + """
run(Outcome.FAILED)
changes.settle(GATE)
once = rows()
for _ in range(2):
    earlier(3700)
    changes.settle(GATE)
    changes.settle(GATE)
thrice = rows()
run(Outcome.PASSED)
earlier(3700)
changes.settle(GATE)
told(once=once, thrice=thrice, last=rows()[-1], count=len(rows()))
""",
    )
    assert told["once"] == [["A", "closed", False]]
    assert told["thrice"] == [["A", "closed", False], ["A", "closed", True], ["A", "closed", True]]
    assert (told["last"], told["count"]) == (["A", "opened", False], 4)


def test_claim__gives_a_notice_to_one_and_keeps_the_order(kept):
    """While it is claimed nobody else gets it, nor the recipient's next one; after a minute another may try."""
    told = ask(
        kept,
        CODE
        + """
run(Outcome.FAILED)
run(Outcome.PASSED)
mine = [("deploy", "A")]
first = outbox.claim(mine)
nobody = outbox.claim(mine)
stranger = outbox.claim([("other", "A")])
Notice.objects.filter(pk=first.key).update(due_at=datetime.now(UTC))
again = outbox.claim(mine)
outbox.failed(first, "late")  # its claim is over
outbox.delivered(again)
second = outbox.claim(mine)
outbox.failed(second, "no")
pause = (Notice.objects.get(pk=second.key).due_at - datetime.now(UTC)).total_seconds()
late = [[each.gate, each.count, each.trouble] for each in outbox.undelivered()]
Notice.objects.update(created_at=datetime.now(UTC) - timedelta(days=4), delivered_at=None)
outbox.prune()
told(first=first.change, nobody=nobody, stranger=stranger, second=second.change, pause=pause, late=late,
     again=[again.change, again.attempts, again.event == first.event], left=Notice.objects.count())
""",
    )
    assert (told["first"], told["nobody"], told["stranger"]) == ("closed", None, None)
    assert told["again"] == ["closed", 2, True]
    assert told["second"] == "opened"
    assert -60 < told["pause"] <= 5
    assert told["late"] == [["deploy", 1, "A: no"]]
    assert told["left"] == 0

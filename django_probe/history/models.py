"""The tables of the history: what each process that ran a gate said, what its probes did, who was told, and counts.

A row is written when a run starts, its heartbeat while it is under way, its results in bulk at the end. Whether a run
is lost is derived when it is read (`runs`). Nothing here decides a verdict: the columns hold what the frozen record
said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from django.db import models

from django_probe import conf

if TYPE_CHECKING:
    from django.db.models import QuerySet

Row = TypeVar("Row", bound=models.Model)


class HistoryManager(models.Manager[Row]):
    """Uses the history's own database whatever routers say: in others, a gate's role may be read-only."""

    def get_queryset(self) -> QuerySet[Row]:
        """Return every row, of settings.PROBE_HISTORY_DATABASE."""
        return super().get_queryset().using(conf.history_database())


class Run(models.Model):
    """One process's execution of a gate: a run, or one shard of it. Times in UTC, where the project uses time zones.

    `exit_code`, `reason` and `counts` are the record's own, and None or empty until there is one.
    """

    run_id = models.CharField(max_length=200, db_index=True, help_text="Shards of one run share it.")
    gate = models.CharField(max_length=200)
    release = models.CharField(max_length=200, blank=True)
    host = models.CharField(max_length=255, blank=True)
    shard = models.CharField(max_length=40, blank=True)
    trigger = models.CharField(max_length=100, blank=True, help_text="What started it; empty: a person's command.")
    started_by = models.CharField(  # as `selection` below
        max_length=200, blank=True, default="", db_default="", help_text="The user or the token that asked for it."
    )
    labels = models.JSONField(default=list, blank=True, help_text="What the run was limited to by labels.")
    rerun_of = models.CharField(max_length=500, blank=True, help_text="The run whose failures it runs again.")
    narrowed = models.BooleanField(
        default=False, help_text="Somebody chose a part of the gate by hand: no verdict of the gate."
    )
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(help_text="By the clock of the database.")
    finished_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(default=0, help_text="How many probes this process runs.")
    done = models.PositiveIntegerField(default=0)
    problems = models.PositiveIntegerField(default=0)
    selected = models.PositiveIntegerField(default=0)
    selection = models.CharField(  # the database has the default too: a release before this one writes none
        max_length=64, blank=True, default="", db_default="", help_text="A digest, which shards of one run share."
    )
    allow_empty = models.BooleanField(default=False)
    ended_by = models.CharField(max_length=20, blank=True)
    stricter_exit_code = models.PositiveSmallIntegerField(default=0)
    exit_code = models.PositiveSmallIntegerField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, help_text="Why the exit code is what it is.")
    lease = models.CharField(
        max_length=200, null=True, blank=True, unique=True, editable=False, help_text="The gate that it holds."
    )

    objects: ClassVar[models.Manager[Run]] = HistoryManager()

    class Meta:
        """People have permissions to see runs and to start them; only the store writes rows."""

        default_permissions = ("view",)
        permissions = (("start_run", "Can start run"),)
        indexes = (models.Index(fields=["gate", "-id"], name="probe_run_gate"),)
        ordering = ("-id",)

    def __str__(self) -> str:
        """Return the gate and the run's id."""
        return f"{self.gate} {self.run_id}"


class Result(models.Model):
    """What one probe did in one run; the columns are the record's, `duration` in seconds."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    label = models.TextField()
    outcome = models.CharField(max_length=20)
    blocking = models.BooleanField(default=True)
    started_at = models.DateTimeField(null=True, blank=True)
    duration = models.FloatField(default=0.0)
    attempts = models.PositiveIntegerField(default=1)
    message = models.TextField(blank=True)
    details = models.TextField(blank=True)
    output = models.TextField(blank=True)
    logs = models.TextField(null=True, blank=True)  # noqa: DJ001 (null in the rows of a release that knew none)
    tags = models.JSONField(default=list, blank=True)
    # Null in the rows of a release before this one, which knew none of them, and where the record has null.
    earlier = models.JSONField(null=True, blank=True, help_text="The attempts before the last one.")
    title = models.TextField(null=True, blank=True)  # noqa: DJ001 (the record has null, and no empty text)
    owner = models.TextField(null=True, blank=True)  # noqa: DJ001 (as above)
    runbook = models.TextField(null=True, blank=True)  # noqa: DJ001 (as above)
    file = models.TextField(null=True, blank=True)  # noqa: DJ001 (as above)
    line = models.PositiveIntegerField(null=True, blank=True)
    attachments = models.JSONField(null=True, blank=True, help_text="What it attached, as the record has it.")

    objects: ClassVar[models.Manager[Result]] = HistoryManager()

    class Meta:
        """Whoever may see runs sees their results."""

        default_permissions = ("view",)

    def __str__(self) -> str:
        """Return the probe's label and how it ended."""
        return f"{self.label} {self.outcome}"


class Tally(models.Model):
    """What was counted of a gate since its first run: it never falls, although old runs are deleted."""

    gate = models.CharField(max_length=200, unique=True)
    flaky = models.PositiveBigIntegerField(default=0, help_text="Probes that passed after a problem, in all its runs.")

    objects: ClassVar[models.Manager[Tally]] = HistoryManager()

    class Meta:
        """Nobody sees it but in the metrics."""

        default_permissions = ()

    def __str__(self) -> str:
        """Return the gate and its counts."""
        return f"{self.gate}: {self.flaky} flaky"


class Standing(models.Model):
    """What those who are told of a gate know of it, and until when nobody is told; a row for each such gate.

    `state` is empty where nobody was ever told, else how the run ended that was told of.
    """

    gate = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=20, blank=True)
    flaky = models.BooleanField(default=False)
    changed_at = models.DateTimeField(null=True, blank=True)
    silenced_at = models.DateTimeField(null=True, blank=True)
    silenced_until = models.DateTimeField(null=True, blank=True)
    silenced_by = models.CharField(max_length=200, blank=True)
    silenced_why = models.TextField(blank=True)

    objects: ClassVar[models.Manager[Standing]] = HistoryManager()

    class Meta:
        """It is shown on the gate's page."""

        default_permissions = ()

    def __str__(self) -> str:
        """Return the gate and what was told of it."""
        return f"{self.gate} {self.state}"


class Notice(models.Model):
    """The outbox: what one recipient has to be told of one event, until it is delivered and for some time after.

    `recipient` is a name of the policy's, never a URL. Whoever tries to deliver moves `due_at` on before: so nobody
    else does.
    """

    event = models.CharField(max_length=32, help_text="The same for all recipients, and for every attempt.")
    gate = models.CharField(max_length=200)
    recipient = models.CharField(max_length=200)
    change = models.CharField(max_length=20)
    told = models.JSONField(help_text="What is said.")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="When it is to be tried, or tried again.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    trouble = models.TextField(blank=True, help_text="Why the last attempt failed.")

    objects: ClassVar[models.Manager[Notice]] = HistoryManager()

    class Meta:
        """Those that are not delivered are asked for all the time."""

        default_permissions = ()
        indexes = (models.Index(fields=["delivered_at", "due_at"], name="probe_notice_due"),)

    def __str__(self) -> str:
        """Return the gate, what became of it, and who is told."""
        return f"{self.gate} {self.change} {self.recipient}"

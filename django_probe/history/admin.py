"""Shows the history in Django's admin, read-only; it stays quick with millions of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from django_probe.history.models import Result, Run
from django_probe.history.storage.runs import with_quiet
from django_probe.history.storage.summaries import State

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

_MOST: Final = 10_000
_OF_RUN: Final = "run__id__exact"


class _Paginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Counts up to a limit: rows beyond it are found by filters, not by turning pages."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, up to the limit."""
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by().values("pk")[:_MOST].count()


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """An admin that nobody may add, change or delete with; the permission to view is Django's."""

    show_full_result_count = False
    paginator = _Paginator
    sortable_by = ()

    def has_add_permission(self, *_: Any) -> bool:
        """Return False: only the store writes."""
        return False

    def has_change_permission(self, *_: Any) -> bool:
        """Return False: the record of a run does not change."""
        return False

    def has_delete_permission(self, *_: Any) -> bool:
        """Return False: retention deletes old runs."""
        return False


@admin.register(Run)
class RunAdmin(_ReadOnly):
    """Runs, one row for each process that ran a gate or a shard of it, the latest first."""

    list_display = (
        *("run_id", "gate", "passed", "state", "exit_code", "problems", "done", "total", "started_at", "finished_at"),
        *("release", "host", "shard", "trigger", "started_by", "narrowed", "its_results"),
    )
    list_filter = ("gate", "exit_code", "trigger", "narrowed")
    search_fields = ("run_id", "release", "host")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Return the rows, and which of them had no heartbeat for a while."""
        return with_quiet(super().get_queryset(request))

    @admin.display(boolean=True)
    def passed(self, row: Run) -> bool | None:
        """Return whether this process says that the gate is open; None where it has not said."""
        return None if row.exit_code is None else row.exit_code == 0

    @admin.display
    def state(self, row: Any) -> str:
        """Return the run's state."""
        unfinished = State.LOST if row.quiet else State.RUNNING
        return str(State.FINISHED if row.finished_at else unfinished)

    @admin.display(description="results")
    def its_results(self, row: Run) -> str:
        """Return a link to the results of this row."""
        url = reverse(f"{self.admin_site.name}:probe_history_result_changelist")
        return format_html('<a href="{}?{}={}">results</a>', url, _OF_RUN, row.pk)


@admin.register(Result)
class ResultAdmin(_ReadOnly):
    """Results, the latest first; those of one run can be filtered and searched, which has an index."""

    list_display = ("label", "outcome", "blocking", "attempts", "duration", "started_at", "message", "run")
    list_select_related = ("run",)
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Result]:
        """Return the rows without what was attached, which is read where one row is shown."""
        return super().get_queryset(request).defer("attachments")

    def get_list_filter(self, request: HttpRequest) -> tuple[str, ...]:
        """Offer filters within one run only: over all results, each filter would read all of them."""
        return ("outcome", "blocking") if _OF_RUN in request.GET else ()

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Offer a search within one run only, for the same reason."""
        return ("label", "message") if _OF_RUN in request.GET else ()

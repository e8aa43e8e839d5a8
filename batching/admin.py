"""The admin's view of the engine, for the person on call: where every job and item is.

States are read-only; what is done to a job goes through the command that a page would call.
"""

from collections.abc import Callable, Iterable

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts.admin import HistoryAdmin, ReadOnly
from batching.conflicts import Conflict
from batching.jobs import cancel_job, look_at_job, write_off_job
from batching.models import (
    BatchItem,
    BatchJob,
    BatchRun,
    Budget,
    ProviderAccount,
    Pulse,
    ResultFile,
)
from batching.pauses import lift_pause


def for_each(
    rows: admin.ModelAdmin,
    request: HttpRequest,
    chosen: Iterable[Model],
    command: Callable[..., object],
    done: str,
) -> None:
    """Call a command for every chosen row, and say of each what became of it or why not.

    `done` has a {} for the row. One that is refused does not keep the others from being done.
    """
    for row in chosen:
        try:
            command(row, by=request.user)
        except (Conflict, ValidationError) as problem:
            text = " ".join(problem.messages) if isinstance(problem, ValidationError) else problem
            rows.message_user(request, f"{row}: {text}", messages.WARNING)
        else:
            rows.message_user(request, done.format(row))


@admin.register(BatchRun)
class BatchRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("title", "purpose", "provider", "school_class", "created_by", "built_at")
    list_filter = ("purpose", "provider")
    list_select_related = ("school_class", "created_by")


@admin.register(BatchJob)
class BatchJobAdmin(ReadOnly, HistoryAdmin):
    list_display = (
        "run",
        "number",
        "round",
        "provider",
        "state",
        "item_count",
        "remote_state",
        "estimated_cost",
        "cost",
        "polled_at",
        "tries",
    )
    list_filter = ("state", "kind", "provider")
    list_select_related = ("run",)
    search_fields = ("token", "remote_id")
    history_list_display = ("state", "problem")
    actions = ("look_now", "stop", "write_off")

    @admin.action(description="Ask the provider about the chosen jobs now")
    def look_now(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        for_each(self, request, jobs, look_at_job, "{} is looked at now.")

    @admin.action(description="Stop the chosen jobs; what was answered is kept")
    def stop(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        for_each(self, request, jobs, cancel_job, "{} is stopped or asked to stop.")

    @admin.action(
        description="Write the chosen jobs off: their sheets are free, late replies give no marks"
    )
    def write_off(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        done = "{} is written off; its open items are free. What runs is asked to stop."
        for_each(self, request, jobs, write_off_job, done)


@admin.register(BatchItem)
class BatchItemAdmin(ReadOnly, admin.ModelAdmin):
    list_display = (
        "custom_id",
        "run",
        "number",
        "round",
        "provider",
        "state",
        "reason",
        "tries",
        "lease_until",
    )
    list_filter = ("state", "purpose", "provider")
    list_select_related = ("run",)
    search_fields = ("custom_id",)


@admin.register(ResultFile)
class ResultFileAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("job", "number", "sha256", "bytes", "position", "unreadable_lines", "kept_at")
    list_select_related = ("job__run",)


@admin.register(ProviderAccount)
class ProviderAccountAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("account", "paused_until", "strikes", "reason")
    actions = ("ask_again",)

    @admin.action(description="End the pause: the chosen accounts may be asked again at once")
    def ask_again(self, request: HttpRequest, accounts: QuerySet[ProviderAccount]) -> None:
        for_each(self, request, accounts, lift_pause, "{} may be asked again.")


@admin.register(Budget)
class BudgetAdmin(ReadOnly, admin.ModelAdmin):
    """What spending is counted under; the sums stand on /system/."""

    list_display = ("name",)


@admin.register(Pulse)
class PulseAdmin(ReadOnly, admin.ModelAdmin):
    """When each task last came to its end."""

    list_display = ("name", "succeeded_at", "failed_at", "failure")
    ordering = ("name",)

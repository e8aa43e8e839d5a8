"""The admin's view of the engine, for the person on call: where every job and item is.

States are read-only; stopping a job goes through the command that a page would call.
"""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import HistoryAdmin, ReadOnly
from batching.conflicts import Conflict
from batching.jobs import cancel_job, write_off_job
from batching.models import BatchItem, BatchJob, BatchRun, ProviderAccount, ResultFile


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
    actions = ("stop", "write_off")

    @admin.action(description="Stop the chosen jobs; what was answered is kept")
    def stop(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        for job in jobs:
            try:
                cancel_job(job, by=request.user)
            except Conflict as conflict:
                self.message_user(request, str(conflict), messages.WARNING)
            else:
                self.message_user(request, f"{job} is stopped or asked to stop.")

    @admin.action(
        description="Write the chosen jobs off: their papers are free, late replies give no marks"
    )
    def write_off(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        for job in jobs:
            try:
                write_off_job(job, by=request.user)
            except Conflict as conflict:
                self.message_user(request, str(conflict), messages.WARNING)
            else:
                self.message_user(
                    request,
                    f"{job} is written off; its open items are free. What runs is asked to stop.",
                )


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

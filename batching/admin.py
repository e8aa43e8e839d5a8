"""The admin's view of the engine, for the person on call: where every job and item is.

States are read-only; stopping a job goes through the command that a page would call.
"""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import HistoryAdmin, ReadOnly
from batching.conflicts import Conflict
from batching.jobs import cancel_job, write_off_job
from batching.models import BatchItem, BatchJob, BatchRun


@admin.register(BatchRun)
class BatchRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("title", "purpose", "provider", "school_class", "created_by", "built_at")
    list_filter = ("purpose", "provider")
    list_select_related = ("school_class", "created_by")


@admin.register(BatchJob)
class BatchJobAdmin(ReadOnly, HistoryAdmin):
    list_display = ("run", "number", "state", "item_count", "remote_state", "polled_at", "tries")
    list_filter = ("state", "kind")
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

    @admin.action(description="Write the chosen jobs off: their provider will never end them")
    def write_off(self, request: HttpRequest, jobs: QuerySet[BatchJob]) -> None:
        for job in jobs:
            try:
                write_off_job(job, by=request.user)
            except Conflict as conflict:
                self.message_user(request, str(conflict), messages.WARNING)
            else:
                self.message_user(request, f"{job} is written off; its open items are free.")


@admin.register(BatchItem)
class BatchItemAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("custom_id", "run", "number", "state", "reason", "tries", "lease_until")
    list_filter = ("state", "purpose")
    list_select_related = ("run",)
    search_fields = ("custom_id",)

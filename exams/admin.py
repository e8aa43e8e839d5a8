"""Admin of exams, for the person on call: everything is visible, states are read-only.

Exams, rubrics and samples are changed on their pages, which keep the rules; here one looks,
reads the history, and asks failed uploads and sheets to try again.
"""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize

from accounts.admin import HistoryAdmin, ReadOnly
from batching.conflicts import Conflict
from exams.mapping import retry_sheet
from exams.models import (
    Criterion,
    Exam,
    KeyProposal,
    Page,
    Rubric,
    SampleSheet,
    Sheet,
    Upload,
    UploadMember,
)


class CriterionInline(ReadOnly, admin.TabularInline):
    model = Criterion
    fields = ("code", "kind", "description", "max_marks", "step")
    extra = 0


class PageInline(ReadOnly, admin.TabularInline):
    model = Page
    fields = ("number", "width", "height", "turned", "is_blank", "is_faint", "dropped_at")
    extra = 0


class MemberInline(ReadOnly, admin.TabularInline):
    model = UploadMember
    fields = ("name", "outcome", "reason")
    extra = 0


@admin.register(Exam)
class ExamAdmin(ReadOnly, HistoryAdmin):
    list_display = ("title", "school_class", "subject", "date", "created_by")
    list_filter = ("school_class", "subject")
    list_select_related = ("school_class", "subject", "created_by")
    search_fields = ("title",)


@admin.register(Rubric)
class RubricAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("exam", "version", "created_by", "created_at", "used_at")
    list_select_related = ("exam", "created_by")
    search_fields = ("exam__title",)
    inlines = (CriterionInline,)


@admin.register(Upload)
class UploadAdmin(ReadOnly, HistoryAdmin):
    list_display = ("original_name", "exam", "state", "member_count", "uploaded_by", "uploaded_at")
    list_filter = ("state",)
    list_select_related = ("exam", "uploaded_by")
    search_fields = ("original_name", "sha256")
    inlines = (MemberInline,)


@admin.register(Sheet)
class SheetAdmin(ReadOnly, HistoryAdmin):
    list_display = ("name", "exam", "state", "enrolment", "tries", "lease_until")
    list_filter = ("state",)
    list_select_related = ("exam", "enrolment__student")
    search_fields = ("name", "source_sha256")
    history_list_display = ("state", "enrolment", "problem")
    inlines = (PageInline,)
    actions = ("retry_failed",)

    @admin.action(description="Let failed sheets begin anew")
    def retry_failed(self, request: HttpRequest, sheets: QuerySet[Sheet]) -> None:
        done = 0
        for sheet in sheets:
            try:
                retry_sheet(sheet, by=request.user)
            except (Conflict, ValidationError) as error:
                self.message_user(request, f"{sheet}: {error}", messages.WARNING)
            else:
                done += 1
        self.message_user(
            request, f"{done} sheet{pluralize(done)} {pluralize(done, 'begins,begin')} anew."
        )


@admin.register(SampleSheet)
class SampleSheetAdmin(ReadOnly, HistoryAdmin):
    list_display = ("title", "exam", "sheet", "created_by", "created_at")
    list_select_related = ("exam", "sheet", "created_by")


@admin.register(KeyProposal)
class KeyProposalAdmin(ReadOnly, HistoryAdmin):
    list_display = ("original_name", "exam", "state", "provider", "created_by", "confirmed_by")
    list_filter = ("state", "provider")
    list_select_related = ("exam", "created_by", "confirmed_by")
    search_fields = ("original_name", "sha256")
    history_list_display = ("state", "problem")

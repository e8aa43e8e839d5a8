"""Admin of exams, for the person on call: everything is visible, states are read-only.

Exams, rubrics and samples are changed on their pages, which keep the rules; here one looks,
reads the history, and lets failed uploads and sheets try again.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin import HistoryAdmin, ReadOnly
from batching.admin import for_each
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
from exams.uploads import retry_upload


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

    def view_on_site(self, exam: Exam) -> str:
        return reverse("exams:exam_detail", args=[exam.pk])


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
    actions = ("retry_failed",)

    @admin.action(description="Unpack failed uploads once more")
    def retry_failed(self, request: HttpRequest, uploads: QuerySet[Upload]) -> None:
        for_each(self, request, uploads, retry_upload, "{} is unpacked once more.")

    def view_on_site(self, upload: Upload) -> str:
        return reverse("exams:upload_detail", args=[upload.pk])


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
        for_each(self, request, sheets, retry_sheet, "{} begins anew.")

    def view_on_site(self, sheet: Sheet) -> str:
        return reverse("exams:sheet_pages", args=[sheet.pk])


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

"""Admin of grading, for the person on call: everything is visible, nothing can be changed.

Marks are changed on the review page, where a version and a reason are asked for.
"""

from django.contrib import admin
from django.urls import reverse

from accounts.admin import HistoryAdmin, ReadOnly
from grading.models import (
    Accepted,
    Appeal,
    Assessment,
    Comment,
    Flag,
    GradingRun,
    Look,
    Mark,
    Part,
    Reveal,
)


class PartInline(ReadOnly, admin.TabularInline):
    model = Part
    extra = 0


@admin.register(Assessment)
class AssessmentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("sheet", "source", "provider", "model", "rubric", "created_at")
    list_filter = ("source", "provider")
    list_select_related = ("sheet", "rubric__exam")
    search_fields = ("sheet__name",)
    inlines = (PartInline,)


@admin.register(Mark)
class MarkAdmin(ReadOnly, HistoryAdmin):
    list_display = ("sheet", "criterion", "awarded", "is_overridden", "changed_by", "changed_at")
    list_filter = ("is_overridden",)
    list_select_related = ("sheet", "criterion", "changed_by")
    search_fields = ("sheet__name",)
    history_list_display = ("awarded", "feedback", "is_overridden", "version")


@admin.register(GradingRun)
class GradingRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("batch_run", "exam", "rubric")
    list_select_related = ("batch_run", "exam", "rubric__exam")

    def view_on_site(self, run: GradingRun) -> str:
        return reverse("grading:run_detail", args=[run.pk])


@admin.register(Look)
class LookAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("sheet", "teacher", "looked_at")
    list_select_related = ("sheet", "teacher")


@admin.register(Reveal)
class RevealAdmin(ReadOnly, admin.ModelAdmin):
    """Who saw whose name while marking, and when."""

    list_display = ("exam", "sheet", "teacher", "revealed_at", "hidden_at")
    list_filter = ("teacher",)
    list_select_related = ("exam", "sheet", "teacher")


@admin.register(Flag)
class FlagAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("sheet", "code", "note", "raised_by", "raised_at", "lowered_at")
    list_select_related = ("sheet", "raised_by")


@admin.register(Appeal)
class AppealAdmin(ReadOnly, HistoryAdmin):
    """What students object to, and what was answered."""

    list_display = ("sheet", "code", "state", "raised_by", "raised_at", "answered_by")
    list_select_related = ("sheet", "raised_by", "answered_by")
    search_fields = ("sheet__name",)
    history_list_display = ("text", "answer", "withdrawn_at")


@admin.register(Accepted)
class AcceptedAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("sheet", "mark_pk", "version", "teacher", "accepted_at")
    list_select_related = ("sheet", "teacher")


@admin.register(Comment)
class CommentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("exam", "code", "text", "uses", "saved_by")
    list_select_related = ("exam", "saved_by")

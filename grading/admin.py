"""Admin of grading, for the person on call: everything is visible, nothing can be changed.

Marks are changed on the review page, where a version and a reason are asked for.
"""

from django.contrib import admin

from accounts.admin import HistoryAdmin, ReadOnly
from grading.models import Assessment, GradingRun, Look, Mark, Part


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


@admin.register(Look)
class LookAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("sheet", "teacher", "looked_at")
    list_select_related = ("sheet", "teacher")

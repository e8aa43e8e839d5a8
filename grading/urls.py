"""Addresses of the pages of grading: review, publishing, results, and runs."""

from django.urls import path

from grading.views import (
    exam_delete,
    exports,
    publish,
    results,
    review,
    review_list,
    review_urls,
    run_urls,
)

app_name = "grading"
urlpatterns = [
    path("exams/<int:pk>/review/", review_list.review_list, name="review_list"),
    path("exams/<int:pk>/approve/", review.approve_all, name="approve_all"),
    path("sheets/<int:pk>/review/", review.review_sheet, name="review_sheet"),
    path("sheets/<int:pk>/look/", review.sheet_look, name="sheet_look"),
    path("sheets/<int:pk>/approve/", review.sheet_approve, name="sheet_approve"),
    path("sheets/<int:pk>/drop-marks/", review.sheet_drop_marks, name="sheet_drop_marks"),
    path("sheets/<int:pk>/reopen/", review.sheet_reopen, name="sheet_reopen"),
    path("sheets/<int:pk>/grade/", review.sheet_by_hand, name="sheet_by_hand"),
    path("sheets/<int:pk>/preview/", results.sheet_preview, name="sheet_preview"),
    path("sheets/<int:pk>/take-back/", publish.sheet_take_back, name="sheet_take_back"),
    path("exams/<int:pk>/publish/", publish.publish, name="publish"),
    path("exams/<int:pk>/take-back/", publish.take_back, name="take_back"),
    path("exams/<int:pk>/results/", results.exam_results, name="results"),
    path("exams/<int:pk>/results.csv", exports.export_csv, name="export_csv"),
    path("exams/<int:pk>/delete/", exam_delete.exam_delete, name="exam_delete"),
    path("results/", results.my_results, name="my_results"),
    path("results/<int:pk>/", results.my_result, name="my_result"),
    *review_urls.urlpatterns,
    *run_urls.urlpatterns,
]

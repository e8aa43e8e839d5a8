"""Addresses of the pages of grading: review, publishing, results, and runs."""

from django.urls import path

from grading.views import exam_delete, results_urls, review, review_list, review_urls, run_urls

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
    path("exams/<int:pk>/delete/", exam_delete.exam_delete, name="exam_delete"),
    *results_urls.urlpatterns,
    *review_urls.urlpatterns,
    *run_urls.urlpatterns,
]

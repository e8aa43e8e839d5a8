"""Addresses of the API of grading, included by config/api.py."""

from django.urls import path

from grading.api import appeals, exam_delete, marks, results, review, run_example, runs

urlpatterns = [
    path("exams/<int:pk>/runs/", runs.runs, name="runs"),
    path("runs/<int:pk>/", runs.run_detail, name="run_detail"),
    path("runs/<int:pk>/items/", runs.run_items, name="run_items"),
    path("runs/<int:pk>/example/", run_example.run_example, name="run_example"),
    path(
        "runs/<int:pk>/example/<int:item>/<int:number>/",
        run_example.run_example_image,
        name="run_example_image",
    ),
    path("runs/<int:pk>/send/", runs.run_send, name="run_send"),
    path("runs/<int:pk>/cancel/", runs.run_cancel, name="run_cancel"),
    path("runs/<int:pk>/again/", runs.run_again, name="run_again"),
    path("exams/<int:pk>/marks/", marks.marks, name="marks"),
    path("marks/<int:pk>/", marks.mark_detail, name="mark_detail"),
    path("marks/<int:pk>/history/", marks.mark_history, name="mark_history"),
    path("marks/<int:pk>/put-back/", marks.mark_put_back, name="mark_put_back"),
    path("exams/<int:pk>/review/", review.review_list, name="review_list"),
    path("exams/<int:pk>/approve/", review.approve_all, name="approve_all"),
    path("sheets/<int:pk>/review/", review.sheet_review, name="sheet_review"),
    path("sheets/<int:pk>/look/", review.sheet_look, name="sheet_look"),
    path("sheets/<int:pk>/approve/", review.sheet_approve, name="sheet_approve"),
    path("sheets/<int:pk>/reopen/", review.sheet_reopen, name="sheet_reopen"),
    path("sheets/<int:pk>/drop-marks/", review.sheet_drop_marks, name="sheet_drop_marks"),
    path("sheets/<int:pk>/grade/", review.sheet_by_hand, name="sheet_by_hand"),
    path("sheets/<int:pk>/take-back/", review.sheet_take_back, name="sheet_take_back"),
    path("sheets/<int:pk>/preview/", results.sheet_preview, name="sheet_preview"),
    path("exams/<int:pk>/publication/", results.publication, name="publication"),
    path("exams/<int:pk>/publish/", results.publish, name="publish"),
    path("exams/<int:pk>/take-back/", results.take_back, name="take_back"),
    path("exams/<int:pk>/results/", results.exam_results, name="exam_results"),
    path("exams/<int:pk>/results/csv/", results.exam_results_csv, name="exam_results_csv"),
    path("exams/<int:pk>/statistics/", results.exam_statistics, name="exam_statistics"),
    path("exams/<int:pk>/deletion/", exam_delete.exam_deletion, name="exam_deletion"),
    path("appeals/", appeals.appeals, name="appeals"),
    path("appeals/<int:pk>/withdraw/", appeals.appeal_withdraw, name="appeal_withdraw"),
    path("appeals/<int:pk>/answer/", appeals.appeal_answer, name="appeal_answer"),
    path("marks/<int:pk>/appeal/", appeals.mark_appeal, name="mark_appeal"),
    path("results/", results.own_results, name="own_results"),
    path("results/<int:pk>/", results.own_result, name="own_result"),
]

"""Addresses of results: publishing, statistics, downloads, histories, and the student's own."""

from django.urls import path

from grading.views import appeals, exports, histories, publish, results, statistics

urlpatterns = [
    path("sheets/<int:pk>/preview/", results.sheet_preview, name="sheet_preview"),
    path("sheets/<int:pk>/take-back/", publish.sheet_take_back, name="sheet_take_back"),
    path("sheets/<int:pk>/history/", histories.sheet_history, name="sheet_history"),
    path("exams/<int:pk>/history/", histories.exam_history, name="exam_history"),
    path("exams/<int:pk>/publish/", publish.publish, name="publish"),
    path("exams/<int:pk>/publish/preview/", publish.publish_preview, name="publish_preview"),
    path("exams/<int:pk>/take-back/", publish.take_back, name="take_back"),
    path("exams/<int:pk>/results/", results.exam_results, name="results"),
    path("exams/<int:pk>/statistics/", statistics.statistics, name="statistics"),
    path("exams/<int:pk>/exports/", exports.exports, name="exports"),
    path("exams/<int:pk>/results.csv", exports.export_csv, name="export_csv"),
    path("exams/<int:pk>/marks.csv", exports.export_marks, name="export_marks"),
    path("exams/<int:pk>/canvas.csv", exports.export_canvas, name="export_canvas"),
    path("exams/<int:pk>/moodle.csv", exports.export_moodle, name="export_moodle"),
    path("exams/<int:pk>/results.json", exports.export_results_json, name="export_json"),
    path("exams/<int:pk>/archive.zip", exports.export_archive_zip, name="export_archive"),
    path("results/", results.my_results, name="my_results"),
    path("results/<int:pk>/", results.my_result, name="my_result"),
    path("marks/<int:pk>/appeal/", appeals.mark_appeal, name="mark_appeal"),
    path("appeals/<int:pk>/withdraw/", appeals.appeal_withdraw, name="appeal_withdraw"),
    path("appeals/<int:pk>/answer/", appeals.appeal_answer, name="appeal_answer"),
]

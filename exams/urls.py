"""Addresses of the pages of exams: the exams themselves, and what was handed in."""

from django.urls import path

from exams.views import answer_key, exams, intake_urls, rubrics, samples

app_name = "exams"
urlpatterns = [
    path("exams/", exams.exam_list, name="exam_list"),
    path("exams/new/", exams.exam_create, name="exam_create"),
    path("exams/<int:pk>/", exams.exam_detail, name="exam_detail"),
    path("exams/<int:pk>/edit/", exams.exam_edit, name="exam_edit"),
    path("exams/<int:pk>/exam.yaml", exams.exam_file, name="exam_file"),
    path("exams/<int:pk>/rubric/", rubrics.rubric, name="rubric"),
    path("exams/<int:pk>/answer-key/", answer_key.answer_key, name="answer_key"),
    path("exams/<int:pk>/answer-key/read/", answer_key.answer_key_read, name="answer_key_read"),
    path("exams/<int:pk>/answer-key/drop/", answer_key.answer_key_drop, name="answer_key_drop"),
    path("exams/<int:pk>/samples/", samples.samples, name="samples"),
    path("exams/<int:pk>/samples/new/", samples.sample_choose, name="sample_choose"),
    path("sheets/<int:pk>/sample/", samples.sample_edit, name="sample_edit"),
    path("samples/<int:pk>/remove/", samples.sample_remove, name="sample_remove"),
    *intake_urls.urlpatterns,
]

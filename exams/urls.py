"""Addresses of the pages of exams: the exams themselves, and what was handed in."""

from django.urls import path

from exams.views import (
    answer_key,
    exams,
    intake_urls,
    key_extraction,
    regions,
    rubric_edit,
    rubric_text,
    rubrics,
    sample_text,
    samples,
)

app_name = "exams"
urlpatterns = [
    path("exams/", exams.exam_list, name="exam_list"),
    path("exams/new/", exams.exam_create, name="exam_create"),
    path("exams/<int:pk>/", exams.exam_detail, name="exam_detail"),
    path("exams/<int:pk>/edit/", exams.exam_edit, name="exam_edit"),
    path("exams/<int:pk>/exam.yaml", exams.exam_file, name="exam_file"),
    path("exams/<int:pk>/regions/", regions.regions, name="regions"),
    path("exams/<int:pk>/rubric/", rubrics.rubric, name="rubric"),
    path("exams/<int:pk>/rubric/edit/", rubric_edit.rubric_edit, name="rubric_edit"),
    path("exams/<int:pk>/rubric/text/", rubric_text.rubric_text, name="rubric_text"),
    path("exams/<int:pk>/rubric/versions/", rubrics.rubric_versions, name="rubric_versions"),
    path("exams/<int:pk>/answer-key/", answer_key.answer_key, name="answer_key"),
    path("exams/<int:pk>/answer-key/read/", answer_key.answer_key_read, name="answer_key_read"),
    path("exams/<int:pk>/answer-key/drop/", answer_key.answer_key_drop, name="answer_key_drop"),
    path("exams/<int:pk>/answer-key/propose/", key_extraction.key_create, name="key_create"),
    path("keys/<int:pk>/", key_extraction.key_detail, name="key_detail"),
    path("keys/<int:pk>/progress/", key_extraction.key_progress, name="key_progress"),
    path("keys/<int:pk>/send/", key_extraction.key_send, name="key_send"),
    path("keys/<int:pk>/retry/", key_extraction.key_retry, name="key_retry"),
    path("keys/<int:pk>/discard/", key_extraction.key_discard, name="key_discard"),
    path("keys/<int:pk>/review/", key_extraction.key_review, name="key_review"),
    path("keys/<int:pk>/pages/<int:page>/", key_extraction.key_page, name="key_page"),
    path("exams/<int:pk>/samples/", samples.samples, name="samples"),
    path("exams/<int:pk>/samples/new/", samples.sample_choose, name="sample_choose"),
    path("sheets/<int:pk>/sample/", samples.sample_edit, name="sample_edit"),
    path("samples/<int:pk>/remove/", samples.sample_remove, name="sample_remove"),
    path("samples/<int:pk>/text/", sample_text.sample_text, name="sample_text"),
    path("samples/<int:pk>/text/read/", sample_text.sample_read, name="sample_read"),
    path("samples/<int:pk>/text/send/", sample_text.sample_read_send, name="sample_read_send"),
    path("samples/<int:pk>/text/stop/", sample_text.sample_read_stop, name="sample_read_stop"),
    path("samples/<int:pk>/text/drop/", sample_text.sample_text_drop, name="sample_text_drop"),
    path(
        "samples/<int:pk>/text/progress/",
        sample_text.sample_read_progress,
        name="sample_read_progress",
    ),
    *intake_urls.urlpatterns,
]

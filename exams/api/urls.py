"""Addresses of the API of exams, included by config/api.py."""

from django.urls import path

from exams.api import exams, pages, rubrics, sheets, uploads

urlpatterns = [
    path("exams/", exams.exams, name="exams"),
    path("exams/import/", exams.exam_import, name="exam_import"),
    path("exams/<int:pk>/", exams.exam_detail, name="exam_detail"),
    path("exams/<int:pk>/file/", exams.exam_file, name="exam_file"),
    path("exams/<int:pk>/rubric/", rubrics.rubric, name="rubric"),
    path("exams/<int:pk>/rubric/versions/", rubrics.rubric_versions, name="rubric_versions"),
    path("exams/<int:pk>/answer-key/", rubrics.answer_key, name="answer_key"),
    path("exams/<int:pk>/answer-key/read/", rubrics.answer_key_read, name="answer_key_read"),
    path("exams/<int:pk>/uploads/", uploads.uploads, name="uploads"),
    path("uploads/<int:pk>/", uploads.upload_detail, name="upload_detail"),
    path("uploads/<int:pk>/report/", uploads.upload_report, name="upload_report"),
    path("uploads/<int:pk>/retry/", uploads.upload_retry, name="upload_retry"),
    path("uploads/<int:pk>/skip/", uploads.upload_skip, name="upload_skip"),
    path("uploads/<int:pk>/unskip/", uploads.upload_unskip, name="upload_unskip"),
    path("exams/<int:pk>/sheets/", sheets.sheets, name="sheets"),
    path("exams/<int:pk>/mapping/", sheets.mapping_detail, name="mapping"),
    path("exams/<int:pk>/mapping/certain/", sheets.map_certain, name="map_certain"),
    path("exams/<int:pk>/mapping/failed/", sheets.retry_failed, name="retry_failed"),
    path("sheets/<int:pk>/", sheets.sheet_detail, name="sheet_detail"),
    path("sheets/<int:pk>/map/", sheets.sheet_map, name="sheet_map"),
    path("sheets/<int:pk>/unmap/", sheets.sheet_unmap, name="sheet_unmap"),
    path("sheets/<int:pk>/skip/", sheets.sheet_skip, name="sheet_skip"),
    path("sheets/<int:pk>/unskip/", sheets.sheet_unskip, name="sheet_unskip"),
    path("sheets/<int:pk>/retry/", sheets.sheet_retry, name="sheet_retry"),
    path("sheets/<int:pk>/pages/", pages.sheet_pages, name="sheet_pages"),
    path("pages/<uuid:public_id>/turn/", pages.page_turn, name="page_turn"),
    path("pages/<uuid:public_id>/drop/", pages.page_drop, name="page_drop"),
    path("pages/<uuid:public_id>/restore/", pages.page_restore, name="page_restore"),
    path("pages/<uuid:public_id>/move/", pages.page_move, name="page_move"),
    path("pages/<uuid:public_id>/image/", pages.page_image, name="page_image"),
    path("pages/<uuid:public_id>/thumbnail/", pages.page_thumbnail, name="page_thumbnail"),
]

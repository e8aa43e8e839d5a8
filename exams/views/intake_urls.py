"""Addresses of the intake pages: uploads, mapping, the pages of a sheet, and their pictures."""

from django.urls import URLPattern, path

from exams.views import mapping, mapping_gaps, media, pages, upload_list, uploads

urlpatterns: list[URLPattern] = [
    path("exams/<int:pk>/upload/", uploads.upload_create, name="upload_create"),
    path("exams/<int:pk>/uploads/", upload_list.upload_list, name="upload_list"),
    path("uploads/<int:pk>/", uploads.upload_detail, name="upload_detail"),
    path("uploads/<int:pk>/progress/", uploads.upload_progress, name="upload_progress"),
    path("uploads/<int:pk>/retry/", uploads.upload_retry, name="upload_retry"),
    path("uploads/<int:pk>/skip/", uploads.upload_skip, name="upload_skip"),
    path("uploads/<int:pk>/unskip/", uploads.upload_unskip, name="upload_unskip"),
    path("exams/<int:pk>/mapping/", mapping.mapping, name="mapping"),
    path("exams/<int:pk>/mapping/certain/", mapping.map_certain, name="map_certain"),
    path("exams/<int:pk>/mapping/progress/", mapping.mapping_progress, name="mapping_progress"),
    path("exams/<int:pk>/mapping/failed/", mapping.retry_failed, name="retry_failed"),
    path("exams/<int:pk>/mapping/gaps/", mapping_gaps.mapping_gaps, name="mapping_gaps"),
    path("sheets/<int:pk>/map/", mapping.sheet_map, name="sheet_map"),
    path("sheets/<int:pk>/unmap/", mapping.sheet_unmap, name="sheet_unmap"),
    path("sheets/<int:pk>/skip/", mapping.sheet_skip, name="sheet_skip"),
    path("sheets/<int:pk>/unskip/", mapping.sheet_unskip, name="sheet_unskip"),
    path("sheets/<int:pk>/retry/", mapping.sheet_retry, name="sheet_retry"),
    path("sheets/<int:pk>/pages/", pages.sheet_pages, name="sheet_pages"),
    path("pages/<uuid:public_id>/turn/", pages.page_turn, name="page_turn"),
    path("pages/<uuid:public_id>/drop/", pages.page_drop, name="page_drop"),
    path("pages/<uuid:public_id>/restore/", pages.page_restore, name="page_restore"),
    path("pages/<uuid:public_id>/move/", pages.page_move, name="page_move"),
    path("pages/<uuid:public_id>/give/", pages.page_give, name="page_give"),
    path("pages/<uuid:public_id>/image/", media.page_image, name="page_image"),
    path("pages/<uuid:public_id>/thumbnail/", media.page_thumbnail, name="page_thumbnail"),
]

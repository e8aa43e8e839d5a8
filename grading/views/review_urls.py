"""Addresses of the desk: one mark, one question across sheets, names, comments."""

from django.urls import path

from grading.views import (
    review,
    review_comments,
    review_list,
    review_marks,
    review_names,
    review_question,
)

urlpatterns = [
    path("exams/<int:pk>/review/counts/", review_list.review_counts, name="review_counts"),
    path("exams/<int:pk>/review/names/", review_names.exam_names, name="exam_names"),
    path("exams/<int:pk>/review/names/log/", review_names.reveal_log, name="reveal_log"),
    path(
        "exams/<int:pk>/review/questions/",
        review_question.review_questions,
        name="review_questions",
    ),
    path(
        "exams/<int:pk>/review/questions/<str:code>/",
        review_question.review_question,
        name="review_question",
    ),
    path("exams/<int:pk>/approve/accepted/", review.approve_accepted, name="approve_accepted"),
    path("sheets/<int:pk>/reveal/", review_names.sheet_reveal, name="sheet_reveal"),
    path("sheets/<int:pk>/hide/", review_names.sheet_hide, name="sheet_hide"),
    path("sheets/<int:pk>/undo/", review_marks.sheet_undo, name="sheet_undo"),
    path("pages/<uuid:public_id>/blind/", review_names.blind_page, name="blind_page"),
    path("marks/<int:pk>/", review_marks.mark_save, name="mark_save"),
    path("marks/<int:pk>/flag/", review_marks.mark_flag, name="mark_flag"),
    path("marks/<int:pk>/unflag/", review_marks.mark_unflag, name="mark_unflag"),
    path("marks/<int:pk>/undo/", review_marks.mark_undo, name="mark_undo"),
    path("marks/<int:pk>/history/", review_marks.mark_history, name="mark_history"),
    path("marks/<int:pk>/put-back/", review_marks.mark_put_back, name="mark_put_back"),
    path("marks/<int:pk>/comments/", review_comments.mark_comments, name="mark_comments"),
    path("comments/<int:pk>/", review_comments.comment_change, name="comment_change"),
    path("comments/<int:pk>/delete/", review_comments.comment_delete, name="comment_delete"),
]

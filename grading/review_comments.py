"""The comment bank: feedback on one criterion of an exam that teachers use again.

Comes in: a text somebody wrote for one student. Goes out: a list for all teachers of the class,
most used first. By the criterion's code, so that a new version of the rubric keeps it.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from batching.conflicts import Conflict
from exams.models import Exam
from exams.queries import exams_for
from exams.rubrics import lock_exam
from grading.models import Comment
from grading.models.reviewing import COMMENT_LENGTH
from grading.review import tidy

MOST_COMMENTS = 50
"""So many for one criterion: a longer list is no help."""


def comments_for(user: User) -> QuerySet[Comment]:
    """The comments a person may see and use: those of the exams of their classes, no student."""
    if not (user.is_admin or user.is_teacher):
        return Comment.objects.none()
    return Comment.objects.filter(exam__in=exams_for(user)).select_related("saved_by")


def comments_on(exam_pk: int, code: str) -> QuerySet[Comment]:
    """The bank of one criterion, most used first."""
    return Comment.objects.filter(exam=exam_pk, code=code).order_by("-uses", "-saved_at", "pk")


def save_comment(exam: Exam, *, code: str, text: str, by: User) -> Comment:
    """Keep a text for the next sheets. What is there already is not kept twice."""
    text = _checked(text)
    with transaction.atomic():
        lock_exam(exam.pk)
        bank = comments_on(exam.pk, code)
        if known := bank.filter(text=text).first():
            return known
        if bank.count() >= MOST_COMMENTS:
            raise ValidationError(
                {"text": _("This question has %d comments. Delete one first.") % MOST_COMMENTS}
            )
        return Comment.objects.create(exam=exam, code=code, text=text, saved_by=by)


def change_comment(comment: Comment, *, text: str, version: int, by: User) -> Comment:
    """Give a comment another text. Feedback that was made from it stays as it is.

    Raises Conflict when somebody was faster or the comment is gone.
    """
    text = _checked(text)
    with transaction.atomic():
        comment = _lock(comment)
        if comment.text == text:
            return comment
        if comment.version != version:
            raise Conflict(
                _("%(person)s has changed this comment meanwhile. It is now: “%(text)s”")
                % {"person": comment.saved_by, "text": comment.text}
            )
        if comments_on(comment.exam_id, comment.code).filter(text=text).exists():
            raise ValidationError({"text": _("There is a comment with this text already.")})
        comment.text, comment.saved_by, comment.saved_at = text, by, timezone.now()
        comment.version += 1
        comment.save()
    return comment


def delete_comment(comment: Comment) -> None:
    """Take a comment out of the bank; feedback that was made from it stays."""
    Comment.objects.filter(pk=comment.pk).delete()


def count_use(comment: Comment) -> None:
    """It was put into somebody's feedback once more."""
    with transaction.atomic():
        row = Comment.objects.select_for_update(of=("self",)).filter(pk=comment.pk).first()
        if row is not None:
            row.uses += 1
            row.save()


def joined(feedback: str, comment: str) -> str:
    """Feedback with a comment at its end, on a line of its own; not twice."""
    feedback = tidy(feedback)
    if comment in feedback:
        return feedback
    return f"{feedback}\n{comment}" if feedback else comment


def _checked(text: str) -> str:
    text = tidy(text)
    if not text:
        raise ValidationError({"text": _("Write the feedback first.")})
    if len(text) > COMMENT_LENGTH:
        raise ValidationError({"text": _("A comment has at most %d characters.") % COMMENT_LENGTH})
    return text


def _lock(comment: Comment) -> Comment:
    lock_exam(comment.exam_id)
    row = Comment.objects.select_for_update(of=("self",)).filter(pk=comment.pk).first()
    if row is None:
        raise Conflict(_("Somebody has deleted this comment meanwhile."))
    return row

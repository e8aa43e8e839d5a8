"""Who may see which exams, uploads, sheets and pages: one queryset for pages, API and media.

Comes in: a user. Goes out: querysets to be narrowed further. Admins see all, teachers what
belongs to their own classes, students their own published sheets and nothing else.
"""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from accounts.models import User
from exams.models import Exam, KeyProposal, Page, Sheet, SheetState, Upload

Row = TypeVar("Row", bound=Model)


def exams_for(user: User) -> QuerySet[Exam]:
    """Exams the user may see; a student those in which a sheet of theirs is published."""
    exams = Exam.objects.all()
    if user.is_admin:
        return exams
    if user.is_teacher:
        return exams.filter(school_class__in=user.classes.all())
    return exams.filter(pk__in=sheets_for(user).values("exam"))


def uploads_for(user: User) -> QuerySet[Upload]:
    """Uploads the user may see; a student none."""
    return _for_staff(Upload.objects.all(), user)


def keys_for(user: User) -> QuerySet[KeyProposal]:
    """Proposed answer keys the user may see; a student none."""
    return _for_staff(KeyProposal.objects.all(), user)


def sheets_for(user: User) -> QuerySet[Sheet]:
    """Sheets the user may see; a student their own published ones."""
    if user.is_admin or user.is_teacher:
        return _for_staff(Sheet.objects.all(), user)
    return Sheet.objects.filter(enrolment__student=user, state=SheetState.PUBLISHED)


def pages_for(user: User) -> QuerySet[Page]:
    """Pages of sheets_for(user); a student does not see dropped ones."""
    pages = Page.objects.filter(sheet__in=sheets_for(user))
    return pages if user.is_admin or user.is_teacher else pages.filter(dropped_at__isnull=True)


def _for_staff(rows: QuerySet[Row], user: User) -> QuerySet[Row]:
    """Those of these rows, each of an exam, that the user may see as an admin or a teacher."""
    if user.is_admin:
        return rows
    if user.is_teacher:
        return rows.filter(exam__school_class__in=user.classes.all())
    return rows.none()

"""Who may see which exams, uploads, sheets and pages: one queryset for pages, API and media.

Comes in: a user. Goes out: querysets to be narrowed further. Admins see all, teachers what
belongs to their own classes, students their own published sheets and nothing else.
"""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import User
from exams.models import Exam, KeyProposal, Page, Sheet, SheetState, Upload


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
    uploads = Upload.objects.all()
    if user.is_admin:
        return uploads
    if user.is_teacher:
        return uploads.filter(exam__school_class__in=user.classes.all())
    return uploads.none()


def keys_for(user: User) -> QuerySet[KeyProposal]:
    """Proposed answer keys the user may see; a student none."""
    keys = KeyProposal.objects.all()
    if user.is_admin:
        return keys
    if user.is_teacher:
        return keys.filter(exam__school_class__in=user.classes.all())
    return keys.none()


def sheets_for(user: User) -> QuerySet[Sheet]:
    """Sheets the user may see; a student their own published ones."""
    sheets = Sheet.objects.all()
    if user.is_admin:
        return sheets
    if user.is_teacher:
        return sheets.filter(exam__school_class__in=user.classes.all())
    return sheets.filter(enrolment__student=user, state=SheetState.PUBLISHED)


def pages_for(user: User) -> QuerySet[Page]:
    """Pages of sheets_for(user); a student does not see dropped ones."""
    pages = Page.objects.filter(sheet__in=sheets_for(user))
    return pages if user.is_admin or user.is_teacher else pages.filter(dropped_at__isnull=True)

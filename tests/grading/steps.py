"""What tests of grading do and look at in more than one module."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from exams.models import Exam, Sheet
from grading import exam_delete, queries
from grading.models import Mark


def url(name, row):
    """The address of a page, or of a button, of an exam, a sheet or a mark."""
    return reverse(f"grading:{name}", args=[row.pk])


def marks_of(sheet: Sheet) -> list[Mark]:
    return list(Mark.objects.filter(sheet=sheet).order_by("criterion__position"))


def seen(sheet: Sheet) -> str:
    """The version of its marks that a page of the sheet carries along."""
    return queries.marks_version(marks_of(sheet))


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def queries_of(browser: Client, address: str) -> int:
    """How many queries a page takes when it is opened the second time."""
    browser.get(address)
    with CaptureQueriesContext(connection) as ran:
        assert browser.get(address).status_code == 200
    return len(ran)


def delete(exam: Exam, by: User) -> exam_delete.DeletionState:
    """Delete an exam as somebody does who has just looked at what goes with it."""
    state = exam_delete.deletion_state(exam)
    return exam_delete.delete_exam(exam, by=by, fingerprint=state.fingerprint)

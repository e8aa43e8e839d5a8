"""Attempts at a row of intake: what ends one, and what it costs."""

import pytest
from django.db import InterfaceError, OperationalError

from exams.attempts import attempt
from exams.due import sheets_to_render
from exams.models import Sheet
from exams.storage import StorageFull
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


def attempted(exam, error):
    """A sheet after work on it that ended with an error."""
    sheet = make_sheet(exam, pages=0, rendered_at=None, inspected_at=None)

    def work(held):
        raise error

    attempt(sheets_to_render(), sheet.pk, work)
    return Sheet.objects.get(pk=sheet.pk)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_lost_database_costs_no_try_and_is_told_to_the_task(exam, error):
    with pytest.raises(error):
        attempted(exam, error("gone"))
    sheet = Sheet.objects.get()
    assert (sheet.tries, sheet.lease_until) == (0, None)


def test_a_full_disk_costs_no_try_but_a_pause(exam):
    sheet = attempted(exam, StorageFull("full"))
    assert sheet.tries == 0
    assert sheet.lease_until is not None


def test_a_bug_costs_a_try_and_keeps_the_claim(exam):
    with pytest.raises(ZeroDivisionError):
        attempted(exam, ZeroDivisionError())
    sheet = Sheet.objects.get()
    assert sheet.tries == 1
    assert sheet.lease_until is not None

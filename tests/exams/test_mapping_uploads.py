"""A whole upload, left out of its exam with its sheets and taken in again."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from batching.conflicts import Conflict
from exams import mapping
from exams.models import SampleSheet, Upload
from tests import factories
from tests.exams.steps import fresh
from tests.factories import make_sheet, make_upload

pytestmark = pytest.mark.django_db


def test_a_wrong_upload_is_left_out_as_a_whole_and_taken_in_again(exam, alice, carols_enrolment):
    upload, other = make_upload(exam), make_upload(exam)
    states = ("pending_mapping", "failed", "in_batch", "reviewed", "skipped")
    of_it = {state: make_sheet(exam, upload=upload, state=state) for state in states}
    of_it["mapped"] = make_sheet(exam, upload=upload, state="mapped", enrolment=carols_enrolment)
    elsewhere = make_sheet(exam, upload=other)
    assert mapping.skip_upload(upload, by=alice) == 3
    now = {state: fresh(sheet).state for state, sheet in of_it.items()}
    assert now == dict.fromkeys(of_it, "skipped") | {
        "in_batch": "in_batch",
        "reviewed": "reviewed",
    }
    assert fresh(of_it["mapped"]).enrolment is None
    assert fresh(elsewhere).state == "pending_mapping"
    line = fresh(of_it["mapped"]).history.first()
    assert (line.history_user, line.history_change_reason) == (alice, "Left out")
    line = Upload.objects.get(pk=upload.pk).history.first()
    assert (line.state, line.history_user) == ("skipped", alice)
    assert mapping.skip_upload(upload, by=alice) == 0
    assert mapping.unskip_upload(upload, by=alice) == 4
    assert Upload.objects.get(pk=upload.pk).state == "unpacked"
    assert fresh(of_it["mapped"]).state == "pending_mapping"
    assert mapping.unskip_upload(upload, by=alice) == 0


def test_a_failed_upload_is_failed_again_when_it_is_taken_in_again(exam, alice):
    upload = make_upload(exam, state="failed", problem="Its end is missing.")
    mapping.skip_upload(upload, by=alice)
    mapping.unskip_upload(upload, by=alice)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.state, upload.problem) == ("failed", "Its end is missing.")


@pytest.mark.parametrize("state", ["received", "unpacking"])
def test_an_upload_that_is_still_unpacked_cannot_be_left_out(exam, alice, state):
    upload = make_upload(exam, state=state)
    sheet = make_sheet(exam, upload=upload)
    for command in (mapping.skip_upload, mapping.unskip_upload):
        with pytest.raises(Conflict):
            command(upload, by=alice)
    assert fresh(sheet).state == "pending_mapping"


def test_a_sample_stays_aside_when_its_upload_is_taken_in_again(exam, alice):
    upload = make_upload(exam)
    sample = make_sheet(exam, upload=upload, state="skipped")
    SampleSheet.objects.create(exam=exam, sheet=sample, title="Full", created_by=alice)
    mapping.skip_upload(upload, by=alice)
    assert mapping.unskip_upload(upload, by=alice) == 0
    assert fresh(sample).state == "skipped"


def test_leaving_out_a_large_upload_costs_as_many_queries_as_a_small_one(x_b, alice):
    costs = []
    for count in (3, 40):
        exam = factories.make_exam(x_b)
        upload = make_upload(exam)
        for _ in range(count):
            make_sheet(exam, upload=upload, pages=0)
        with CaptureQueriesContext(connection) as queries:
            assert mapping.skip_upload(upload, by=alice) == count
            assert mapping.unskip_upload(upload, by=alice) == count
        costs.append(len(queries))
    assert costs[0] == costs[1]

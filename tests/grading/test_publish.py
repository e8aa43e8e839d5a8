"""Publishing is all or nothing, told once, refused when anything moved, and can be undone."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification
from batching.conflicts import Conflict
from exams import mapping
from exams.models import SampleSheet, Sheet, SheetState
from grading import publish, review
from grading.models import Mark
from grading.queries import total_of, with_totals
from tests import factories


def publish_now(exam, by):
    fingerprint = publish.publication_state(exam).fingerprint
    return publish.publish_exam(exam, fingerprint=fingerprint, by=by)


def states(exam):
    return list(Sheet.objects.filter(exam=exam).order_by("pk").values_list("state", flat=True))


def override(sheet, by):
    mark = sheet.marks.first()
    return review.change_mark(
        mark.pk,
        awarded=mark.ceiling,
        feedback=mark.feedback,
        reason="Looked again.",
        version=mark.version,
        by=by,
    )


@pytest.fixture
def reviewed(exam):
    return factories.make_sheet(exam, state="reviewed")


@pytest.fixture
def overridden(exam):
    return factories.make_sheet(exam, state="overridden")


def test_a_reviewed_exam_is_published_whole(exam, reviewed, overridden, alice):
    factories.make_sheet(exam, state="skipped")
    assert publish_now(exam, alice) == 2
    assert states(exam) == ["published", "published", "skipped"]
    row = reviewed.history.latest()
    assert (row.state, row.history_user, row.history_type) == ("published", alice, "~")
    assert row.published_at == Sheet.objects.get(pk=reviewed.pk).published_at
    assert row.name == reviewed.name
    assert reviewed.history.count() == 2


@pytest.mark.parametrize(
    "state", sorted(set(SheetState.values) - {"reviewed", "overridden", "published", "skipped"})
)
def test_one_unreviewed_sheet_stops_the_whole_exam(exam, reviewed, alice, state):
    factories.make_sheet(exam, state=state)
    with pytest.raises(publish.NotReady, match="1 sheet"):
        publish_now(exam, alice)
    assert states(exam) == ["reviewed", state]
    assert not Notification.objects.exists()
    assert [blocker.state for blocker in publish.publication_state(exam).blockers] == [state]


def test_an_upload_that_failed_half_way_stops_the_exam_until_it_is_left_out(exam, reviewed, alice):
    upload = factories.make_upload(exam, state="failed", member_count=300)
    Sheet.objects.filter(pk=reviewed.pk).update(upload=upload)
    with pytest.raises(publish.NotReady, match="1 upload failed half-way"):
        publish_now(exam, alice)
    assert states(exam) == ["reviewed"]
    assert mapping.skip_upload(upload, by=alice) == 0
    assert publish_now(exam, alice) == 1


def test_sheets_that_are_still_arriving_stop_the_exam(exam, reviewed, alice):
    factories.make_upload(exam, state="unpacking")
    with pytest.raises(publish.NotReady, match="unpacked"):
        publish_now(exam, alice)


def test_a_mapped_sample_is_an_example_and_stops_nothing(exam, reviewed, alice):
    sample = factories.make_sheet(exam, state="mapped")
    SampleSheet.objects.create(exam=exam, sheet=sample, title="Full marks", created_by=alice)
    assert publish_now(exam, alice) == 1
    assert states(exam) == ["published", "mapped"]


def test_an_exam_without_reviewed_sheets_cannot_be_published(exam, alice):
    with pytest.raises(publish.NotReady, match="no reviewed sheet"):
        publish_now(exam, alice)


def test_publishing_is_refused_when_a_mark_changed_since_the_page(exam, reviewed, alice, admin):
    shown = publish.publication_state(exam).fingerprint
    override(reviewed, admin)
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)
    assert states(exam) == ["overridden"]


def test_publishing_is_refused_when_a_sheet_was_added_since_the_page(exam, reviewed, alice):
    shown = publish.publication_state(exam).fingerprint
    factories.make_sheet(exam, state="reviewed")
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)
    assert states(exam) == ["reviewed", "reviewed"]


def test_publishing_is_refused_when_an_overridden_mark_changed_again(exam, reviewed, alice):
    override(reviewed, alice)
    shown = publish.publication_state(exam).fingerprint
    mark = reviewed.marks.first()
    review.change_mark(
        mark.pk, awarded=mark.awarded, feedback="New.", reason="", version=2, by=alice
    )
    assert states(exam) == ["overridden"]
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)


def test_publishing_is_refused_when_a_sheet_got_another_student(exam, reviewed, alice):
    shown = publish.publication_state(exam).fingerprint
    reviewed.enrolment = factories.make_enrolment(exam.school_class)
    reviewed.save()
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)


def test_an_override_after_publishing_is_refused(exam, reviewed, alice):
    publish_now(exam, alice)
    with pytest.raises(Conflict):
        override(reviewed, alice)
    assert not Mark.objects.filter(is_overridden=True).exists()


def test_students_are_told_once_for_every_publication(exam, x_b, alice, carols_enrolment):
    factories.make_sheet(exam, state="reviewed", enrolment=carols_enrolment)
    shown = publish.publication_state(exam).fingerprint
    publish.publish_exam(exam, fingerprint=shown, by=alice)
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)
    told = Notification.objects.get()
    assert told.recipient == carols_enrolment.student
    assert exam.title in told.text
    assert told.url == f"/results/?exam={exam.pk}"
    publish.take_back(exam, by=alice, reason="A mistake in Q2")
    publish_now(exam, alice)
    texts = Notification.objects.order_by("pk").values_list("text", flat=True)
    assert ["taken back" in text for text in texts] == [False, True, False]


def test_a_late_sheet_is_published_later_and_only_its_student_is_told(exam, reviewed, alice):
    publish_now(exam, alice)
    late = factories.make_sheet(exam, state="reviewed")
    assert publish_now(exam, alice) == 1
    assert states(exam) == ["published", "published"]
    recipients = list(Notification.objects.order_by("pk").values_list("recipient", flat=True))
    assert recipients == [reviewed.enrolment.student_id, late.enrolment.student_id]


def test_taking_back_returns_every_sheet_to_the_review_it_had(exam, reviewed, alice):
    changed = factories.make_sheet(exam, state="reviewed")
    override(changed, alice)
    publish_now(exam, alice)
    assert publish.take_back(exam, by=alice, reason="Q2 was unclear") == 2
    assert states(exam) == ["reviewed", "overridden"]
    assert not Sheet.objects.filter(published_at__isnull=False).exists()
    row = changed.history.latest()
    assert (row.state, row.history_user, row.published_at) == ("overridden", alice, None)
    assert row.history_change_reason == "Taken back: Q2 was unclear"


def test_taking_back_needs_a_reason_and_something_published(exam, reviewed, alice):
    with pytest.raises(Conflict):
        publish.take_back(exam, by=alice, reason="Because")
    publish_now(exam, alice)
    with pytest.raises(ValidationError):
        publish.take_back(exam, by=alice, reason=" ")
    assert states(exam) == ["published"]


def test_one_sheet_can_be_taken_back_changed_and_published_again(exam, reviewed, overridden, alice):
    publish_now(exam, alice)
    publish.take_back_sheet(reviewed, by=alice, reason="Page two was not read")
    assert states(exam) == ["reviewed", "published"]
    override(reviewed, alice)
    assert states(exam) == ["overridden", "published"]
    assert publish_now(exam, alice) == 1
    with pytest.raises(ValidationError):
        publish.take_back_sheet(reviewed, by=alice, reason="")


def test_other_exams_of_the_class_stay_hidden(exam, reviewed, x_b, alice):
    other = factories.make_sheet(factories.make_exam(x_b, by=alice), state="reviewed")
    publish_now(exam, alice)
    assert Sheet.objects.get(pk=other.pk).state == "reviewed"


def test_statements_do_not_grow_with_the_number_of_sheets(exam, alice):
    def statements(sheets):
        for _ in range(sheets):
            factories.make_sheet(exam, state="reviewed", pages=0)
        with CaptureQueriesContext(
            connection,
        ) as few:
            publish_now(exam, alice)
        return len(few)

    assert statements(2) == statements(12) <= 20


def test_total_is_never_below_zero_and_counts_bonus_and_penalty(x_b, alice):
    exam = factories.make_exam(
        x_b,
        by=alice,
        items=[
            {"id": "Q1", "description": "One", "max_marks": 2, "step": 1},
            {"id": "B", "description": "Bonus", "max_marks": 1, "step": 1, "kind": "bonus"},
            {"id": "P", "description": "Late", "max_marks": 4, "step": 1, "kind": "penalty"},
        ],
    )
    sheet = factories.make_sheet(exam, state="mapped")
    for points, total in (({"Q1": 2, "B": 1, "P": -1}, 2), ({"Q1": 1, "B": 0, "P": -4}, 0)):
        Mark.objects.filter(sheet=sheet).delete()
        for mark in factories.make_marks(
            sheet, factories.make_assessment(sheet, awarded=Decimal(0))
        ):
            mark.awarded = points[mark.criterion.code]
            mark.save()
        row = with_totals(Sheet.objects.all()).get()
        assert (row.total, row.out_of) == (total, 2)
        marks = Mark.objects.select_related("criterion")
        assert total_of(marks) == (row.total, row.out_of)
    Mark.objects.all().delete()
    assert with_totals(Sheet.objects.all()).get().total is None

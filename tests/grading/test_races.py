"""Two people at the same moment: what the locks of review and publishing are for.

Each race is played on PostgreSQL: the first person's transaction stays open until the second
one waits for its lock, so that the dangerous order happens every time.
"""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Notification
from batching.conflicts import Conflict
from exams.models import Sheet
from grading import appeals, publish, review
from grading.models import Mark
from grading.queries import marks_version
from grading.runs import grade_again
from tests import factories
from tests.grading.steps import marks_of
from tests.races import on_postgresql, race

pytestmark = on_postgresql


@pytest.fixture
def sheet(exam):
    return factories.make_sheet(exam, state="reviewed")


def override(sheet, by, points="2", feedback="Changed."):
    mark = Mark.objects.filter(sheet=sheet).order_by("criterion__position").first()
    return lambda: review.change_mark(
        mark.pk,
        awarded=Decimal(points),
        feedback=feedback,
        reason="Looked again.",
        version=1,
        by=by,
    )


def publishing(exam, by):
    shown = publish.publication_state(exam).fingerprint
    return lambda: publish.publish_exam(exam, fingerprint=shown, by=by)


def now(sheet):
    state = Sheet.objects.get(pk=sheet.pk).state
    return state, Mark.objects.filter(sheet=sheet, is_overridden=True).count()


def test_an_override_just_before_publishing_stops_the_publication(exam, sheet, alice, admin):
    refused = race(override(sheet, admin), publishing(exam, alice))
    assert isinstance(refused, Conflict)
    assert now(sheet) == ("overridden", 1)


def test_an_override_just_after_publishing_is_refused(exam, sheet, alice, admin):
    refused = race(publishing(exam, alice), override(sheet, admin))
    assert isinstance(refused, Conflict)
    assert now(sheet) == ("published", 0)


def test_of_two_teachers_on_one_mark_the_second_is_refused(exam, sheet, alice, admin):
    refused = race(
        override(sheet, alice, feedback="Hers."), override(sheet, admin, "0", feedback="His.")
    )
    assert isinstance(refused, review.StaleMark)
    mark = Mark.objects.get(sheet=sheet, is_overridden=True)
    assert (mark.feedback, mark.version) == ("Hers.", 2)


def test_an_approval_of_marks_that_are_just_changing_is_refused(exam, alice, admin):
    sheet = factories.make_sheet(exam, state="graded")
    seen = marks_version(sheet.marks.all())
    refused = race(
        override(sheet, admin),
        lambda: review.approve_sheet(sheet, marks_version=seen, by=alice),
    )
    assert isinstance(refused, Conflict)
    assert now(sheet) == ("graded", 1)


def test_two_publications_at_once_are_one(exam, sheet, alice, admin):
    refused = race(publishing(exam, alice), publishing(exam, admin))
    assert isinstance(refused, Conflict)
    assert Notification.objects.count() == 1
    assert sheet.history.filter(state="published").count() == 1


def test_an_override_on_its_way_survives_grading_again(exam, alice):
    sheet = factories.make_sheet(exam, state="graded")
    typing = override(sheet, alice, "0.5", "Typed by Alice")
    dropped = race(typing, lambda: grade_again(exam, by=alice))
    assert dropped == {}
    assert Mark.objects.filter(feedback="Typed by Alice").exists()


def test_an_override_that_waited_for_grading_again_is_told(exam, alice):
    sheet = factories.make_sheet(exam, state="graded")
    late = race(lambda: grade_again(exam, by=alice), override(sheet, alice))
    assert isinstance(late, Conflict)


def test_a_double_click_on_an_appeal_leaves_one(exam):
    mark = marks_of(factories.make_sheet(exam, state="published"))[0]
    factories.make_appeal(mark, withdrawn_at=timezone.now())
    student = mark.sheet.enrolment.student

    def ask(text):
        return lambda: appeals.raise_appeal(mark, by=student, text=text)

    assert race(ask("The arrow"), ask("The arrow")) == appeals.open_appeals().get()
    assert isinstance(race(ask("The arrow"), ask("Another")), Conflict)
    assert appeals.open_appeals().get().text == "The arrow"


def test_an_appeal_that_is_withdrawn_while_it_is_answered_is_one_of_the_two(exam, alice):
    mark = marks_of(factories.make_sheet(exam, state="published"))[0]
    appeal = factories.make_appeal(mark)
    later = race(
        lambda: appeals.withdraw_appeal(appeal, by=appeal.raised_by),
        lambda: appeals.answer_appeal(appeal, by=alice, answer="Yes"),
    )
    assert isinstance(later, Conflict)
    assert appeals.in_state(type(appeal).objects.all(), "withdrawn").count() == 1


def test_nobody_appeals_against_a_result_that_is_being_taken_back(exam, alice):
    sheet = factories.make_sheet(exam, state="published")
    mark = marks_of(sheet)[0]
    old = factories.make_appeal(mark, withdrawn_at=timezone.now())
    later = race(
        lambda: publish.take_back_sheet(sheet, by=alice, reason="Look again"),
        lambda: appeals.raise_appeal(mark, by=old.raised_by, text="The arrow"),
    )
    assert isinstance(later, Conflict)
    assert not appeals.open_appeals().exists()

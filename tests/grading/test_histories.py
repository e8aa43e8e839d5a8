"""The history of an exam and of a sheet: who, when, why, the difference, and the way back."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.models import User
from exams.models import Exam, Sheet
from grading import publish, review, review_blind
from grading.histories import Filters, details_of, entries, people_of
from grading.models import Mark
from tests import factories
from tests.grading.steps import url


def change(mark, awarded, feedback, reason, by):
    mark = Mark.objects.get(pk=mark.pk)
    return review.change_mark(
        mark.pk,
        awarded=Decimal(str(awarded)),
        feedback=feedback,
        reason=reason,
        version=mark.version,
        by=by,
    )


def told(exam, sheet=None, **asked):
    return details_of(exam, entries(exam, Filters(**asked), sheet))


@pytest.fixture
def story(exam, sheet, mark, alice, admin):
    """Carol's first mark, changed by two people."""
    change(mark, 2, "Feedback on Q1", "All is there.", alice)
    change(mark, 2, "Feedback on the first", "Clearer.", admin)
    return sheet


def test_a_change_has_who_when_why_and_the_difference(exam, story, alice):
    second, first = told(exam, kind="marks")
    assert (first.who, first.reason, first.title) == ("Alice", "All is there.", "Q1 changed")
    (points,) = first.differences
    assert (points.name, points.words) == ("Points", (("gone", "1"), ("new", "2")))
    (feedback,) = second.differences
    assert feedback.name == "Feedback"
    assert feedback.words == (
        ("same", "Feedback on "),
        ("gone", "Q1"),
        ("new", "the first"),
    )
    assert (second.who, second.roll_number) == ("Admin", "84B003")
    assert first.when < second.when


def test_what_nobody_did_by_hand_is_shown_on_request(exam, story):
    assert len(told(exam, kind="marks")) == 2
    shown = told(exam, kind="marks", system=True)
    assert len(shown) == 4
    assert {entry.title for entry in shown if not entry.who} == {"Q1: first mark", "Q2: first mark"}


def test_it_is_filtered_by_person_and_criterion(exam, story, alice, admin, doras_enrolment):
    other = factories.make_sheet(exam, state="graded", enrolment=doras_enrolment)
    change(other.marks.get(criterion__code="Q2"), 2, "Feedback on Q2", "Counted again.", alice)
    assert {entry.reason for entry in told(exam, person=alice.pk, kind="marks")} == {
        "All is there.",
        "Counted again.",
    }
    assert {entry.reason for entry in told(exam, criterion="Q2")} == {"Counted again."}
    assert told(exam, criterion="Q7") == []
    assert {entry.reason for entry in told(exam, other)} == {"Counted again."}


def test_a_sheets_way_stands_in_it(exam, story, alice):
    review.approve_sheet(
        Sheet.objects.get(pk=story.pk),
        marks_version=review.queries.marks_version(list(story.marks.all())),
        by=alice,
    )
    newest = told(exam, kind="sheets")[0]
    assert (newest.who, newest.reason) == ("Alice", "Approved.")
    assert newest.differences[0].words == (("gone", "to be reviewed"), ("new", "overridden"))


def test_the_exam_and_its_rubric_stand_in_it(exam, alice):
    exam.title, exam.show_distribution = "Biology, unit 3", True
    exam._history_user = alice
    exam.save()
    entry = next(one for one in told(exam, kind="exam") if one.kind == "exam")
    assert {one.name: one.words for one in entry.differences} == {
        "Title": (
            ("gone", "Biology"),
            ("new", "Biology,"),
            ("same", " unit "),
            ("gone", "test "),
            ("same", "3"),
        ),
        "Show distribution": (("gone", "no"), ("new", "yes")),
    }
    assert [one.title for one in told(exam, kind="exam") if one.kind == "rubric"] == [
        "Rubric, version 1"
    ]
    assert list(people_of(exam)) == [alice]


def test_dropped_marks_stay_in_the_history(exam, story, mark, alice):
    from grading import runs

    runs.drop_marks(story, by=alice, reason="Not hers.")
    dropped = [one for one in told(exam, story) if one.title == "Q1: mark dropped"]
    assert [(one.reason, one.put_back) for one in dropped] == [("Not hers.", None)]


def test_an_earlier_value_is_put_back_from_the_page(exam, story, mark, teacher, alice):
    review_blind.reveal_exam(exam, by=alice)
    page = url("exam_history", exam) + "?kind=marks&system=1"
    first = next(
        one for one in teacher.get(page).context["entries"] if one.title == "Q1: first mark"
    )
    answer = teacher.post(
        reverse("grading:mark_put_back", args=[mark.pk]),
        {"history_id": first.put_back, "version": first.version},
    )
    assert answer.status_code == 302
    assert Mark.objects.get(pk=mark.pk).awarded == 1
    assert "Put this value back" in teacher.get(page).text


def test_the_newest_change_is_undone_to_the_value_before_it(exam, story, mark, teacher):
    newest = teacher.get(url("sheet_history", story)).context["entries"][0]
    assert newest.is_newest
    teacher.post(
        reverse("grading:mark_put_back", args=[mark.pk]),
        {"history_id": newest.put_back, "version": newest.version},
    )
    assert Mark.objects.get(pk=mark.pk).feedback == "Feedback on Q1"


def test_what_is_published_is_not_put_back(exam, story, teacher, alice):
    Sheet.objects.filter(pk=story.pk).update(state="overridden", reviewed_by=alice)
    publish.publish_exam(exam, fingerprint=publish.publication_state(exam).fingerprint, by=alice)
    assert "put-back" not in teacher.get(url("exam_history", exam)).text


def test_the_page_shows_it_and_is_paged(exam, story, teacher, alice, settings):
    text = teacher.get(url("exam_history", exam)).text
    assert "<del>1</del><ins>2</ins>" in text
    assert "All is there." in text
    mark = story.marks.get(criterion__code="Q2")
    for turn in range(50):
        change(mark, turn % 2, f"Feedback {turn}", f"Turn {turn}", alice)
    first = teacher.get(url("exam_history", exam) + "?criterion=Q2")
    assert len(first.context["entries"]) == 50
    everything = teacher.get(url("exam_history", exam) + f"?person={alice.pk}&page=2")
    assert everything.context["entries"]
    assert f"person={alice.pk}" in everything.text


@pytest.mark.parametrize(
    "query", ["?person=x", "?person=99999999999999999999", "?kind=all", "?criterion=%00", "?page=z"]
)
def test_a_filter_without_sense_breaks_nothing(exam, story, teacher, query):
    assert teacher.get(url("exam_history", exam) + query).status_code == 200


def test_feedback_is_text_and_nothing_else(exam, story, mark, teacher, alice):
    change(mark, 2, "<script>alert(1)</script>", "", alice)
    text = teacher.get(url("sheet_history", story)).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_an_exam_where_nothing_happened_says_so(x_b, alice, teacher):
    exam = Exam.objects.create(
        title="New",
        school_class=x_b,
        subject=factories.Subject.objects.create(name="Art"),
        created_by=alice,
    )
    assert "Nothing here" in teacher.get(url("exam_history", exam) + "?kind=marks").text


def test_only_another_value_is_put_back(exam, sheet, mark, teacher, alice):
    change(mark, 2, "Feedback on Q1", "More.", alice)
    change(mark, 0, "Feedback on Q1", "Less.", alice)
    change(mark, 2, "Feedback on Q1", "More again.", alice)
    by_reason = {one.reason: one for one in told(exam, kind="marks", system=True)}
    assert by_reason["More again."].is_newest
    assert not by_reason["More."].is_newest
    assert by_reason["More."].put_back is None, "it has this value"
    assert by_reason["Less."].put_back
    text = teacher.get(reverse("grading:mark_history", args=[mark.pk])).text
    assert text.count("Put this back") == 2, "of 2, 0 and 1"


def test_a_value_is_put_back_with_its_moment_in_the_readers_zone_and_form(
    exam, story, mark, teacher, alice
):
    first = Mark.history.filter(id=mark.pk).earliest()
    Mark.history.filter(pk=first.pk).update(history_date=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    version = Mark.objects.get(pk=mark.pk).version
    review.put_back(mark.pk, first.history_id, version=version, by=alice)
    reason = Mark.history.filter(id=mark.pk).latest().history_change_reason
    assert reason == "Put back to the value of 2026-07-01 22:30 UTC."
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Kolkata", language="en")
    address = url("exam_history", exam) + "?kind=marks"
    assert "Put back to the value of 2 Jul 2026, 04:00." in teacher.get(address).text
    User.objects.filter(pk=alice.pk).update(time_zone="Europe/Berlin", language="de")
    assert "02.07.2026, 00:30" in teacher.get(address).text


def test_the_exams_own_dates_and_sums_are_written_in_the_readers_form(exam, alice):
    exam.date, exam.spending_cap = date(2026, 11, 2), Decimal("2.50")
    exam._history_user = alice
    exam.save()
    with override("de"):
        texts = ["".join(text for _, text in one.words) for one in told(exam)[0].differences]
    assert any("02.11.2026" in text for text in texts), texts
    assert any("2,50" in text for text in texts), texts

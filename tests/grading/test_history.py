"""Moving many audited rows: a history row each, in two statements."""

from django.urls import reverse

from batching.build import build_run
from exams.models import Sheet
from grading.history import move_rows
from grading.runs import draft_run
from tests import factories


def test_a_moved_row_has_the_history_that_saving_it_would_have_written(exam, alice):
    saved, moved = (factories.make_sheet(exam, state="graded") for _ in range(2))
    saved.approve(by=alice)
    saved._history_user, saved._change_reason = alice, "Why"
    saved.save()
    count = move_rows(
        Sheet.objects.filter(pk=moved.pk, state="graded"),
        by=alice,
        reason="Why",
        state="reviewed",
        reviewed_by=alice,
        reviewed_at=saved.reviewed_at,
    )
    assert count == 1
    one, other = saved.history.latest(), moved.history.latest()
    own = {"history_id", "history_date", "id", "name", "source_files", "source_sha256"}
    own |= {"enrolment", "created_at", "rendered_at", "inspected_at", "suggested_at"}
    for field in type(one)._meta.fields:
        if field.name not in own:
            assert getattr(one, field.attname) == getattr(other, field.attname), field.name
    now = Sheet.objects.get(pk=moved.pk)
    for field in type(other).tracked_fields:
        assert getattr(other, field.attname) == getattr(now, field.attname), field.name


def test_rows_in_another_state_are_left_alone(exam, alice):
    sheet = factories.make_sheet(exam, state="mapped")
    rows = Sheet.objects.filter(exam=exam, state="graded")
    assert move_rows(rows, by=alice, reason="", state="reviewed") == 0
    assert Sheet.objects.get().state == "mapped"
    assert sheet.history.count() == 1


def test_sheets_that_follow_their_run_name_the_person_whose_click_it_was(exam, alice, sign_in):
    sheet = factories.make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    build_run(run.pk)
    sign_in(alice).post(reverse("grading:run_cancel", args=[run.pk]))
    stopped, drafted = sheet.history.all()[:2]
    assert (stopped.state, stopped.history_user) == ("mapped", alice)
    assert (drafted.state, drafted.history_user) == ("jsonl_ready", None)

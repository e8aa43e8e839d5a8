"""An exam that came to nothing can be deleted; one that was assessed never, and none by halves."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import Enrolment, Notification
from batching import tasks
from batching.conflicts import Conflict
from batching.models import BatchJob, BatchRun
from exams.models import (
    Criterion,
    Exam,
    MemberOutcome,
    Page,
    SampleSheet,
    Sheet,
    Upload,
    UploadMember,
)
from exams.rubrics import current_rubric, save_answers
from exams.uploads import receive_upload
from grading import exam_delete, integrity
from grading.exam_delete import MustStay, deletion_state
from grading.models import GradingRun
from grading.runs import cancel_run, draft_run
from tests.factories import make_batch_run, make_exam, make_sheet, make_upload
from tests.grading.steps import delete
from tests.races import on_postgresql, race

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(exam):
    return reverse("grading:exam_delete", args=[exam.pk])


@pytest.fixture
def full(exam, alice):
    """The exam with two uploads, three sheets of two pages, and a sample."""
    sheets = [make_sheet(exam, state=state, pages=2) for state in ("mapped", "skipped")]
    upload = make_upload(exam)
    sheets.append(make_sheet(exam, upload=upload, pages=2))
    for sheet in sheets:
        UploadMember.objects.create(
            upload=sheet.upload, name=sheet.name, outcome=MemberOutcome.ACCEPTED, sheet=sheet
        )
    SampleSheet.objects.create(exam=exam, sheet=sheets[1], title="Full", created_by=alice)
    return sheets


def stored(model) -> int:
    return model.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_deleted_exam_leaves_no_row_and_no_file(exam, full, alice, tmp_path):
    other = make_sheet(make_exam(exam.school_class, title="Another", by=alice), pages=1)
    delete(exam, alice)
    assert list(Exam.objects.values_list("title", flat=True)) == ["Another"]
    assert [stored(model) for model in (Upload, Sheet, Page, SampleSheet, UploadMember)] == [
        1, 1, 1, 0, 0,
    ]  # fmt: skip
    assert not Criterion.objects.filter(rubric__exam=exam.pk).exists()
    names = {other.upload.file, *other.source_files}
    names |= {name for one in other.pages.all() for name in (one.image, one.thumbnail)}
    assert set(integrity.stored_files()) == names
    assert list(integrity.differences()) == []
    assert Enrolment.objects.exists()


def test_the_files_are_there_until_the_commit(
    exam, full, alice, django_capture_on_commit_callbacks
):
    before = set(integrity.stored_files())
    with django_capture_on_commit_callbacks():
        delete(exam, alice)
    assert set(integrity.stored_files()) == before


def test_the_history_says_who_deleted_what(exam, full, alice):
    delete(exam, alice)
    for model, count in ((Exam, 1), (Upload, 2), (Sheet, 3), (SampleSheet, 1)):
        rows = model.history.filter(history_type="-")
        assert rows.count() == count, model
        assert {row.history_user for row in rows} == {alice}, model
        assert {row.history_change_reason for row in rows} == {"The exam was deleted"}, model


def test_the_page_says_what_will_go_and_offers_a_copy(exam, full, teacher, page):
    text = teacher.get(page).text
    assert "2 uploads, 3 sheets with 6 pages, 1 sample" in text
    assert reverse("exams:exam_file", args=[exam.pk]) in text
    assert f'href="{page}"' in teacher.get(reverse("exams:exam_edit", args=[exam.pk])).text


def test_looking_at_the_page_deletes_nothing(full, teacher, page, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as done:
        assert teacher.get(page).status_code == 200
    assert not {query["sql"].split()[0] for query in done.captured_queries} - {"SELECT"}
    assert stored(Exam) == 1


def test_the_button_deletes_what_the_page_showed(full, teacher, page):
    shown = teacher.get(page).context["now"].fingerprint
    answer = teacher.post(page, {"fingerprint": shown}, follow=True)
    assert answer.redirect_chain == [(reverse("exams:exam_list"), 302)]
    assert "was deleted, with 3 sheets" in answer.text
    assert stored(Exam) == 0
    assert teacher.post(page, {"fingerprint": shown}).status_code == 404


def test_a_page_without_a_fingerprint_deletes_nothing(full, teacher, page):
    assert teacher.post(page).status_code == 409
    assert stored(Exam) == 1


@pytest.mark.parametrize("what", ["sheet", "answer", "sample", "title"])
def test_what_came_since_the_page_was_shown_is_not_deleted_unseen(
    exam, full, teacher, page, admin, what
):
    shown = teacher.get(page).context["now"].fingerprint
    if what == "sheet":
        make_sheet(exam)
    elif what == "answer":
        save_answers(exam, {"Q1": "Typed for an hour"}, by=admin)
    elif what == "sample":
        sample = SampleSheet.objects.get()
        sample.marks = {"Q1": {"awarded": "2", "comment": "Well said"}}
        sample.save()
    else:
        exam.title = "Renamed"
        exam.save()
    answer = teacher.post(page, {"fingerprint": shown})
    assert answer.status_code == 409
    assert "Nothing was deleted" in answer.text
    assert stored(Exam) == 1


@pytest.mark.parametrize("state", ["graded", "reviewed", "overridden", "published"])
def test_an_exam_with_an_assessed_sheet_stays(exam, teacher, page, state):
    make_sheet(exam, state=state)
    now = deletion_state(exam)
    text = teacher.get(page).text
    assert "1 sheet is assessed" in text
    assert "change that" in text
    assert 'name="fingerprint"' not in text
    assert teacher.post(page, {"fingerprint": now.fingerprint}).status_code == 422
    assert stored(Exam) == 1


def test_an_assessment_whose_marks_were_dropped_keeps_the_exam_too(exam, alice):
    sheet = make_sheet(exam, state="graded")
    sheet.marks.all().delete()
    Sheet.objects.filter(pk=sheet.pk).update(state="skipped")
    with pytest.raises(MustStay, match="assessed"):
        delete(exam, alice)


def test_published_marks_are_named_with_the_way_to_take_them_back(exam, teacher, page):
    make_sheet(exam, state="published")
    text = teacher.get(page).text
    assert "1 sheet is published" in text
    assert f'href="{reverse("grading:publish", args=[exam.pk])}"' in text


@pytest.fixture
def drafted(exam, alice):
    make_sheet(exam, state="mapped")
    return draft_run(exam, provider="offline", by=alice)


@pytest.mark.parametrize("is_built", [False, True])
def test_an_exam_with_a_live_run_stays_and_the_page_leads_to_it(
    exam, drafted, teacher, page, alice, is_built
):
    if is_built:
        tasks.build_run(drafted.pk)
    assert f'href="{reverse("grading:run_detail", args=[drafted.pk])}"' in teacher.get(page).text
    with pytest.raises(MustStay, match="Let it end, or stop it"):
        delete(exam, alice)


@pytest.mark.django_db(transaction=True)
def test_a_stopped_run_keeps_its_account_but_no_page_of_the_sheets(exam, drafted, alice):
    tasks.build_run(drafted.pk)
    cancel_run(drafted, by=alice)
    link = reverse("grading:run_detail", args=[drafted.pk])
    Notification.objects.create(recipient=alice, key="told", text="Ended", url=link)
    assert current_rubric(exam).used_at is not None
    delete(exam, alice)
    assert (stored(Exam), stored(GradingRun), stored(Notification)) == (0, 0, 0)
    assert stored(BatchRun) == 1
    job = BatchJob.objects.get()
    assert (job.item_count, job.items.count(), job.lines_file) == (1, 1, "")
    assert job.history.latest().history_user == alice
    assert list(integrity.stored_files()) == []
    assert list(integrity.differences()) == []


@pytest.mark.parametrize("what", ["upload", "sheet"])
def test_an_exam_stays_while_a_worker_has_a_sheet_of_it(exam, alice, what):
    sheet = make_sheet(exam)
    row = sheet if what == "sheet" else sheet.upload
    row.lease_until = timezone.now() + timedelta(minutes=5)
    row.save()
    with pytest.raises(MustStay, match="just now"):
        delete(exam, alice)
    row.lease_until = timezone.now() - timedelta(seconds=1)
    row.save()
    delete(exam, alice)
    assert stored(Exam) == 0


def test_a_run_that_a_worker_is_building_keeps_the_exam_though_no_sheet_is_in_it(exam, alice):
    run = make_batch_run(exam)
    GradingRun.objects.create(batch_run=run, exam=exam, rubric=current_rubric(exam))
    with pytest.raises(MustStay, match="Let it end, or stop it"):
        delete(exam, alice)
    run.problem = "Building the requests failed several times."
    run.save()
    delete(exam, alice)
    assert stored(Exam) == 0


def test_another_exams_run_does_not_matter(exam, alice):
    other = make_exam(exam.school_class, title="Another", by=alice)
    GradingRun.objects.create(
        batch_run=make_batch_run(other), exam=other, rubric=current_rubric(other)
    )
    delete(exam, alice)
    assert list(Exam.objects.all()) == [other]


class TestAtTheSameMoment:
    """Played with real locks; what the second person gets."""

    pytestmark = on_postgresql

    @pytest.fixture
    def deleting(self, exam, alice):
        shown = deletion_state(exam).fingerprint
        return lambda: exam_delete.delete_exam(exam, by=alice, fingerprint=shown)

    @pytest.fixture
    def drafting(self, exam, admin):
        return lambda: draft_run(exam, provider="offline", by=admin)

    def test_a_run_drafted_just_before_keeps_the_exam(self, exam, alice, admin, drafting):
        make_sheet(exam, state="mapped")
        shown = deletion_state(exam).fingerprint
        refused = race(drafting, lambda: exam_delete.delete_exam(exam, by=alice, fingerprint=shown))
        assert isinstance(refused, MustStay)
        assert stored(GradingRun) == 1

    def test_of_two_who_delete_the_second_is_told(self, deleting):
        assert isinstance(race(deleting, deleting), Conflict)
        assert stored(Exam) == 0

    def test_an_upload_just_after_is_refused_and_leaves_no_file(self, exam, deleting, admin):
        def uploading():
            file = ContentFile(b"%PDF-1.4 a paper")
            return receive_upload(exam, file, name="late.pdf", by=admin)

        assert isinstance(race(deleting, uploading), Conflict)
        assert list(integrity.stored_files()) == []

    def test_a_run_drafted_just_after_is_refused(self, exam, deleting, drafting):
        assert isinstance(race(deleting, drafting), Conflict)
        assert stored(GradingRun) == 0

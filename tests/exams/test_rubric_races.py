"""Two people at one rubric at the same moment: what the lock of the exam is for."""

from batching.conflicts import Conflict
from exams.models import Exam
from exams.rubric_files import import_exam, read_exam_file
from exams.rubrics import current_rubric, items_of, leaves, save_rubric, use_rubric
from exams.samples import MAX_SAMPLES, SampleError, save_sample
from tests.exams.test_rubric_files import FILE
from tests.exams.test_samples import marks
from tests.factories import BIOLOGY, make_sheet
from tests.races import on_postgresql, race

pytestmark = on_postgresql


def worded(text: str) -> list[dict]:
    return [{**BIOLOGY[0], "description": text}, BIOLOGY[1]]


def test_of_two_teachers_who_save_at_once_the_second_is_told(exam, alice, admin):
    seen = current_rubric(exam).content_hash
    outcome = race(
        lambda: save_rubric(exam, worded("Alice's"), by=alice, seen=seen),
        lambda: save_rubric(exam, worded("Admin's"), by=admin, seen=seen),
    )
    assert isinstance(outcome, Conflict)
    assert leaves(current_rubric(exam))[0].description == "Alice's"


def test_a_version_that_is_being_used_is_not_written_over(exam, alice):
    rubric = current_rubric(exam)
    saved = race(lambda: use_rubric(rubric), lambda: save_rubric(exam, worded("Later"), by=alice))
    assert saved.version == 2
    assert leaves(rubric)[0].description == BIOLOGY[0]["description"]


def test_a_version_that_is_being_written_over_is_used_as_it_became(exam, alice):
    rubric = current_rubric(exam)
    race(lambda: save_rubric(exam, worded("Earlier"), by=alice), lambda: use_rubric(rubric) or True)
    assert leaves(rubric)[0].description == "Earlier"
    assert rubric.content_hash == current_rubric(exam).content_hash
    assert rubric.used_at


def test_a_file_imported_twice_at_once_is_one_exam(alice, x_b):
    exam_file = read_exam_file(FILE.encode())
    second = race(
        lambda: import_exam(exam_file, by=alice), lambda: import_exam(exam_file, by=alice)
    )
    assert second == Exam.objects.get()
    assert items_of(current_rubric(second)) == exam_file.items


def test_two_samples_at_once_do_not_pass_the_most(exam, alice):
    sheets = [make_sheet(exam, state="skipped") for _ in range(MAX_SAMPLES + 1)]
    for sheet in sheets[2:]:
        save_sample(sheet, title="x", marks=marks(), by=alice)

    def second():
        try:
            return save_sample(sheets[1], title="x", marks=marks(), by=alice)
        except SampleError as error:
            return error

    outcome = race(lambda: save_sample(sheets[0], title="x", marks=marks(), by=alice), second)
    assert isinstance(outcome, SampleError)
    assert exam.samples.count() == MAX_SAMPLES

"""Exam files: read, written, imported, and refused with every problem at its line."""

import datetime as dt
import random
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import SchoolClass
from exams.models import Exam, SampleSheet
from exams.rubric_files import (
    ExamFileError,
    import_exam,
    import_exam_file,
    read_exam_file,
    read_rubric_text,
    write_exam_file,
    write_rubric_text,
)
from exams.rubric_items import items_as_values, read_items
from exams.rubrics import current_rubric, items_of, leaves, save_answers, save_rubric, use_rubric
from tests.factories import make_class, make_sheet

FILE = """\
exam: Biology unit test 3
class: X-B
subject: Biology
date: 2026-10-14
instructions: Half marks are allowed.
regions:
- {page: 1, x: 0.05, y: 0.03, w: 0.9, h: 0.07, holds: [name, roll_number]}
rubric_items:
- id: Q1
  description: What is photosynthesis?
  max_marks: 2
  step: 0.5
  answer: Green plants make glucose.
- id: Q2
  description: The heart
  items:
  - {id: Q2a, description: Its chambers, max_marks: 4, guidance: "One each: four"}
  - {id: Q2b, description: Its thickest wall, max_marks: 1, binary: true}
- {id: N, description: Neatness, max_marks: 1, kind: bonus}
- {id: S, description: Spelling, max_marks: 2, kind: penalty}
"""


def refused(text: str) -> list[str]:
    with pytest.raises(ExamFileError) as error:
        read_exam_file(text.encode())
    return error.value.messages


def test_a_file_is_read_whole():
    exam_file = read_exam_file(FILE.encode())
    assert exam_file.title == "Biology unit test 3"
    assert exam_file.date == dt.date(2026, 10, 14)
    assert exam_file.regions[0]["holds"] == ["name", "roll_number"]
    assert [item.id for item in exam_file.items] == ["Q1", "Q2", "N", "S"]


def test_what_is_written_reads_back_as_the_same_exam(alice, x_b):
    exam = import_exam(read_exam_file(FILE.encode()), by=alice)
    assert read_exam_file(write_exam_file(exam).encode()) == read_exam_file(FILE.encode())


def test_an_exam_without_a_rubric_is_written_and_read(exam):
    exam.rubrics.all().delete()
    assert read_exam_file(write_exam_file(exam).encode()).items == ()


def test_any_text_survives_writing_and_reading():
    dice = random.Random(3)
    letters = "ab: -#'\"\\\n|>&*!%@`{}[],?~\u00e9\u4e2d\U0001f600\u2028\ttrue 0x1 null"
    for _ in range(300):
        texts = ["".join(dice.choices(letters, k=dice.randint(1, 30))) for _ in range(3)]
        items = read_items(
            [
                {
                    "id": "Q1",
                    "description": "x" + texts[0],
                    "max_marks": 2,
                    "answer": texts[1],
                    "guidance": texts[2],
                }
            ]
        )
        assert read_items(read_rubric_text(write_rubric_text(items))) == items


@pytest.mark.parametrize(
    "text", ["no", "1", "2026-10-14", "null", "~", "1:30", "- a", "a: b", "=="]
)
def test_text_that_looks_like_something_else_stays_text(text):
    items = read_items([{"id": "010", "description": text, "max_marks": 1, "answer": text}])
    assert read_items(read_rubric_text(write_rubric_text(items))) == items


def test_a_problem_names_the_item_its_id_and_its_line():
    text = FILE.replace("max_marks: 2\n", "max_marks: 0\n")
    assert refused(text) == ["Q1, line 11: max_marks must be > 0, not 0"]


def test_a_problem_in_a_nested_item_is_found():
    text = FILE.replace("max_marks: 1, binary: true", "max_mark: 1, binary: true")
    assert refused(text) == ["Q2b, line 18: unknown key 'max_mark'; did you mean 'max_marks'?"]


def test_every_problem_of_a_file_is_listed_at_once():
    text = (
        FILE.replace("subject:", "subjet:")
        .replace("2026-10-14", "14.10.2026")
        .replace("w: 0.9", "w: 0.99")
        .replace("id: N,", "id: q1,")
    )
    assert refused(text) == [
        "line 1: subject is missing",
        "line 3: unknown key 'subjet'; did you mean 'subject'?",
        "date, line 4: '14.10.2026' is not a date like 2026-10-14",
        "region 1, line 7: x + w is 1.04: the region leaves the page",
        "item 3 (q1), line 19: the id 'q1' is taken: each item needs its own",
    ]


@pytest.mark.parametrize("text", ["just text", "- a\n- b", "12"])
def test_a_file_that_is_no_exam_says_what_it_must_be(text):
    assert "must be a group of `key: value` lines" in refused(text)[0]


def test_a_rubric_that_is_no_list_is_refused():
    assert "must be a list" in refused("exam: a\nclass: b\nsubject: c\nrubric_items: x")[0]


def test_blank_names_are_refused():
    assert "exam, line 1: must not be empty" in refused('exam: "  "\nclass: b\nsubject: c')


def test_an_unreadable_file_is_an_exam_file_error():
    assert "stands here twice" in refused("exam: a\nexam: b")[0]


def test_the_editor_takes_only_the_rubric():
    with pytest.raises(ExamFileError, match="must begin with the line"):
        read_rubric_text(FILE)


class TestImporting:
    @pytest.fixture
    def exam_file(self):
        return read_exam_file(FILE.encode())

    def test_the_teacher_gets_the_exam_with_its_rubric(self, exam_file, alice, x_b):
        exam = import_exam(exam_file, by=alice)
        assert (exam.school_class, exam.subject.name, exam.created_by) == (x_b, "Biology", alice)
        assert [leaf.code for leaf in leaves(current_rubric(exam))] == [
            "Q1", "Q2a", "Q2b", "N", "S",
        ]  # fmt: skip

    def test_the_same_file_again_changes_nothing(self, exam_file, alice, x_b):
        first = import_exam(exam_file, by=alice)
        second = import_exam(exam_file, by=alice)
        assert first == second
        assert first.rubrics.count() == 1
        assert Exam.history.count() == 1

    def test_a_changed_file_changes_the_exam_and_keeps_its_history(self, exam_file, alice, x_b):
        exam = import_exam(exam_file, by=alice)
        use_rubric(current_rubric(exam))
        text = FILE.replace("Half marks are allowed", "No half marks").replace("glucose", "sugar")
        assert import_exam(read_exam_file(text.encode()), by=alice) == exam
        assert Exam.objects.get().instructions == "No half marks."
        assert current_rubric(exam).version == 2
        assert [row.history_user for row in exam.history.all()] == [alice, alice]

    def test_answers_typed_here_survive_a_file_that_has_none(self, exam_file, alice, x_b):
        exam = import_exam(exam_file, by=alice)
        save_answers(exam, {"Q2a": "Atria and ventricles"}, by=alice)
        again = FILE.replace(', guidance: "One each: four"', "").replace(
            "chambers", "four chambers"
        )
        done = import_exam_file(read_exam_file(again.encode()), by=alice)
        stored = {leaf.code: leaf for leaf in leaves(current_rubric(exam))}
        assert stored["Q2a"].description == "Its four chambers"
        assert stored["Q2a"].answer == "Atria and ventricles"
        assert stored["Q2a"].guidance == "One each: four"
        assert done.kept == ("Q2a",)

    def test_answers_typed_here_are_never_written_over_by_a_file(self, exam_file, alice, x_b):
        """Nobody has used version 1 yet; whoever imports has not seen it all the same."""
        exam = import_exam(exam_file, by=alice)
        save_answers(exam, {"Q1": "Typed by a colleague for an hour"}, by=alice)
        done = import_exam_file(exam_file, by=alice)
        first, second = (leaves(rubric)[0] for rubric in exam.rubrics.order_by("version"))
        assert first.answer == "Typed by a colleague for an hour"
        assert second.answer == "Green plants make glucose."
        assert done.changes == (
            "the rubric: version 2, beside version 1",
            "other answers in it for Q1",
        )

    def test_an_item_that_now_has_items_keeps_no_answer(self, exam_file, alice, x_b):
        exam = import_exam(exam_file, by=alice)
        divided = FILE.replace(
            "  max_marks: 2\n  step: 0.5\n  answer: Green plants make glucose.\n",
            "  items:\n  - {id: Q1a, description: Half of it, max_marks: 2}\n",
        )
        import_exam(read_exam_file(divided.encode()), by=alice)
        assert current_rubric(exam).criteria.get(code="Q1").answer == ""

    def test_what_a_file_leaves_out_stays_and_what_it_empties_goes(self, exam_file, alice, x_b):
        import_exam(exam_file, by=alice)
        head, rest = FILE.split("instructions:")
        bare = head + "rubric_items:" + rest.split("rubric_items:")[1]
        done = import_exam_file(read_exam_file(bare.encode()), by=alice)
        assert done.changes == ()
        exam = Exam.objects.get()
        assert exam.instructions == "Half marks are allowed."
        assert len(exam.regions) == 1
        none = head + "regions: []\n"
        assert import_exam_file(read_exam_file(none.encode()), by=alice).changes == ("the regions",)
        assert Exam.objects.get().regions == []

    def test_another_date_is_another_exam(self, exam_file, alice, x_b):
        import_exam(exam_file, by=alice)
        import_exam(read_exam_file(FILE.replace("2026-10", "2027-10").encode()), by=alice)
        assert Exam.objects.count() == 2

    def test_a_file_without_a_rubric_leaves_the_rubric_alone(self, exam_file, alice, x_b):
        exam = import_exam(exam_file, by=alice)
        head = FILE.split("rubric_items")[0]
        import_exam(read_exam_file(head.encode()), by=alice)
        assert len(items_of(current_rubric(exam))) == 4

    def test_another_teachers_class_looks_like_no_class(self, exam_file, bob, x_b):
        with pytest.raises(ExamFileError, match="no class named 'X-B'"):
            import_exam(exam_file, by=bob)
        assert not Exam.objects.exists()

    def test_an_admin_may_use_any_class(self, exam_file, admin, x_b):
        assert import_exam(exam_file, by=admin).school_class == x_b

    def test_a_missing_class_is_made_only_when_asked(self, exam_file, alice):
        with pytest.raises(ExamFileError, match="no class named"):
            import_exam(exam_file, by=alice)
        exam = import_exam(exam_file, by=alice, create_class=True)
        assert list(exam.school_class.teachers.all()) == [alice]

    def test_a_class_of_others_is_not_taken_by_making_it(self, exam_file, bob, x_b):
        with pytest.raises(ExamFileError, match="belongs to other teachers"):
            import_exam(exam_file, by=bob, create_class=True)


class TestTheCommand:
    @pytest.fixture
    def path(self, tmp_path) -> Path:
        path = tmp_path / "exam.yaml"
        path.write_text(FILE)
        return path

    def test_it_imports_in_the_name_of_a_teacher(self, path, alice, x_b, capsys):
        call_command("import_exam", path, by="alice")
        assert Exam.objects.get().created_by == alice
        assert "rubric version 1" in capsys.readouterr().out

    def test_it_says_what_a_new_exam_has(self, path, alice, x_b, capsys):
        call_command("import_exam", path, by="alice")
        exam = Exam.objects.get()
        assert capsys.readouterr().out.splitlines() == [
            f"Biology unit test 3 for class X-B, exam {exam.pk}: made.",
            "  rubric version 1, new: 5 criteria with marks, 7 marks",
            "  answer key: 1 of 5 answers; none for Q2a, Q2b, N, S",
            "  samples: none",
        ]

    def test_the_same_file_again_says_that_nothing_changed(self, path, alice, x_b, capsys):
        call_command("import_exam", path, by="alice")
        capsys.readouterr()
        call_command("import_exam", path, by="alice")
        told = capsys.readouterr().out
        assert "was there already; nothing changed." in told
        assert "rubric version 1, the same as before" in told

    def test_another_file_says_what_it_changed_and_what_it_kept(self, path, alice, x_b, capsys):
        call_command("import_exam", path, by="alice")
        exam = Exam.objects.get()
        save_answers(exam, {"Q2a": "Atria and ventricles"}, by=alice)
        sheet = make_sheet(exam, state="skipped")
        SampleSheet.objects.create(exam=exam, sheet=sheet, title="Full marks", created_by=alice)
        capsys.readouterr()
        path.write_text(FILE.replace("glucose", "sugar").replace("Half marks", "No half marks"))
        call_command("import_exam", path, by="alice")
        told = capsys.readouterr().out
        assert "changed: the instructions; the rubric: version 2, beside version 1" in told
        assert "other answers in it for Q1." in told
        assert "kept, since the file has none: answer or guidance of Q2a" in told
        assert "rubric version 2, new" in told
        assert "answer key: 2 of 5 answers; none for Q2b, N, S" in told
        assert "samples: 1; no longer fit the rubric: Full marks" in told

    def test_without_a_name_it_is_the_first_admin(self, path, admin, x_b):
        call_command("import_exam", path)
        assert Exam.objects.get().created_by == admin

    def test_it_makes_the_class_when_asked(self, path, admin):
        call_command("import_exam", path, create_class=True)
        assert SchoolClass.objects.get().name == "X-B"

    def test_a_bad_file_is_refused_with_every_problem(self, path, admin, x_b):
        path.write_text(FILE.replace("max_marks", "max_mark"))
        with pytest.raises(CommandError, match=r"(?s)Q1.*Q2a.*Q2b"):
            call_command("import_exam", path)
        assert not Exam.objects.exists()

    def test_a_student_or_nobody_cannot_be_its_maker(self, path, carol):
        with pytest.raises(CommandError, match="no teacher or admin named 'carol'"):
            call_command("import_exam", path, by="carol")
        with pytest.raises(CommandError, match="no admin yet"):
            call_command("import_exam", path)

    def test_a_missing_file_is_named(self, tmp_path, admin):
        with pytest.raises(CommandError, match=r"nothing\.yaml: No such file"):
            call_command("import_exam", tmp_path / "nothing.yaml")


def test_a_rubric_made_in_pieces_writes_the_same_file(alice, x_b):
    exam = import_exam(read_exam_file(FILE.encode()), by=alice)
    before = write_exam_file(exam)
    save_rubric(exam, items_as_values(items_of(current_rubric(exam))), by=alice)
    assert write_exam_file(exam) == before


def test_two_classes_may_have_the_same_exam(alice, x_b):
    make_class("X-D", alice)
    import_exam(read_exam_file(FILE.encode()), by=alice)
    import_exam(read_exam_file(FILE.replace("X-B", "X-D").encode()), by=alice)
    assert Exam.objects.count() == 2

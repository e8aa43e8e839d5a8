"""The demo: its papers are what they say they are, and its class is made once."""

from __future__ import annotations

import io
import stat
import zipfile
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pdf2image import pdfinfo_from_path
from pdf2image.exceptions import PDFPageCountError, PDFSyntaxError
from PIL import Image, ImageOps

from accounts.models import Enrolment, Role, User
from batching.sweep import due_work
from exams.models import Exam, Page, Sheet, SheetState
from exams.rubrics import current_rubric, leaves, rubric_total
from grading.demo import cast, routine, seed
from grading.demo.papers import HANDS, FontMissing, Hand, draw_pages, write_papers

TITLE = "The water cycle"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The ZIP of the demo, with its truth; drawn once for all tests."""
    path = tmp_path_factory.mktemp("demo") / "papers.zip"
    truth = write_papers(path, TITLE, cast.PAPERS, seed=seed.SEED)
    return path, truth


def test_the_papers_have_all_that_a_real_pile_has(archive, tmp_path):
    path, truth = archive
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path)
    kinds = {paper.file.rpartition(".")[2] for paper in truth if not paper.file.endswith("/")}
    assert kinds == {"pdf", "png"}
    assert any(paper.file.endswith("/") for paper in truth)
    assert {"upside down", "sideways", "blank last page", "damaged", "faint"} <= {
        oddity for paper in truth for oddity in paper.odd
    }
    for paper in truth:
        if not paper.file.endswith(".pdf"):
            continue
        if "damaged" in paper.odd:
            with pytest.raises((PDFPageCountError, PDFSyntaxError)):
                pdfinfo_from_path(tmp_path / paper.file)
        else:
            assert pdfinfo_from_path(tmp_path / paper.file)["Pages"] == paper.pages


def test_the_same_seed_draws_the_same_bytes_and_another_seed_other_bytes(tmp_path):
    def drawn(seed: int) -> bytes:
        path = tmp_path / "papers.zip"
        write_papers(path, TITLE, cast.PAPERS[:2], seed=seed)
        return path.read_bytes()

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_photo_lies_on_its_side_and_says_so(archive):
    path, truth = archive
    folder = next(paper.file for paper in truth if paper.file.endswith("/"))
    with zipfile.ZipFile(path) as opened:
        photo = Image.open(io.BytesIO(opened.read(f"{folder}photo_1.jpg")))
    assert photo.width > photo.height
    upright = ImageOps.exif_transpose(photo)
    assert upright.height > upright.width


def test_each_paper_is_worth_what_its_answers_are_worth(archive):
    _, truth = archive
    best, worst = truth[6], truth[-1]
    assert (best.total, worst.total) == (Decimal(16), Decimal(0))
    assert all(set(paper.marks) == set(cast.ANSWERS) for paper in truth)


def test_a_missing_font_is_named_with_the_package_it_comes_in():
    nowhere = Hand("/usr/share/fonts/truetype/gone.ttf", "fonts-gone", 40, 10)
    with pytest.raises(FontMissing, match=r"gone\.ttf.*apt-get install fonts-gone"):
        draw_pages(TITLE, cast.PAPERS[0], nowhere, np.random.default_rng(1))


def test_the_demo_makes_its_class_exam_and_papers_once(db):
    call_command("seed_demo", verbosity=0)
    call_command("seed_demo", verbosity=0)
    exam = Exam.objects.get(title=TITLE)
    assert exam.school_class.name == cast.CLASS_NAME
    assert Enrolment.objects.filter(school_class=exam.school_class).count() == len(cast.STUDENTS)
    assert exam.uploads.count() == 1
    rubric = current_rubric(exam)
    assert [leaf.code for leaf in leaves(rubric)] == list(cast.ANSWERS)
    assert rubric_total(rubric) == Decimal(16)


def test_every_answer_of_the_cast_is_worth_a_mark_that_the_rubric_allows(db):
    rubric = current_rubric(seed.seed_exam())
    for leaf in leaves(rubric):
        for marks, _ in cast.ANSWERS[leaf.code].values():
            assert leaf.floor <= Decimal(marks) <= leaf.ceiling
            assert Decimal(marks) % leaf.step == 0


def test_the_printed_passwords_open_the_door_and_stay_the_same(client, db, settings, capsys):
    seed.seed_exam()
    first = seed.sign_ins()
    seed.seed_exam()
    assert seed.sign_ins() == first
    assert [sign_in.role for sign_in in first] == [Role.TEACHER, Role.STUDENT, Role.ADMIN]
    for sign_in in first:
        user = User.objects.get(username=sign_in.username)
        assert user.role == sign_in.role
        assert user.check_password(sign_in.password)
    kept = settings.SHEAF_DATA_DIR / "demo-passwords"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_password_that_a_person_changed_is_neither_printed_nor_set_back(db):
    seed.seed_exam()
    teacher = User.objects.get(username=cast.TEACHER.username)
    teacher.set_password("my own words")
    teacher.save()
    seed.seed_exam()
    assert User.objects.get(pk=teacher.pk).check_password("my own words")
    assert seed.sign_ins()[0].password == ""


def test_the_demo_does_not_touch_an_admin_who_was_there_before(db):
    admin = User.objects.create_superuser(
        "admin", "head@school.example", "their password", name="The head"
    )
    with pytest.raises(CommandError, match=r"another user called admin.*SHEAF_DATA_DIR"):
        call_command("seed_demo", verbosity=0)
    assert User.objects.get(pk=admin.pk).check_password("their password")
    assert not Exam.objects.exists()


def test_the_demo_does_not_run_in_production(db, settings):
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="SHEAF_ENV=production"):
        call_command("seed_demo")
    assert not User.objects.exists()


def test_an_unknown_provider_is_named_with_those_there_are(db):
    with pytest.raises(CommandError, match=r"No provider is called 'cleverest'.*offline"):
        call_command("seed_demo", provider="cleverest")


@pytest.mark.slow
def test_the_demo_runs_from_the_zip_to_graded_sheets_and_leaves_the_review_to_a_person(db):
    exam = seed.seed_exam()
    papers = [paper for paper in cast.PAPERS if paper.odd]
    assert seed.seed_papers(exam, papers)
    taken = [routine.Step.WAIT]
    for _ in range(100):
        for work in list(due_work()):
            work.do()
        taken.append(routine.take_step(exam, provider="offline", by=exam.created_by))
        if taken[-1] in routine.FINAL_STEPS:
            break
    assert [step for step in taken if step is not routine.Step.WAIT] == [
        routine.Step.MAPPED,
        routine.Step.SENT,
        routine.Step.DONE,
    ]
    states = dict(Sheet.objects.filter(exam=exam).values_list("name", "state"))
    assert len(states) == len(papers)
    assert list(states.values()).count(SheetState.GRADED) >= len(papers) - 2
    assert states["scan_0006.pdf"] == SheetState.FAILED
    pages = Page.objects.filter(sheet__exam=exam)
    assert {page.turned for page in pages} >= {180, 90}
    assert pages.filter(is_blank=True).count() == 1
    assert routine.take_step(exam, provider="offline", by=exam.created_by) is routine.Step.DONE


def test_the_teacher_of_the_demo_waits_while_papers_are_read(db):
    exam = seed.seed_exam()
    seed.seed_papers(exam, cast.PAPERS[:1])
    step = routine.take_step(exam, provider="offline", by=exam.created_by)
    assert step is routine.Step.WAIT
    assert not exam.runs.exists()


def test_every_hand_of_the_demo_is_a_font_that_setup_installs():
    script = (cast.EXAM_FILE.parents[2] / ".ci/setup.sh").read_text()
    assert all(hand.package in script for hand in HANDS)

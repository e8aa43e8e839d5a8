"""The pages of exams: who may open them, and what they do."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import User
from accounts.queries import classes_for
from exams.forms import ExamForm
from exams.models import Exam
from exams.rubric_files import write_exam_file
from exams.rubrics import current_rubric
from exams.samples import save_sample
from tests.exams.test_samples import marks
from tests.factories import make_exam, make_sheet

FILE = """\
exam: Physics test
class: X-B
subject: Physics
rubric_items:
  - {id: Q1, description: What is a force?, max_marks: 2}
"""


@pytest.fixture
def places(exam, alice, carols_enrolment) -> dict[str, str]:
    """An address of each page of this module's concern, and how it is asked.

    Carol has a published sheet in the exam: she knows that it exists, and no more.
    """
    make_sheet(exam, state="published", enrolment=carols_enrolment)
    sheet = make_sheet(exam, state="skipped")
    sample = save_sample(sheet, title="Full", marks=marks(), by=alice)
    plain = make_sheet(exam, state="skipped")
    return {
        "exams:exam_detail": reverse("exams:exam_detail", args=[exam.pk]),
        "exams:exam_edit": reverse("exams:exam_edit", args=[exam.pk]),
        "exams:exam_file": reverse("exams:exam_file", args=[exam.pk]),
        "exams:rubric": reverse("exams:rubric", args=[exam.pk]),
        "exams:answer_key": reverse("exams:answer_key", args=[exam.pk]),
        "exams:samples": reverse("exams:samples", args=[exam.pk]),
        "exams:sample_choose": reverse("exams:sample_choose", args=[exam.pk])
        + f"?sheet={plain.pk}",
        "exams:sample_edit": reverse("exams:sample_edit", args=[sheet.pk]),
        "POST exams:answer_key_read": reverse("exams:answer_key_read", args=[exam.pk]),
        "POST exams:answer_key_drop": reverse("exams:answer_key_drop", args=[exam.pk]),
        "POST exams:sample_remove": reverse("exams:sample_remove", args=[sample.pk]),
        "POST exams:exam_edit": reverse("exams:exam_edit", args=[exam.pk]),
        "POST exams:rubric_edit": reverse("exams:rubric_edit", args=[exam.pk]),
        "POST exams:rubric_text": reverse("exams:rubric_text", args=[exam.pk]),
        "POST exams:answer_key": reverse("exams:answer_key", args=[exam.pk]),
        "POST exams:sample_edit": reverse("exams:sample_edit", args=[sheet.pk]),
    }


def hidden_seen(answer) -> str:
    """The fingerprint that the form of a page carries along."""
    return re.search(r'name="seen" value="(\w+)"', answer.content.decode())[1]


def seen(browser, url: str) -> str:
    return hidden_seen(browser.get(url))


def ask(client, name: str, url: str):
    return client.post(url) if name.startswith("POST") else client.get(url)


def test_nobody_signed_in_is_sent_to_the_sign_in_page(client, places):
    for name, url in {**places, "list": "/exams/", "new": "/exams/new/"}.items():
        answer = ask(client, name, url)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("accounts:login")), name


def test_a_student_gets_404_everywhere(sign_in, carol, places):
    browser = sign_in(carol)
    for name, url in {**places, "list": "/exams/", "new": "/exams/new/"}.items():
        assert ask(browser, name, url).status_code == 404, name


def test_another_teacher_gets_404_everywhere_and_changes_nothing(sign_in, bob, places, exam):
    before = write_exam_file(exam)
    browser = sign_in(bob)
    for name, url in places.items():
        assert ask(browser, name, url).status_code == 404, name
    assert write_exam_file(Exam.objects.get()) == before
    assert exam.samples.count() == 1


@pytest.mark.parametrize("who", ["alice", "admin"])
def test_the_own_teacher_and_an_admin_see_them(sign_in, places, who, request):
    browser = sign_in(request.getfixturevalue(who))
    for name, url in places.items():
        if not name.startswith("POST"):
            assert browser.get(url, follow=True).status_code == 200, name
    assert browser.get("/exams/").status_code == 200
    assert browser.get("/exams/new/").status_code == 200


def test_looking_writes_nothing(sign_in, alice, places, django_assert_max_num_queries):
    browser = sign_in(alice)
    for name, url in places.items():
        if name.startswith("POST"):
            continue
        with django_assert_max_num_queries(15) as done:
            browser.get(url)
        words = {query["sql"].split()[0] for query in done.captured_queries}
        assert not words & {"INSERT", "UPDATE", "DELETE"}, name


class TestTheList:
    def test_a_teacher_sees_the_own_exams_and_where_they_stand(self, sign_in, alice, exam, x_c):
        make_exam(x_c, title="A stranger's exam")
        make_sheet(exam, state="graded", pages=0)
        text = sign_in(alice).get("/exams/").content.decode()
        assert exam.title in text
        assert "1 to review" in text
        assert "stranger" not in text

    def test_a_long_list_costs_a_handful_of_queries(
        self, sign_in, alice, x_b, django_assert_max_num_queries
    ):
        for number in range(12):
            made = make_exam(x_b, title=f"Exam {number}")
            make_sheet(made, state="mapped", pages=0)
        browser = sign_in(alice)
        # Besides session, user and the bell of every page.
        with django_assert_max_num_queries(5 + 3):
            assert browser.get("/exams/").status_code == 200

    def test_without_exams_it_says_what_to_do(self, sign_in, alice, bob, x_b):
        assert "Make an exam" in sign_in(alice).get("/exams/").content.decode()
        assert "No class yet" in sign_in(bob).get("/exams/").content.decode()


class TestMakingOne:
    def test_from_a_pasted_file(self, sign_in, alice, x_b):
        answer = sign_in(alice).post("/exams/new/", {"text": FILE})
        exam = Exam.objects.get()
        assert answer["Location"] == reverse("exams:exam_detail", args=[exam.pk])
        assert (exam.title, exam.created_by) == ("Physics test", alice)
        assert current_rubric(exam).version == 1

    def test_a_file_that_is_too_large_is_told_with_its_size_and_the_limit(
        self, sign_in, alice, x_b
    ):
        file = SimpleUploadedFile("exam.yaml", b"#" * 2_345_678)
        answer = sign_in(alice).post("/exams/new/", {"file": file})
        assert answer.status_code == 422
        assert "at most 1 MB, and this one has 2.4 MB" in answer.text

    def test_from_an_uploaded_file(self, sign_in, alice, x_b):
        file = SimpleUploadedFile("exam.yaml", FILE.encode("utf-16"))
        assert sign_in(alice).post("/exams/new/", {"file": file}).status_code == 302
        assert Exam.objects.get().title == "Physics test"

    def test_the_file_of_an_exam_that_is_there_says_what_it_changed(self, sign_in, alice, x_b):
        browser = sign_in(alice)

        def told(text: str) -> str:
            return browser.post("/exams/new/", {"text": text}, follow=True).content.decode()

        with_answer = FILE.replace("marks: 2}", "marks: 2, answer: A push or a pull.}")
        assert "was taken from the file" in told(FILE)
        assert "the file changed nothing in it" in told(FILE)
        text = told(with_answer)
        assert "was there already and follows the file now" in text
        assert "the rubric: version 2, beside version 1" in text
        assert "other answers" not in text
        text = told(FILE)
        assert "the file changed nothing in it" in text
        assert "and they were kept: Q1." in text
        assert "other answers in it for Q1" in told(with_answer.replace("a pull", "two"))

    def test_a_bad_file_is_422_with_every_problem_and_keeps_the_text(self, sign_in, alice, x_b):
        bad = FILE.replace("max_marks: 2", "max_marks: 0").replace("subject:", "subjet:")
        answer = sign_in(alice).post("/exams/new/", {"text": bad})
        text = answer.content.decode()
        assert answer.status_code == 422
        assert "Q1, line 5: max_marks must be &gt; 0" in text
        assert "did you mean" in text
        assert "What is a force?" in text
        assert not Exam.objects.exists()

    @pytest.mark.parametrize("data", [{}, {"text": FILE, "file": "both"}])
    def test_it_is_either_a_file_or_a_text(self, sign_in, alice, x_b, data):
        if "file" in data:
            data = {**data, "file": SimpleUploadedFile("exam.yaml", FILE.encode())}
        answer = sign_in(alice).post("/exams/new/", data)
        assert answer.status_code == 422
        assert "one of the two" in answer.content.decode()

    def test_the_class_of_another_teacher_looks_like_a_missing_one(self, sign_in, alice, x_b, x_c):
        for name in ("X-C", "X-Z"):
            answer = sign_in(alice).post("/exams/new/", {"text": FILE.replace("X-B", name)})
            assert answer.status_code == 422
            assert f"you have no class named &#x27;{name}&#x27;" in answer.content.decode()
        assert not Exam.objects.exists()

    def test_by_hand_and_then_the_rubric(self, sign_in, alice, x_b):
        data = {"by_hand": "1", "title": "Essay", "school_class": x_b.pk, "subject_name": "English"}
        answer = sign_in(alice).post("/exams/new/", data)
        exam = Exam.objects.get()
        assert answer["Location"] == reverse("exams:rubric", args=[exam.pk])
        assert (exam.subject.name, exam.created_by) == ("English", alice)
        assert exam.history.get().history_user == alice

    def test_typing_is_the_main_way_and_a_file_the_other(self, sign_in, alice, x_b):
        page = sign_in(alice).get("/exams/new/").content.decode().split("<main")[1]
        assert re.findall(r'class="btn (btn-[a-z-]+)" type="submit"', page) == [
            "btn-primary",
            "btn-outline-primary",
        ]
        assert page.index('name="by_hand"') < page.index('type="file"')

    def test_by_hand_never_for_another_teachers_class(self, sign_in, alice, x_b, x_c):
        data = {"by_hand": "1", "title": "Essay", "school_class": x_c.pk, "subject_name": "English"}
        assert sign_in(alice).post("/exams/new/", data).status_code == 422
        assert not Exam.objects.exists()

    def test_the_same_title_and_date_is_refused(self, sign_in, alice, exam):
        data = {
            "by_hand": "1",
            "title": exam.title,
            "school_class": exam.school_class_id,
            "subject_name": "Biology",
        }
        answer = sign_in(alice).post("/exams/new/", data)
        assert answer.status_code == 422
        assert "has an exam with this title" in answer.content.decode()

    def test_a_second_click_that_overtakes_the_first_is_told_so(self, alice, exam):
        """Both clicks were checked before either saved: the database decides."""
        data = {"title": "Essay", "school_class": exam.school_class_id, "subject_name": "English"}
        first, second = (ExamForm(data, classes=classes_for(alice)) for _ in range(2))
        for form in (first, second):
            assert form.is_valid()
            form.instance.created_by = alice
        first.save_exam()
        with pytest.raises(ValidationError, match="has an exam with this title"):
            second.save_exam()
        assert Exam.objects.filter(title="Essay").count() == 1

    def test_a_missing_title_is_422(self, sign_in, alice, x_b):
        data = {"by_hand": "1", "title": "", "school_class": x_b.pk, "subject_name": "English"}
        assert sign_in(alice).post("/exams/new/", data).status_code == 422


class TestOneExam:
    def test_it_shows_where_it_stands_and_the_next_thing(self, sign_in, alice, exam):
        make_sheet(exam, state="pending_mapping", pages=0)
        text = sign_in(alice).get(reverse("exams:exam_detail", args=[exam.pk])).content.decode()
        assert "Confirm students" in text
        assert "1 sheet without a confirmed student" in text

    def test_editing_keeps_the_class_and_writes_history(self, sign_in, alice, exam):
        data = {
            "title": "New title",
            "subject_name": "Botany",
            "date": "2026-11-02",
            "instructions": "a\r\nb",
            "school_class": "999",
        }
        url = reverse("exams:exam_edit", args=[exam.pk])
        browser = sign_in(alice)
        assert browser.post(url, data | {"seen": seen(browser, url)}).status_code == 302
        stored = Exam.objects.get()
        assert (stored.title, stored.subject.name) == ("New title", "Botany")
        assert (stored.instructions, stored.school_class) == ("a\nb", exam.school_class)
        assert stored.created_by == alice
        assert stored.history.count() == 2

    def test_of_two_who_edit_the_second_sees_both_and_who_was_faster(
        self, sign_in, alice, admin, exam
    ):
        url = reverse("exams:exam_edit", args=[exam.pk])
        facts = {"title": exam.title, "subject_name": "Biology", "date": ""}
        first, second = sign_in(admin), sign_in(alice)
        typed = facts | {"instructions": "Mine.", "seen": seen(second, url)}
        faster = facts | {"instructions": "An hour of work.", "seen": seen(first, url)}
        assert first.post(url, faster).status_code == 302
        answer = second.post(url, typed)
        text = answer.content.decode()
        assert answer.status_code == 409
        assert "Admin saved this exam on" in text
        assert "An hour of work." in text
        assert "Mine.</textarea>" in text
        assert Exam.objects.get().instructions == "An hour of work."
        again = typed | {"seen": hidden_seen(answer)}
        assert second.post(url, again).status_code == 302
        assert Exam.objects.get().instructions == "Mine."

    def test_a_conflict_writes_dates_and_sums_in_the_readers_form(
        self, sign_in, alice, admin, exam
    ):
        url = reverse("exams:exam_edit", args=[exam.pk])
        facts = {"title": exam.title, "subject_name": "Biology", "date": ""}
        User.objects.filter(pk=alice.pk).update(language="de")
        first, second = sign_in(admin), sign_in(alice)
        typed = facts | {"instructions": "Mine.", "seen": seen(second, url)}
        faster = facts | {"date": "2026-11-02", "spending_cap": "2.50", "seen": seen(first, url)}
        assert first.post(url, faster).status_code == 302
        stored = second.post(url, typed).context["saved"]
        assert {"02.11.2026", "2,50"} <= set(map(str, stored.values())), stored

    def test_a_second_click_on_save_is_no_conflict(self, sign_in, alice, exam):
        url = reverse("exams:exam_edit", args=[exam.pk])
        browser = sign_in(alice)
        data = {"title": "New title", "subject_name": "Biology", "seen": seen(browser, url)}
        assert [browser.post(url, data).status_code for _ in range(2)] == [302, 302]

    def test_correcting_an_invalid_edit_is_no_way_around_a_conflict(self, sign_in, alice, exam):
        url = reverse("exams:exam_edit", args=[exam.pk])
        browser = sign_in(alice)
        data = {"title": "", "subject_name": "Biology", "seen": seen(browser, url)}
        exam.instructions = "An hour of work."
        exam.save()
        answer = browser.post(url, data)
        assert answer.status_code == 422
        corrected = data | {"title": "Other", "seen": hidden_seen(answer)}
        assert browser.post(url, corrected).status_code == 409

    def test_an_invalid_edit_is_422_and_changes_nothing(self, sign_in, alice, exam):
        url = reverse("exams:exam_edit", args=[exam.pk])
        assert sign_in(alice).post(url, {"title": "", "subject_name": "x"}).status_code == 422
        assert Exam.objects.get().title == exam.title

    def test_the_file_is_a_download_that_reads_back(self, sign_in, alice, exam):
        answer = sign_in(alice).get(reverse("exams:exam_file", args=[exam.pk]))
        assert answer["Content-Disposition"] == 'attachment; filename="biology-unit-test-3.yaml"'
        assert answer.content.decode() == write_exam_file(exam)

    def test_what_was_typed_is_escaped(self, sign_in, alice, exam):
        Exam.objects.filter(pk=exam.pk).update(title="<script>alert(1)</script>")
        text = sign_in(alice).get(reverse("exams:exam_detail", args=[exam.pk])).content.decode()
        assert "<script>alert" not in text

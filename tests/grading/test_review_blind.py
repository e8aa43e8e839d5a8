"""Blind review: no name, no roll number, no file name; a shuffled order; who looked is kept."""

import io

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from exams.models import Sheet
from grading import review_blind
from grading.models import Reveal
from tests import factories
from tests.grading.steps import fresh, marks_of, seen, url

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def named_sheet(exam, x_b):
    """A graded sheet whose student, roll number and file are told apart from everything else."""
    student = factories.make_user("zuleika", username="zuleika")
    enrolment = factories.make_enrolment(x_b, student, "77Z777")
    return factories.make_sheet(exam, state="graded", enrolment=enrolment, name="77Z777-scan.pdf")


SECRETS = ("Zuleika", "77Z777")


def addresses(exam, sheet):
    mark = marks_of(sheet)[0]
    return [
        url("review_list", exam),
        f"{url('review_list', exam)}?show=eyes",
        url("review_sheet", sheet),
        url("review_questions", exam),
        reverse("grading:review_question", args=[exam.pk, "Q1"]),
        url("mark_history", mark),
        url("mark_comments", mark),
        url("reveal_log", exam),
    ]


def test_no_page_of_the_review_tells_whose_sheet_it_is(exam, named_sheet, teacher):
    for address in addresses(exam, named_sheet):
        text = teacher.get(address).content.decode()
        assert not [secret for secret in SECRETS if secret in text], address
    mark = marks_of(named_sheet)[0]
    form = {"awarded": "2", "feedback": "", "reason": "x", "version": "1"}
    fragment = teacher.post(url("mark_save", mark), form, **HTMX).content.decode()
    assert not [secret for secret in SECRETS if secret in fragment]
    shown = {"marks_version": seen(named_sheet)}
    page = teacher.post(url("sheet_approve", named_sheet), shown, follow=True).content.decode()
    assert f"{review_blind.sheet_code(named_sheet.pk)} approved" in page
    assert not [secret for secret in SECRETS if secret in page]


def test_a_sheet_that_is_taken_back_is_called_by_its_code(exam, named_sheet, teacher):
    Sheet.objects.filter(pk=named_sheet.pk).update(state="published")
    back = {"reason": "A page is missing"}
    page = teacher.post(url("sheet_take_back", named_sheet), back, follow=True).content.decode()
    assert f"{review_blind.sheet_code(named_sheet.pk)} was taken back" in page
    assert not [secret for secret in SECRETS if secret in page]


def test_the_same_pages_tell_it_when_the_teacher_reviews_with_names(exam, named_sheet, teacher):
    teacher.post(url("exam_names", exam), {"names": "show"})
    for address in addresses(exam, named_sheet)[:5]:
        if "questions/" in address and "Q1" not in address:
            continue
        text = teacher.get(address).content.decode()
        if "show=eyes" not in address:
            assert "Zuleika" in text, address
    teacher.post(url("exam_names", exam), {"names": "hide"})
    assert "Zuleika" not in teacher.get(url("review_sheet", named_sheet)).content.decode()


def test_one_click_shows_one_name_to_one_teacher_and_is_kept(
    exam, named_sheet, teacher, alice, admin, sign_in
):
    other = factories.make_sheet(exam, state="graded")
    for _ in range(2):
        assert teacher.post(url("sheet_reveal", named_sheet)).status_code == 302
    row = Reveal.objects.get()
    assert (row.teacher, row.sheet, row.hidden_at) == (alice, named_sheet, None)
    assert "Zuleika" in teacher.get(url("review_sheet", named_sheet)).content.decode()
    assert (
        other.enrolment.student.name not in teacher.get(url("review_sheet", other)).content.decode()
    )
    assert "Zuleika" not in sign_in(admin).get(url("review_sheet", named_sheet)).content.decode()
    # The log and the history of its marks say so, also after it was hidden again.
    for _ in range(2):
        teacher.post(url("sheet_hide", named_sheet))
    assert fresh(row).hidden_at
    for browser in (teacher, sign_in(admin)):
        log = browser.get(url("reveal_log", exam)).content.decode()
        assert "Alice" in log
        assert review_blind.sheet_code(named_sheet.pk) in log
    history = teacher.get(url("mark_history", marks_of(named_sheet)[0])).content.decode()
    assert "shown to" in history
    teacher.post(url("sheet_reveal", named_sheet))
    assert Reveal.objects.count() == 2


def test_a_click_on_the_whole_exam_is_kept_too(exam, named_sheet, teacher, alice):
    for _ in range(2):
        teacher.post(url("exam_names", exam), {"names": "show"})
    row = Reveal.objects.get()
    assert (row.teacher, row.exam, row.sheet) == (alice, exam, None)
    assert "the whole exam" in teacher.get(url("reveal_log", exam)).content.decode()
    teacher.post(url("exam_names", exam), {"names": "hide"})
    assert fresh(row).hidden_at


def test_the_order_is_shuffled_and_always_the_same(exam, alice, admin):
    pks = [factories.make_sheet(exam, state="graded", pages=0).pk for _ in range(30)]

    def order(teacher):
        rows = Sheet.objects.filter(exam=exam)
        shuffled = rows.order_by(review_blind.shuffled(exam.pk, teacher.pk), "pk")
        return list(shuffled.values_list("pk", flat=True))

    mine = order(alice)
    assert sorted(mine) == pks != mine
    assert mine == order(alice)
    assert mine != order(admin)
    # What comes in later stands between the others and does not move them.
    more = factories.make_sheet(exam, state="graded", pages=0).pk
    assert [pk for pk in order(alice) if pk != more] == mine


def test_every_sheet_has_a_code_of_its_own():
    codes = {review_blind.sheet_code(pk) for pk in range(1, 50_000)}
    assert len(codes) == 49_999
    assert all(len(code) == 5 for code in codes)
    assert review_blind.sheet_code(7) == review_blind.sheet_code(7)


def test_the_list_and_the_way_through_the_sheets_have_one_order(exam, teacher):
    for _ in range(6):
        factories.make_sheet(exam, state="graded", pages=0)
    page = teacher.get(url("review_list", exam))
    listed = [row["review"].split("?")[0] for row in page.context["rows"]]
    walked, address = [], listed[0]
    while address:
        walked.append(address)
        following = teacher.get(address).context["next"]
        address = following and reverse("grading:review_sheet", args=[following])
    assert walked == listed


def test_the_first_page_is_covered_too_where_one_before_it_was_dropped(exam, teacher):
    exam.regions = [{"page": 1, "x": 0.1, "y": 0.1, "w": 0.5, "h": 0.1, "holds": "name"}]
    exam.save()
    sheet = factories.make_sheet(exam, state="graded", pages=3)
    sheet.pages.filter(number=1).update(dropped_at=timezone.now())
    second, third = sheet.pages.filter(dropped_at=None).order_by("number")
    addresses = [reverse("grading:blind_page", args=[one.public_id]) for one in (second, third)]
    first_kept, next_one = (teacher.get(address) for address in addresses)
    assert colour_at(first_kept.content, 0.3, 0.15) == (128, 128, 128)
    assert colour_at(next_one.getvalue(), 0.3, 0.15) == (255, 255, 255)


def colour_at(content: bytes, x: float, y: float):
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    return picture.getpixel((int(x * picture.width), int(y * picture.height)))


def test_the_regions_of_names_are_painted_over_in_the_page_that_is_shown(exam, teacher):
    exam.regions = [{"page": 1, "x": 0.1, "y": 0.1, "w": 0.5, "h": 0.1, "holds": "name"}]
    exam.save()
    sheet = factories.make_sheet(exam, state="graded", pages=2)
    first, second = sheet.pages.order_by("number")
    shown = teacher.get(reverse("grading:blind_page", args=[first.public_id]))
    assert shown["Cache-Control"] == "private, no-store"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert max(abs(part - 128) for part in colour_at(shown.content, 0.3, 0.15)) < 10
    assert min(colour_at(shown.content, 0.3, 0.5)) > 240
    other = teacher.get(reverse("grading:blind_page", args=[second.public_id]))
    assert min(colour_at(b"".join(other.streaming_content), 0.3, 0.15)) > 240
    text = teacher.get(url("review_sheet", sheet)).content.decode()
    assert reverse("exams:page_image", args=[first.public_id]) not in text
    assert "This exam does not say" not in text


def test_a_sheet_whose_names_cannot_be_covered_says_so(exam, sheet, teacher):
    text = teacher.get(url("review_sheet", sheet)).content.decode()
    assert "This exam does not say" in text
    assert reverse("exams:regions", args=[exam.pk]) in text


def test_the_page_with_the_name_is_covered_too_where_a_blank_one_came_before_it(exam, teacher):
    exam.regions = [{"page": 1, "x": 0.1, "y": 0.1, "w": 0.5, "h": 0.1, "holds": "name"}]
    exam.save()
    sheet = factories.make_sheet(exam, state="graded", pages=4)
    sheet.pages.filter(number=1).update(dropped_at=timezone.now())
    sheet.pages.filter(number=2).update(is_blank=True)
    _dropped, _blank, named, after = sheet.pages.order_by("number")
    shown = teacher.get(reverse("grading:blind_page", args=[named.public_id]))
    assert colour_at(shown.content, 0.3, 0.15) == (128, 128, 128)
    other = teacher.get(reverse("grading:blind_page", args=[after.public_id]))
    assert colour_at(other.getvalue(), 0.3, 0.15) == (255, 255, 255)

"""What the mapping page shows: the worst first, in screens, at a fixed cost."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Enrolment
from exams.models import Sheet
from exams.views.mapping_list import ROWS_PER_SCREEN
from tests.exams.clicks import list_address
from tests.factories import make_enrolment, make_exam, make_sheet
from tests.factories_intake import suggested


def test_the_worst_sheets_come_first(sign_in, alice, exam, carols_enrolment, doras_enrolment):
    suggested(exam, carols_enrolment, name="a-certain.pdf")
    suggested(exam, doras_enrolment, certain=False, name="b-doubtful.pdf")
    make_sheet(exam, name="c-unknown.pdf")
    make_sheet(exam, name="d-being-read.pdf", suggested_at=None, inspected_at=None)
    text = sign_in(alice).get(list_address(exam)).text
    names = ["c-unknown.pdf</strong>", "b-doubtful.pdf</strong>", "a-certain.pdf</strong>"]
    places = [text.index(name) for name in [*names, "d-being-read.pdf</strong>"]]
    assert places == sorted(places)


def test_a_suggestion_shows_its_reason_and_how_certain_it_is(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    suggested(exam, carols_enrolment)
    suggested(exam, doras_enrolment, certain=False)
    text = sign_in(alice).get(list_address(exam)).text
    assert text.count("The file name is the roll number.") == 2
    assert '<span class="roll">84B003</span> Carol</strong>' in text
    assert '<span class="roll">17B004</span> Dora</strong>' in text
    assert 'certainty certain">certain<' in text
    assert 'certainty unsure">not sure<' in text


def test_a_suggestion_whose_student_has_a_sheet_by_now_cannot_be_confirmed(
    sign_in, alice, exam, carols_enrolment
):
    suggested(exam, carols_enrolment)
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    text = sign_in(alice).get(list_address(exam)).text
    assert "This student has another sheet by now." in text
    assert 'name="enrolment"' not in text
    assert reverse("exams:map_certain", args=[exam.pk]) not in text


def test_tabs_count_and_show_what_they_say(sign_in, alice, exam):
    states = {
        "open": ["pending_mapping"] * 2,
        "mapped": ["mapped", "in_batch", "graded", "published"],
        "skipped": ["skipped"],
        "failed": ["failed"] * 3,
    }
    for tab, some in states.items():
        for number, state in enumerate(some):
            make_sheet(exam, state=state, name=f"{tab}-{number}.pdf")
    client = sign_in(alice)
    for tab, some in states.items():
        response = client.get(list_address(exam, f"?tab={tab}"))
        assert [row.sheet.name[: len(tab)] for row in response.context["rows"]] == [tab] * len(some)
        counts = {name: count for name, _, count in response.context["tabs"]}
        assert counts == {name: len(states[name]) for name in states}


def test_only_students_without_a_sheet_can_be_chosen(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    make_sheet(exam)
    response = sign_in(alice).get(list_address(exam))
    assert [one.pk for one in response.context["free_students"]] == [doras_enrolment.pk]
    assert '<option value="17B004 Dora">' in response.text
    assert "84B003 Carol" not in response.text


def test_students_without_a_sheet_stand_in_the_order_of_their_roll_numbers(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    make_sheet(exam)
    response = sign_in(alice).get(list_address(exam))
    rolls = [one.roll_number for one in response.context["free_students"]]
    assert rolls == ["17B004", "84B003"]


def test_a_row_shows_the_first_page_that_was_not_dropped(sign_in, alice, exam):
    sheet = make_sheet(exam, pages=3)
    first, second, third = sheet.pages.order_by("number")
    sheet.pages.filter(pk=first.pk).update(dropped_at=timezone.now(), is_blank=True)
    sheet.pages.filter(pk=second.pk).update(number=9, is_faint=True)
    text = sign_in(alice).get(list_address(exam)).text
    assert reverse("exams:page_image", args=[third.public_id]) in text
    assert reverse("exams:page_image", args=[second.public_id]) not in text
    assert ">2 pages</a><span>1 faint</span></p>" in text


def test_a_long_list_comes_in_screens_of_fifty(sign_in, alice, exam):
    for _ in range(ROWS_PER_SCREEN + 3):
        make_sheet(exam, pages=0)
    client = sign_in(alice)
    assert len(client.get(list_address(exam)).context["rows"]) == ROWS_PER_SCREEN
    assert len(client.get(list_address(exam, "?page=2")).context["rows"]) == 3


def test_sixty_sheets_cost_as_many_queries_as_five(sign_in, alice, exam, django_assert_num_queries):
    client = sign_in(alice)
    # Session, user, bell; exam with students, sheets with pages.
    for more in (5, 55):
        for _ in range(more):
            suggested(exam, make_enrolment(exam.school_class), pages=2)
        with django_assert_num_queries(5):
            assert client.get(list_address(exam)).status_code == 200


def test_an_exam_without_sheets_says_what_to_do(sign_in, alice, exam):
    text = sign_in(alice).get(list_address(exam)).text
    assert "No sheets yet" in text
    assert reverse("exams:upload_create", args=[exam.pk]) in text


@pytest.mark.parametrize("tab", ["open", "mapped", "skipped", "failed"])
def test_an_empty_tab_says_what_to_do(sign_in, alice, exam, tab):
    make_sheet(exam, state="failed" if tab == "skipped" else "skipped")
    if tab == "skipped":
        assert not Sheet.objects.filter(state="skipped").exists()
    text = sign_in(alice).get(list_address(exam, f"?tab={tab}")).text
    assert 'class="empty-title"' in text


def test_a_name_from_a_zip_is_only_text(sign_in, alice, exam):
    make_sheet(exam, name="<script>alert(1)</script>.pdf")
    assert "<script>alert" not in sign_in(alice).get(list_address(exam)).text


def test_sheets_of_another_exam_of_the_class_stay_out(sign_in, alice, exam, x_b):
    other = make_exam(x_b, by=alice)
    make_sheet(other, state="mapped", enrolment=make_enrolment(x_b))
    make_sheet(exam)
    response = sign_in(alice).get(list_address(exam))
    assert response.context["sheet_count"] == 1
    assert len(response.context["free_students"]) == Enrolment.objects.count()


def test_a_click_that_comes_too_late_is_answered_with_the_row_and_the_reason(sign_in, alice, exam):
    sheet = make_sheet(exam, state="graded")
    address = reverse("exams:sheet_skip", args=[sheet.pk])
    answer = sign_in(alice).post(address, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert f'id="sheet-{sheet.pk}"' in answer.text
    assert "This sheet cannot be left out: its state is" in answer.text


# -- news ---------------------------------------------------------------------------------


def news(client, exam, *waiting, query=""):
    address = reverse("exams:mapping_progress", args=[exam.pk])
    return client.get(address + query, {"waiting": [sheet.pk for sheet in waiting]})


def test_the_page_asks_for_news_while_sheets_are_read(sign_in, alice, exam, carols_enrolment):
    suggested(exam, carols_enrolment)
    reading = make_sheet(exam, suggested_at=None, inspected_at=None)
    client = sign_in(alice)
    text = client.get(list_address(exam)).text
    assert f'hx-get="{reverse("exams:mapping_progress", args=[exam.pk])}?tab=open' in text
    assert text.count('name="waiting"') == 1
    assert f'name="waiting" value="{reading.pk}"' in text
    assert "1 of 2" in text
    answer = news(client, exam, reading).text
    assert 'hx-trigger="every 3s"' in answer
    assert "data-row" not in answer
    assert "mapping-summary" not in answer
    assert "<html" not in answer


def test_news_bring_the_rows_whose_suggestion_has_come_and_then_stop(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    one = make_sheet(exam, suggested_at=None, inspected_at=None)
    two = make_sheet(exam, suggested_at=None, inspected_at=None)
    client = sign_in(alice)
    now = one.rendered_at
    Sheet.objects.filter(pk=one.pk).update(
        inspected_at=now, suggested_at=now, suggested_enrolment=carols_enrolment
    )
    suggested(exam, doras_enrolment)
    first = news(client, exam, one, two)
    assert [row.sheet for row in first.context["rows"]] == [one]
    assert f'id="sheet-{one.pk}"' in first.text
    assert f'id="sheet-{two.pk}"' not in first.text
    assert first.text.count('hx-swap-oob="true"') == 3  # the row, the summary, the students
    assert "hx-trigger" in first.text
    Sheet.objects.filter(pk=two.pk).update(inspected_at=now, suggested_at=now)
    assert "hx-trigger" not in news(client, exam, two).text


def test_news_tell_nothing_of_another_exam(sign_in, alice, exam, x_b, carols_enrolment):
    foreign = make_sheet(make_exam(x_b, by=alice))
    suggested(exam, carols_enrolment)
    assert news(sign_in(alice), exam, foreign).context["rows"] == []


def test_news_cost_the_same_for_one_row_and_for_many(
    sign_in, alice, exam, django_assert_num_queries
):
    client = sign_in(alice)
    for more in (1, 30):
        for _ in range(more):
            suggested(exam, make_enrolment(exam.school_class))
        with django_assert_num_queries(5):
            news(client, exam, *exam.sheets.all())


# -- search -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["84b003", "carol", "b003 CAR", "monday"])
def test_a_mapped_sheet_is_found_by_roll_number_name_or_file(
    sign_in, alice, exam, carols_enrolment, doras_enrolment, words
):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment, name="monday.pdf")
    make_sheet(exam, state="graded", enrolment=doras_enrolment, name="friday.pdf")
    response = sign_in(alice).get(list_address(exam), {"tab": "mapped", "q": words})
    assert '<span class="roll">84B003</span> Carol</strong>' in response.text
    assert [row.sheet.name for row in response.context["rows"]] == ["monday.pdf"]
    assert f'name="q" value="{words}"' in response.text


def test_a_search_is_kept_from_screen_to_screen_and_after_a_click(sign_in, alice, exam):
    for number in range(ROWS_PER_SCREEN + 1):
        sheet = make_sheet(exam, state="mapped", name=f"scan-{number}.pdf", pages=0)
    make_sheet(exam, state="mapped", name="other.pdf", pages=0)
    client = sign_in(alice)
    response = client.get(list_address(exam), {"tab": "mapped", "q": "scan", "page": "2"})
    assert len(response.context["rows"]) == 1
    assert "?page=1&amp;tab=mapped&amp;q=scan" in response.text
    data = {"tab": "mapped", "q": "scan", "page": "2", "seen": sheet.enrolment_id}
    answer = client.post(reverse("exams:sheet_unmap", args=[sheet.pk]), data)
    assert answer.url == list_address(exam, "?tab=mapped&q=scan&page=2")


def test_a_search_without_a_result_says_so(sign_in, alice, exam):
    make_sheet(exam, state="mapped")
    response = sign_in(alice).get(list_address(exam), {"tab": "mapped", "q": "<b>nobody"})
    assert "Nothing found" in response.text
    assert "<b>nobody" not in response.text


@pytest.mark.parametrize("odd", ["9" * 5000, "9" * 19, "\x00"])
def test_what_no_form_of_ours_sends_is_answered_and_no_error(sign_in, alice, exam, odd):
    sheet = make_sheet(exam)
    client = sign_in(alice)
    chosen = client.post(reverse("exams:sheet_map", args=[sheet.pk]), {"enrolment": odd})
    assert chosen.status_code == 422
    assert client.get(list_address(exam), {"q": odd, "page": odd}).status_code == 200
    progress = reverse("exams:mapping_progress", args=[exam.pk])
    assert client.get(progress, {"waiting": odd}).status_code == 200

"""A page goes to another sheet of the exam, and back: both sheets stay in order, with history."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from batching.conflicts import Conflict
from exams.models import Page, Sheet
from exams.pages import drop_page, give_page
from tests.exams.clicks import HTMX
from tests.factories import make_exam, make_sheet


@pytest.fixture
def sheet(exam):
    return make_sheet(exam, pages=3)


@pytest.fixture
def other(exam, carols_enrolment):
    return make_sheet(exam, state="mapped", enrolment=carols_enrolment, pages=2)


def page_of(sheet, number):
    return sheet.pages.get(number=number)


def order(sheet):
    return list(sheet.pages.order_by("number").values_list("number", "public_id"))


def give(client, page, **data):
    return client.post(reverse("exams:page_give", args=[page.public_id]), data)


def test_a_page_becomes_the_last_of_the_other_sheet_and_those_behind_it_close_up(
    sheet, other, alice
):
    first, second, third = sheet.pages.order_by("number")
    give_page(second, other, by=alice)
    assert order(sheet) == [(1, first.public_id), (2, third.public_id)]
    assert order(other)[-1] == (3, second.public_id)


def test_doing_it_twice_changes_nothing_the_second_time(sheet, other, alice):
    page = page_of(sheet, 1)
    give_page(page, other, by=alice)
    before = order(sheet), order(other), other.history.count()
    give_page(page, other, by=alice)
    assert (order(sheet), order(other), other.history.count()) == before


def test_back_at_its_place_everything_is_as_it_was(sheet, other, alice):
    before = order(sheet), order(other)
    page = page_of(sheet, 2)
    give_page(page, other, by=alice)
    give_page(page, sheet, to=2, by=alice)
    assert (order(sheet), order(other)) == before


def test_both_sheets_tell_of_it_in_their_history(sheet, other, alice):
    give_page(page_of(sheet, 2), other, by=alice)
    gone, come = sheet.history.latest(), other.history.latest()
    assert gone.history_user == come.history_user == alice
    assert other.name in gone.history_change_reason
    assert sheet.name in come.history_change_reason


def test_a_dropped_page_stays_dropped(sheet, other, alice):
    page = page_of(sheet, 3)
    drop_page(page, by=alice)
    give_page(page, other, by=alice)
    assert Page.objects.get(pk=page.pk).dropped_at


@pytest.mark.parametrize("state", ["jsonl_ready", "in_batch", "graded", "published", "failed"])
def test_past_mapping_neither_gives_nor_takes(sheet, exam, alice, state):
    done = make_sheet(exam, state=state, pages=2)
    for page, target in ((page_of(sheet, 1), done), (page_of(done, 1), sheet)):
        with pytest.raises(Conflict):
            give_page(page, target, by=alice)
    assert sheet.pages.count() == 3
    assert done.pages.count() == 2


@pytest.mark.parametrize("field", ["rendered_at", "inspected_at"])
def test_a_sheet_that_a_worker_still_reads_is_left_alone(sheet, exam, alice, field):
    busy = make_sheet(exam, **{field: None})
    for page, target in ((page_of(sheet, 1), busy), (page_of(busy, 1), sheet)):
        with pytest.raises(Conflict):
            give_page(page, target, by=alice)


def test_a_page_never_leaves_its_exam(sheet, x_b, alice):
    elsewhere = make_sheet(make_exam(x_b))
    with pytest.raises(ValidationError):
        give_page(page_of(sheet, 1), elsewhere, by=alice)


def test_a_full_sheet_takes_no_more(sheet, other, alice, settings):
    settings.SHEAF_SHEET_MAX_PAGES = 2
    with pytest.raises(ValidationError):
        give_page(page_of(sheet, 1), other, by=alice)


def test_a_sheet_that_is_gone_meanwhile_is_a_conflict(sheet, other, alice):
    Sheet.objects.filter(pk=other.pk).delete()
    with pytest.raises(Conflict):
        give_page(page_of(sheet, 1), other, by=alice)


# -- the page -------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["84B003", "carol", "CAROL", "84B003 Carol · {name}", "{name}"])
def test_the_other_sheet_is_named_by_student_number_or_file(browser, sheet, other, typed):
    assert give(browser, page_of(sheet, 1), sheet=typed.format(name=other.name)).status_code == 302
    assert other.pages.count() == 3


@pytest.mark.parametrize("typed", ["", "nobody", "paper-"])
def test_a_name_that_means_nobody_or_several_is_refused_and_kept(browser, sheet, exam, typed):
    make_sheet(exam), make_sheet(exam)
    answer = give(browser, page_of(sheet, 1), sheet=typed)
    assert answer.status_code == 422
    assert f'value="{typed}"' in answer.text
    assert sheet.pages.count() == 3


def test_the_page_can_be_taken_back_with_one_click(browser, sheet, other):
    before = order(sheet)
    page = page_of(sheet, 2)
    shown = browser.get(give(browser, page, sheet=other.name).url)
    assert "is in “" in shown.text
    answer = give(browser, page, undo=sheet.pk, to=shown.context["given_at"])
    assert answer.url == reverse("exams:sheet_pages", args=[sheet.pk])
    assert order(sheet) == before


def test_htmx_gets_the_grid_of_the_first_sheet_with_the_undo(browser, sheet, other):
    page = page_of(sheet, 2)
    address = reverse("exams:page_give", args=[page.public_id])
    answer = browser.post(address, {"sheet": other.name}, headers=HTMX)
    assert answer.status_code == 200
    assert 'id="undo-give"' in answer.text
    assert "<html" not in answer.text
    assert str(page.public_id) not in [str(one.public_id) for one in answer.context["pages"]]


def test_an_address_that_was_made_up_offers_no_undo(browser, sheet, other, x_c, bob):
    strange = make_sheet(make_exam(x_c, by=bob)).pages.first()
    for given in ("x", str(page_of(sheet, 1).public_id), str(strange.public_id)):
        address = reverse("exams:sheet_pages", args=[sheet.pk])
        assert "undo-give" not in browser.get(address, {"given": given, "at": "1"}).text


@pytest.mark.parametrize("person", ["bob", "carol"])
def test_a_stranger_moves_no_page(request, sign_in, sheet, other, person):
    client = sign_in(request.getfixturevalue(person))
    assert give(client, page_of(sheet, 1), sheet=other.name).status_code == 404
    assert sheet.pages.count() == 3


def test_nobody_takes_a_page_into_an_exam_of_others(browser, sheet, x_c, bob):
    strange = make_sheet(make_exam(x_c, by=bob))
    assert give(browser, page_of(sheet, 1), undo=strange.pk).status_code == 404
    assert give(browser, page_of(sheet, 1), sheet=strange.name).status_code == 422
    assert sheet.pages.count() == 3


def test_a_sheet_without_pages_says_what_to_do(browser, exam, other):
    single = make_sheet(exam)
    page = page_of(single, 1)
    text = browser.get(give(browser, page, sheet=other.name).url).text
    assert "No page is left in this sheet" in text
    assert (
        "still being rendered"
        not in browser.get(reverse("exams:sheet_pages", args=[single.pk])).text
    )

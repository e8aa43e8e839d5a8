"""The pages of a sheet: a teacher turns, drops and reorders them until the sheet is on its way."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.exams.clicks import HTMX, PEOPLE
from tests.factories import make_sheet

WRITES = {
    "page_turn": {"direction": "right"},
    "page_drop": {},
    "page_restore": {},
    "page_move": {"to": "2"},
}


@pytest.fixture
def sheet(exam):
    return make_sheet(exam, pages=3)


def page_of(sheet, number):
    return sheet.pages.get(number=number)


def act(client, name, page, data=None, **extra):
    return client.post(reverse(f"exams:{name}", args=[page.public_id]), data or {}, **extra)


def order(sheet):
    return list(sheet.pages.order_by("number").values_list("public_id", flat=True))


@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_open_the_pages_of_a_sheet(
    request, sign_in, exam, carols_enrolment, person, may
):
    sheet = make_sheet(exam, state="published", enrolment=carols_enrolment)
    client = sign_in(request.getfixturevalue(person))
    response = client.get(reverse("exams:sheet_pages", args=[sheet.pk]))
    assert response.status_code == (200 if may else 404)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_change_pages(request, sign_in, sheet, name, person, may):
    page = page_of(sheet, 1)
    if name == "page_restore":
        page.dropped_at = timezone.now()
        page.save()
    before = sheet.pages.order_by("pk").values()
    before = list(before)
    response = act(sign_in(request.getfixturevalue(person)), name, page, WRITES[name])
    assert response.status_code == (302 if may else 404)
    assert (list(sheet.pages.order_by("pk").values()) != before) == may


@pytest.mark.parametrize("name", WRITES)
def test_a_students_own_published_page_cannot_be_changed_by_them(
    sign_in, exam, carol, carols_enrolment, name
):
    sheet = make_sheet(exam, state="published", enrolment=carols_enrolment)
    assert act(sign_in(carol), name, page_of(sheet, 1), WRITES[name]).status_code == 404


@pytest.mark.parametrize("name", [*WRITES, "sheet_pages"])
def test_somebody_who_is_not_signed_in_is_sent_to_the_sign_in_page(sheet, name):
    thing = sheet.pk if name == "sheet_pages" else page_of(sheet, 1).public_id
    address = reverse(f"exams:{name}", args=[thing])
    response = Client().get(address) if name == "sheet_pages" else Client().post(address)
    assert response.status_code == 302
    assert response.url.startswith(reverse("accounts:login"))


@pytest.mark.parametrize("name", WRITES)
def test_looking_at_an_address_that_changes_pages_changes_nothing(sign_in, alice, sheet, name):
    page = page_of(sheet, 1)
    address = reverse(f"exams:{name}", args=[page.public_id])
    assert sign_in(alice).get(address).status_code == 405


@pytest.mark.parametrize(("direction", "turned"), [("left", 270), ("right", 90)])
def test_a_page_is_turned_by_a_quarter(sign_in, alice, sheet, direction, turned):
    act(sign_in(alice), "page_turn", page_of(sheet, 1), {"direction": direction})
    assert page_of(sheet, 1).turned == turned


def test_a_turned_page_is_shown_under_a_new_address_so_that_no_browser_shows_the_old_one(
    sign_in, alice, sheet
):
    client, page = sign_in(alice), page_of(sheet, 1)
    before = page.thumbnail_sha256[:8]
    response = act(client, "page_turn", page, {"direction": "left"}, headers=HTMX)
    after = page_of(sheet, 1).thumbnail_sha256[:8]
    assert after != before
    assert f"?v={after}" in response.text
    assert f"?v={before}" not in response.text


def test_a_dropped_page_is_taken_in_again(sign_in, alice, sheet):
    client, page = sign_in(alice), page_of(sheet, 2)
    act(client, "page_drop", page)
    page.refresh_from_db()
    assert page.dropped_at
    response = client.get(reverse("exams:sheet_pages", args=[sheet.pk]))
    assert "dropped" in response.text
    assert reverse("exams:page_restore", args=[page.public_id]) in response.text
    act(client, "page_restore", page)
    page.refresh_from_db()
    assert page.dropped_at is None


def test_a_page_moves_later_and_earlier(sign_in, alice, sheet):
    client = sign_in(alice)
    first, second, third = order(sheet)
    act(client, "page_move", page_of(sheet, 1), {"to": "2"})
    assert order(sheet) == [second, first, third]
    act(client, "page_move", page_of(sheet, 3), {"to": "1"})
    assert order(sheet) == [third, second, first]


def test_the_first_page_cannot_move_earlier_and_the_last_not_later(sign_in, alice, sheet):
    text = sign_in(alice).get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    first, _, last = order(sheet)
    for key, page in (("earlier", first), ("later", last)):
        button = text[text.index(f'id="{key}-{page}"') :]
        assert "disabled" in button[: button.index(">")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page_turn", {"direction": "upwards"}),
        ("page_turn", {}),
        ("page_move", {"to": "-1"}),
        ("page_move", {"to": "many"}),
        ("page_move", {}),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_words(sign_in, alice, sheet, name, data):
    before = order(sheet)
    response = act(sign_in(alice), name, page_of(sheet, 1), data)
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert order(sheet) == before


def test_htmx_gets_the_grid_alone(sign_in, alice, sheet):
    response = act(sign_in(alice), "page_drop", page_of(sheet, 1), headers=HTMX)
    assert response.status_code == 200
    assert response.text.lstrip().startswith('<div id="sheet-pages"')
    assert "<html" not in response.text


def test_without_script_the_teacher_comes_back_to_the_page_they_changed(sign_in, alice, sheet):
    page = page_of(sheet, 2)
    response = act(sign_in(alice), "page_drop", page)
    assert response.url == (
        f"{reverse('exams:sheet_pages', args=[sheet.pk])}#page-{page.public_id}"
    )


@pytest.mark.parametrize("state", ["pending_mapping", "mapped", "skipped"])
def test_pages_can_be_changed_while_the_sheet_is_not_on_its_way(sign_in, alice, exam, state):
    sheet = make_sheet(exam, state=state)
    text = sign_in(alice).get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    assert reverse("exams:page_turn", args=[page_of(sheet, 1).public_id]) in text


@pytest.mark.parametrize(
    "state", ["jsonl_ready", "in_batch", "graded", "reviewed", "overridden", "published", "failed"]
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_past_mapping_pages_stay_and_the_page_says_why(
    sign_in, alice, exam, carols_enrolment, state, headers
):
    sheet = make_sheet(exam, state=state, enrolment=carols_enrolment, pages=2)
    client, before = sign_in(alice), order(sheet)
    shown = client.get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    assert "page-tools" not in shown
    assert 'class="alert alert-info"' in shown
    response = act(client, "page_move", page_of(sheet, 1), {"to": "2"}, headers=headers)
    assert response.status_code == 409
    assert 'role="alert"' in response.text
    assert order(sheet) == before


def test_a_sheet_whose_pages_are_not_rendered_yet_says_so(sign_in, alice, exam):
    sheet = make_sheet(exam, pages=0, rendered_at=None, inspected_at=None, suggested_at=None)
    text = sign_in(alice).get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    assert "still being rendered" in text


def test_a_failed_sheet_without_pages_says_where_to_retry_it(sign_in, alice, exam):
    sheet = make_sheet(exam, state="failed", pages=0, problem="The PDF is damaged.")
    text = sign_in(alice).get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    assert "The PDF is damaged." in text
    assert f"{reverse('exams:mapping', args=[exam.pk])}?tab=failed" in text


def test_flags_are_shown(sign_in, alice, exam):
    sheet = make_sheet(exam)
    sheet.pages.update(is_blank=True, is_faint=True, turned=180)
    text = sign_in(alice).get(reverse("exams:sheet_pages", args=[sheet.pk])).text
    assert "blank" in text
    assert "faint" in text
    assert "turned by 180°" in text


def test_sixty_pages_cost_as_many_queries_as_five(
    sign_in, alice, exam, django_assert_max_num_queries
):
    client = sign_in(alice)
    for pages in (5, 60):
        sheet = make_sheet(exam, pages=pages)
        with django_assert_max_num_queries(6):
            assert client.get(reverse("exams:sheet_pages", args=[sheet.pk])).status_code == 200

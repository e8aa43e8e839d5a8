"""The mapping page: who may, and every sheet is one click."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exams import tasks
from tests.exams.clicks import HTMX, PEOPLE, act, list_address
from tests.exams.steps import fresh
from tests.factories import make_enrolment, make_sheet, make_user
from tests.factories_intake import suggested

# What each action needs to begin with, and the state it leads to.
ACTIONS = {
    "sheet_map": ("pending_mapping", "mapped"),
    "sheet_unmap": ("mapped", "pending_mapping"),
    "sheet_skip": ("pending_mapping", "skipped"),
    "sheet_unskip": ("skipped", "pending_mapping"),
    "sheet_retry": ("failed", "pending_mapping"),
}


# -- who may ------------------------------------------------------------------------------


@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_see_the_mapping_page(
    request, sign_in, exam, carols_enrolment, person, may
):
    make_sheet(exam, state="published", enrolment=carols_enrolment)
    client = sign_in(request.getfixturevalue(person))
    assert client.get(list_address(exam)).status_code == (200 if may else 404)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_act_on_a_sheet(
    request, sign_in, exam, doras_enrolment, name, person, may
):
    before, after = ACTIONS[name]
    sheet = make_sheet(exam, state=before)
    data = {"enrolment": doras_enrolment.pk}
    response = act(sign_in(request.getfixturevalue(person)), name, sheet, data)
    assert response.status_code == (302 if may else 404)
    assert fresh(sheet).state == (after if may else before)


@pytest.mark.parametrize("name", ACTIONS)
def test_a_student_cannot_act_on_their_own_published_sheet(
    sign_in, exam, carol, carols_enrolment, name
):
    sheet = make_sheet(exam, state="published", enrolment=carols_enrolment)
    assert act(sign_in(carol), name, sheet).status_code == 404
    assert fresh(sheet).state == "published"


@pytest.mark.parametrize("name", ["mapping", "map_certain", *ACTIONS])
def test_somebody_who_is_not_signed_in_is_sent_to_the_sign_in_page(exam, name):
    thing = make_sheet(exam) if name in ACTIONS else exam
    address = reverse(f"exams:{name}", args=[thing.pk])
    response = Client().get(address) if name == "mapping" else Client().post(address)
    assert response.status_code == 302
    assert response.url.startswith(reverse("accounts:login"))


@pytest.mark.parametrize("name", ["map_certain", *ACTIONS])
def test_looking_at_an_address_that_maps_changes_nothing(sign_in, alice, exam, name):
    thing = make_sheet(exam) if name in ACTIONS else exam
    response = sign_in(alice).get(reverse(f"exams:{name}", args=[thing.pk]))
    assert response.status_code == 405


# -- one sheet ----------------------------------------------------------------------------


def test_a_suggestion_is_confirmed(sign_in, alice, exam, carols_enrolment):
    sheet = suggested(exam, carols_enrolment)
    response = act(sign_in(alice), "sheet_map", sheet, {"enrolment": carols_enrolment.pk})
    assert response.url == list_address(exam, "?tab=open&page=1")
    assert fresh(sheet).enrolment == carols_enrolment


@pytest.mark.parametrize("typed", ["17B004 Dora", "17b004", " 17B004 ", "Dora", "17B004  dora"])
def test_another_student_is_chosen_by_roll_number_or_name(
    sign_in, alice, exam, carols_enrolment, doras_enrolment, typed
):
    sheet = suggested(exam, carols_enrolment)
    act(sign_in(alice), "sheet_map", sheet, {"student": typed})
    assert fresh(sheet).enrolment == doras_enrolment


@pytest.mark.parametrize("typed", ["", "99Z999", "Nobody Here", "17B"])
def test_a_student_who_is_not_in_the_class_is_refused_and_what_was_typed_stays(
    sign_in, alice, exam, doras_enrolment, typed
):
    sheet = make_sheet(exam)
    response = act(sign_in(alice), "sheet_map", sheet, {"student": typed})
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert f'value="{typed}"' in response.text
    assert fresh(sheet).state == "pending_mapping"


def test_a_name_that_two_students_share_is_refused(sign_in, alice, exam, x_b):
    for username in ("sam1", "sam2"):
        make_enrolment(x_b, make_user("Sam", username=username))
    response = act(sign_in(alice), "sheet_map", make_sheet(exam), {"student": "Sam"})
    assert response.status_code == 422
    assert "Type the roll number" in response.text


def test_a_student_of_another_class_cannot_be_mapped(sign_in, alice, exam, x_c):
    foreign, sheet = make_enrolment(x_c), make_sheet(exam)
    for data in ({"enrolment": foreign.pk}, {"student": foreign.roll_number}):
        response = act(sign_in(alice), "sheet_map", sheet, data)
        assert response.status_code == 422
        assert foreign.student.name not in response.text
    assert fresh(sheet).enrolment is None


def test_a_student_never_gets_two_sheets(sign_in, alice, exam, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    sheet = make_sheet(exam)
    response = act(sign_in(alice), "sheet_map", sheet, {"student": "84B003"})
    assert response.status_code == 422
    assert "84B003 Carol already has the sheet" in response.text
    assert fresh(sheet).enrolment is None


def test_a_mapped_sheet_is_given_to_another_student(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    data = {"student": "17B004", "seen": carols_enrolment.pk, "tab": "mapped"}
    response = act(sign_in(alice), "sheet_map", sheet, data)
    assert response.url == list_address(exam, "?tab=mapped&page=1")
    assert fresh(sheet).enrolment == doras_enrolment


def test_a_mapping_is_taken_back(sign_in, alice, exam, carols_enrolment):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    response = act(sign_in(alice), "sheet_unmap", sheet, {"tab": "mapped", "page": "1"})
    assert response.url == list_address(exam, "?tab=mapped&page=1")
    assert fresh(sheet).state == "pending_mapping"
    assert fresh(sheet).enrolment is None


def test_a_sheet_is_skipped_and_taken_in_again(sign_in, alice, exam):
    client, sheet = sign_in(alice), make_sheet(exam)
    act(client, "sheet_skip", sheet)
    assert fresh(sheet).state == "skipped"
    act(client, "sheet_unskip", sheet)
    assert fresh(sheet).state == "pending_mapping"


def test_a_failed_sheet_shows_its_reason_and_is_tried_again(sign_in, alice, exam):
    client = sign_in(alice)
    sheet = make_sheet(exam, state="failed", problem="The PDF is damaged.", pages=0)
    assert "The PDF is damaged." in client.get(list_address(exam, "?tab=failed")).text
    act(client, "sheet_retry", sheet, {"tab": "failed"})
    assert fresh(sheet).state == "pending_mapping"


def test_a_failed_sheet_can_be_left_out_where_it_is_shown(sign_in, alice, exam):
    client = sign_in(alice)
    sheet = make_sheet(exam, state="failed", problem="Unreadable.", pages=0, rendered_at=None)
    address = reverse("exams:sheet_skip", args=[sheet.pk])
    upload = reverse("exams:upload_detail", args=[sheet.upload_id])
    for page in (list_address(exam, "?tab=failed"), upload):
        assert f'formaction="{address}"' in client.get(page).text
    act(client, "sheet_skip", sheet, {"tab": "failed", "seen": ""})
    assert fresh(sheet).state == "skipped"


def test_all_failed_sheets_are_tried_again_at_once(sign_in, alice, exam, carols_enrolment):
    mapped = make_sheet(exam, state="failed", problem="No reply.", enrolment=carols_enrolment)
    unread = make_sheet(exam, state="failed", problem="Damaged.", rendered_at=None, tries=4)
    client = sign_in(alice)
    assert "Try all 2 failed again" in client.get(list_address(exam, "?tab=failed")).text
    assert "failed again" not in client.get(list_address(exam)).text
    response = client.post(reverse("exams:retry_failed", args=[exam.pk]), follow=True)
    assert "2 sheets are tried again." in response.text
    assert (fresh(mapped).state, fresh(mapped).enrolment) == ("mapped", carols_enrolment)
    assert (fresh(unread).state, fresh(unread).tries) == ("pending_mapping", 0)
    assert fresh(unread).history.first().history_user == alice


def test_a_sheet_without_a_page_left_is_refused_with_words(sign_in, alice, exam, carols_enrolment):
    sheet = suggested(exam, carols_enrolment)
    sheet.pages.update(dropped_at=sheet.created_at)
    client = sign_in(alice)
    response = act(client, "sheet_map", sheet, {"enrolment": carols_enrolment.pk}, headers=HTMX)
    assert response.status_code == 422
    assert "Restore a page, or skip the sheet." in response.text
    assert "the certain one" not in client.get(list_address(exam)).text
    assert fresh(sheet).state == "pending_mapping"


@pytest.mark.django_db(transaction=True)
def test_a_decision_holds_while_the_broker_is_down(
    sign_in, alice, exam, carols_enrolment, monkeypatch
):
    rung = []

    def down(*args, **kwargs):
        rung.append(args)
        raise ConnectionRefusedError

    monkeypatch.setattr(tasks.suggest_students, "apply_async", down)
    sheet = make_sheet(exam)
    data = {"enrolment": carols_enrolment.pk}
    assert act(sign_in(alice), "sheet_map", sheet, data).status_code == 302
    assert rung
    assert fresh(sheet).state == "mapped"


def test_a_retry_from_the_uploads_page_leads_back_there(sign_in, alice, exam):
    sheet = make_sheet(exam, state="failed", pages=0)
    response = act(sign_in(alice), "sheet_retry", sheet, {"back": "upload"})
    assert response.url == reverse("exams:upload_detail", args=[sheet.upload_id])


# -- htmx ---------------------------------------------------------------------------------


def test_htmx_gets_the_row_and_the_counts_and_no_page(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    sheet = suggested(exam, carols_enrolment)
    suggested(exam, doras_enrolment)
    response = act(
        sign_in(alice), "sheet_map", sheet, {"enrolment": carols_enrolment.pk}, headers=HTMX
    )
    assert response.status_code == 200
    assert "<html" not in response.text
    assert response.text.count("data-row") == 1
    assert reverse("exams:sheet_unmap", args=[sheet.pk]) in response.text
    assert 'id="mapping-summary" class="mapping-summary" hx-swap-oob="true"' in response.text
    assert "Confirm the certain one" in response.text
    assert "84B003 Carol</option>" not in response.text
    assert '<option value="84B003 Carol">' not in response.text
    assert '<option value="17B004 Dora">' in response.text


def test_one_click_costs_as_many_queries_with_sixty_sheets_as_with_five(sign_in, alice, exam):
    client, costs = sign_in(alice), []
    for more in (5, 55):
        for _ in range(more):
            sheet = suggested(exam, make_enrolment(exam.school_class))
        data = {"enrolment": sheet.suggested_enrolment_id}
        with CaptureQueriesContext(connection) as queries:
            assert act(client, "sheet_map", sheet, data, headers=HTMX).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]

"""A click on the mapping page that comes too early, too late, twice or after somebody else's."""

import pytest

from exams.models import SheetState
from tests.exams.clicks import HTMX, act, list_address
from tests.exams.steps import fresh
from tests.factories import make_sheet
from tests.factories_intake import suggested


def test_a_sheet_whose_pages_are_not_ready_offers_no_student(sign_in, alice, exam, doras_enrolment):
    sheet = make_sheet(exam, pages=0, rendered_at=None, inspected_at=None, suggested_at=None)
    client = sign_in(alice)
    text = client.get(list_address(exam)).text
    assert "sheets read" in text
    assert "being read<" in text
    assert 'name="student"' not in text
    response = act(client, "sheet_map", sheet, {"enrolment": doras_enrolment.pk})
    assert response.status_code == 409


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("name", ["sheet_map", "sheet_unmap", "sheet_skip"])
def test_what_another_teacher_decided_meanwhile_is_not_overwritten_unseen(
    sign_in, alice, exam, carols_enrolment, doras_enrolment, name, headers
):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    client = sign_in(alice)
    for seen in ("", doras_enrolment.pk):
        data = {"student": "17B004", "seen": seen}
        response = act(client, name, sheet, data, headers=headers)
        assert response.status_code == 409
        assert "Somebody gave this sheet to 84B003 Carol meanwhile" in response.text
        assert fresh(sheet).enrolment == carols_enrolment


def test_the_same_click_twice_is_no_conflict(sign_in, alice, exam, carols_enrolment):
    sheet, client = suggested(exam, carols_enrolment), sign_in(alice)
    for _ in range(2):
        data = {"enrolment": carols_enrolment.pk, "seen": ""}
        assert act(client, "sheet_map", sheet, data, headers=HTMX).status_code == 200
    for _ in range(2):
        data = {"seen": carols_enrolment.pk}
        assert act(client, "sheet_unmap", sheet, data, headers=HTMX).status_code == 200
    assert fresh(sheet).enrolment is None


def test_the_form_of_a_row_says_who_owned_the_sheet(sign_in, alice, exam, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    text = sign_in(alice).get(list_address(exam, "?tab=mapped")).text
    row = text[text.index("data-row") : text.rindex("</ol>")]
    assert row.count("<form") == row.count(f'name="seen" value="{carols_enrolment.pk}"') == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("name", ["sheet_map", "sheet_unmap", "sheet_skip", "sheet_unskip"])
def test_a_sheet_that_is_on_its_way_answers_409(
    sign_in, alice, exam, carols_enrolment, name, headers
):
    sheet = make_sheet(exam, state="in_batch", enrolment=carols_enrolment)
    data = {"student": "84B003", "seen": carols_enrolment.pk}
    response = act(sign_in(alice), name, sheet, data, headers=headers)
    assert response.status_code == 409
    assert 'role="alert"' in response.text
    assert fresh(sheet).state == "in_batch"


@pytest.mark.parametrize("state", sorted(set(SheetState.values) - {"pending_mapping", "failed"}))
def test_a_sheet_that_is_past_failing_cannot_be_retried(sign_in, alice, exam, state):
    sheet = make_sheet(exam, state=state)
    assert act(sign_in(alice), "sheet_retry", sheet, headers=HTMX).status_code == 409
    assert fresh(sheet).state == state

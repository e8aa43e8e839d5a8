"""The certain suggestions of the mapping page, confirmed with one click as they were shown."""

import pytest
from django.urls import reverse

from exams.suggestions import certain_hash, suggest_students
from tests.exams.clicks import PEOPLE, list_address
from tests.exams.steps import fresh, swap_roll_numbers
from tests.factories import make_sheet
from tests.factories_intake import suggested


def confirm_all(client, exam, shown, **extra):
    """Press the button of a page that was shown."""
    data = {"seen": shown.context["certain_hash"]} if shown else {}
    return client.post(reverse("exams:map_certain", args=[exam.pk]), data, **extra)


@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_confirm_all_certain_ones(
    request, sign_in, exam, carols_enrolment, doras_enrolment, person, may
):
    make_sheet(exam, state="published", enrolment=carols_enrolment)
    sheet = suggested(exam, doras_enrolment)
    client = sign_in(request.getfixturevalue(person))
    data = {"seen": certain_hash([(sheet.pk, doras_enrolment.pk)])}
    response = client.post(reverse("exams:map_certain", args=[exam.pk]), data)
    assert response.status_code == (302 if may else 404)
    assert (fresh(sheet).state == "mapped") == may


def test_the_certain_ones_are_confirmed_at_once_and_the_others_wait(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    certain = suggested(exam, carols_enrolment)
    doubtful = suggested(exam, doras_enrolment, certain=False)
    client = sign_in(alice)
    shown = client.get(list_address(exam))
    assert "Confirm the certain one" in shown.text
    response = confirm_all(client, exam, shown, follow=True)
    assert "1 sheet was mapped." in response.text
    assert fresh(certain).state == "mapped"
    assert fresh(doubtful).state == "pending_mapping"


def test_what_became_certain_after_the_page_was_shown_is_not_confirmed_with_it(
    sign_in, alice, exam, carol, dora
):
    make_sheet(exam, name="84B003.pdf", suggested_at=None)
    suggest_students(exam.pk)
    client = sign_in(alice)
    shown = client.get(list_address(exam))
    late = make_sheet(exam, name="17B004.pdf", suggested_at=None)
    response = confirm_all(client, exam, shown)
    assert response.status_code == 409
    assert "Nothing was mapped" in response.text
    assert not exam.sheets.filter(state="mapped").exists()
    # The answer shows what is certain now, and that can be confirmed.
    assert "Confirm all 2 certain ones" in response.text
    confirm_all(client, exam, response)
    assert fresh(late).state == "mapped"
    assert confirm_all(client, exam, None).status_code == 409


def test_a_changed_class_list_withdraws_what_was_certain_from_the_page(
    sign_in, alice, exam, carols_enrolment, doras_enrolment
):
    sheet = make_sheet(exam, name="84B003.pdf", suggested_at=None)
    suggest_students(exam.pk)
    client = sign_in(alice)
    shown = client.get(list_address(exam))
    swap_roll_numbers(exam.school_class, by=alice)
    text = client.get(list_address(exam)).text
    assert "The class list has changed" in text
    assert reverse("exams:map_certain", args=[exam.pk]) not in text
    assert 'name="enrolment"' not in text
    answer = confirm_all(client, exam, shown)
    assert answer.status_code == 409
    assert "The class list has changed" not in answer.text  # worked out by that click
    assert "Confirm the certain one" in answer.text
    assert fresh(sheet).state == "pending_mapping"
    assert fresh(sheet).suggested_enrolment == doras_enrolment

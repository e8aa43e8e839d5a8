"""Two at the same moment with one person's codes and tokens; only PostgreSQL really lets them."""

from django.test import Client
from rest_framework.test import APIClient

from accounts import second_factors, sessions
from accounts.models import CodeTry
from accounts.second_factors import TooManyCodes, WrongCode, check_code
from tests.authenticator import code_for, with_second_factor
from tests.races import on_postgresql, race

pytestmark = on_postgresql


def test_one_code_typed_twice_at_once_is_taken_once(alice):
    with_second_factor(alice)
    code = code_for(alice)
    assert isinstance(
        race(lambda: check_code(alice, code), lambda: check_code(alice, code)), WrongCode
    )


def test_one_recovery_code_typed_twice_at_once_is_taken_once(alice):
    with_second_factor(alice)
    code = second_factors.recovery_codes(alice)[0]
    assert isinstance(
        race(lambda: check_code(alice, code), lambda: check_code(alice, code)), WrongCode
    )


def test_many_wrong_codes_at_once_count_as_many(alice, settings):
    settings.AXES_FAILURE_LIMIT = 1
    with_second_factor(alice)
    first = []

    def guess():
        try:
            check_code(alice, "000000")
        except TooManyCodes as refusal:
            first.append(refusal)

    assert isinstance(race(guess, lambda: check_code(alice, code_for(alice))), TooManyCodes)
    assert first
    assert CodeTry.objects.filter(user=alice, code="").count() == 1


def test_who_signs_in_while_it_is_set_up_is_asked_for_a_code(alice):
    def give_password():
        return Client().post("/sign-in/", {"username": "alice", "password": "alice"})["Location"]

    assert race(lambda: with_second_factor(alice), give_password) == "/sign-in/code/"


def test_a_program_that_signs_in_while_it_is_set_up_is_asked_for_a_code(alice):
    def give_password():
        data = {"username": "alice", "password": "alice"}
        return APIClient().post("/api/v1/token/", data, format="json").json().get("code")

    assert race(lambda: with_second_factor(alice), give_password) == "second_factor_required"


def test_a_token_that_is_renewed_while_all_are_ended_does_not_escape(alice):
    data = {"username": "alice", "password": "alice"}
    program = APIClient()
    token = program.post("/api/v1/token/", data, format="json").json()["refresh"]

    def renew():
        return program.post("/api/v1/token/refresh/", {"refresh": token}, format="json").status_code

    assert race(lambda: sessions.end_sessions(alice), renew) == 401

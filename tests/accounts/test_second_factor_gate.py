"""Where a second factor is asked for: the administration, a site that requires it, old sign-ins."""

import re

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User, UserSession
from accounts.second_factors import reset_second_factor
from tests.accounts.steps import give_code, give_password, is_signed_in
from tests.authenticator import code_for, code_of, with_second_factor


@pytest.fixture
def guarded(alice) -> User:
    """Alice, who has set up a second factor."""
    return with_second_factor(alice)


# -- the administration


def test_the_administration_has_no_sign_in_of_its_own(admin):
    with_second_factor(admin)
    client = Client()
    page = client.get("/admin/", follow=True)
    assert page.redirect_chain[-1][0] == "/sign-in/?next=/admin/"
    client.post("/admin/login/", {"username": "admin", "password": "admin"})
    assert not is_signed_in(client)
    give_password(client, "admin", next="/admin/")
    assert client.get("/admin/accounts/user/").status_code == 302
    assert give_code(client, code_for(admin))["Location"] == "/admin/"
    assert client.get("/admin/accounts/user/").status_code == 200
    assert client.get("/admin/login/")["Location"] == "/admin/"


def test_for_a_teacher_there_is_no_administration(alice, sign_in):
    assert sign_in(alice).get("/admin/", follow=True).status_code == 404


# -- where it is required


@pytest.fixture
def _required(settings):
    settings.SHEAF_SECOND_FACTOR = "required"


@pytest.mark.usefixtures("_required")
@pytest.mark.parametrize("who", ["alice", "admin"])
def test_who_has_none_is_led_to_set_it_up_and_nowhere_else(who, alice, admin, exam):
    client, _ = give_password(name=who)
    assert is_signed_in(client)
    for path in ("/", "/classes/", f"/exams/{exam.pk}/", "/account/", "/admin/", "/sessions/"):
        assert client.get(path)["Location"] == "/account/second-factor/", path
    assert client.post(f"/exams/{exam.pk}/delete/")["Location"] == "/account/second-factor/"
    api = client.get("/api/v1/exams/")
    assert (api.status_code, api.json()["code"]) == (403, "second_factor_missing")
    assert "asks teachers" in client.get("/account/second-factor/").content.decode()
    client.post("/account/second-factor/new/")
    page = client.get("/account/second-factor/set-up/").content.decode()
    code = code_of(re.search(r"secret=(\w+)", page)[1])
    client.post("/account/second-factor/set-up/", {"code": code})
    assert client.get("/").status_code == 200
    assert client.get("/account/recovery-codes/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_who_has_not_set_it_up_can_sign_out(alice):
    client, _ = give_password()
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert not is_signed_in(client)


@pytest.mark.usefixtures("_required")
def test_a_session_that_no_code_has_opened_ends_when_it_becomes_required(guarded, sign_in):
    client = sign_in(guarded)
    answer = client.get("/classes/", follow=True)
    assert answer.redirect_chain == [("/sign-in/", 302)]
    assert "asks for a code now" in answer.content.decode()
    assert not is_signed_in(client)
    give_password(client)
    give_code(client, code_for(guarded))
    assert client.get("/classes/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_a_script_is_not_led_anywhere(alice, guarded, bob, sign_in):
    script = {"HX-Request": "true"}
    client, _ = give_password(name="bob")
    assert client.post("/marks/1/", headers=script).status_code == 403
    before = sign_in(guarded)
    assert before.post("/marks/1/", headers=script).status_code == 401
    assert not is_signed_in(before)


@pytest.mark.usefixtures("_required")
def test_who_takes_it_away_is_led_to_a_new_one(guarded):
    client, _ = give_password()
    give_code(client, code_for(guarded))
    client.post("/account/second-factor/remove/", {"password": "alice"})
    assert client.get("/")["Location"] == "/account/second-factor/"


@pytest.mark.usefixtures("_required")
def test_students_go_on_without_one(carol):
    client, _ = give_password(name="carol")
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_the_gate_costs_no_query_once_a_code_was_given(guarded, django_assert_num_queries):
    client, _ = give_password()
    give_code(client, code_for(guarded))
    with django_assert_num_queries(5):  # session, user, bell, count of lines, lines
        client.get("/notifications/")


def test_signing_in_with_a_code_leaves_one_row_in_the_list(guarded):
    client, _ = give_password()
    give_code(client, code_for(guarded))
    assert UserSession.objects.filter(user=guarded).count() == 1


# -- a site that asked nobody for a while


def token_of(name):
    data = {"username": name, "password": name}
    return APIClient().post("/api/v1/token/", data, format="json").json()


def renewed(refresh):
    return APIClient().post("/api/v1/token/refresh/", {"refresh": refresh}, format="json")


@pytest.mark.parametrize("mode", ["offered", "required"])
def test_what_signed_in_while_nobody_was_asked_ends_when_the_site_asks_again(
    guarded, carol, settings, mode
):
    settings.SHEAF_SECOND_FACTOR = "off"
    browser, _ = give_password()
    tokens, student = token_of("alice"), token_of("carol")
    assert browser.get("/classes/").status_code == 200
    settings.SHEAF_SECOND_FACTOR = mode
    answer = renewed(tokens["refresh"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert renewed(student["refresh"]).status_code == 200
    api = browser.get("/api/v1/me/")
    assert (api.status_code, api.json()["code"]) == (403, "second_factor_required")
    assert not is_signed_in(browser)


def test_a_session_from_then_goes_on_when_the_second_factor_is_gone(guarded, settings):
    settings.SHEAF_SECOND_FACTOR = "off"
    browser, _ = give_password()
    settings.SHEAF_SECOND_FACTOR = "offered"
    guarded.authenticator_set.all().delete()
    assert browser.get("/classes/").status_code == 200


def test_a_token_for_a_code_is_renewed_again_and_again(guarded):
    data = {"username": "alice", "password": "alice", "code": code_for(guarded)}
    tokens = APIClient().post("/api/v1/token/", data, format="json").json()
    for _ in range(2):
        answer = renewed(tokens["refresh"])
        assert answer.status_code == 200
        tokens = answer.json()
    reset_second_factor(guarded, by=None)
    assert renewed(tokens["refresh"]).status_code == 401


def test_a_token_without_a_code_reads_nothing_where_one_is_required(alice, carol, settings):
    tokens, student = token_of("alice"), token_of("carol")
    settings.SHEAF_SECOND_FACTOR = "required"

    def me(tokens):
        return APIClient().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")

    answer = me(tokens)
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_missing")
    assert me(student).status_code == 200
    carol.role = "teacher"
    carol.save()
    assert me(student).status_code == 401, "whoever becomes a teacher is asked as well"
    with_second_factor(alice)
    data = {"username": "alice", "password": "alice", "code": code_for(alice)}
    assert me(APIClient().post("/api/v1/token/", data, format="json").json()).status_code == 200


# -- ways around it


@pytest.mark.parametrize("next_", ["foo", "dashboard"])
def test_where_one_wanted_to_go_is_never_the_name_of_a_view(alice, bob, next_):
    with_second_factor(bob)
    browser, answer = give_password(next=next_)
    assert answer["Location"] == next_
    other, _ = give_password(name="bob", next=next_)
    assert give_code(other, code_for(bob))["Location"] == next_
    confirmed = browser.post("/account/confirm/", {"password": "alice", "next": next_})
    assert confirmed["Location"] == next_


def test_guessing_the_password_where_it_is_changed_is_slow_too(alice, sign_in, settings):
    settings.AXES_FAILURE_LIMIT = 3
    browser = sign_in(alice)
    new = {"new_password1": "seven green plants", "new_password2": "seven green plants"}
    statuses = [
        browser.post("/account/password/", {"old_password": word, **new}).status_code
        for word in ("no", "never", "nothing", "alice")
    ]
    assert statuses == [422, 422, 429, 429]
    alice.refresh_from_db()
    assert alice.check_password("alice")


def test_the_administration_has_no_password_page_of_its_own(admin, sign_in):
    browser = sign_in(admin)
    new = {"new_password1": "seven green plants", "new_password2": "seven green plants"}
    answer = browser.post("/admin/password_change/", {"old_password": "admin", **new})
    assert answer["Location"] == "/account/password/"
    admin.refresh_from_db()
    assert admin.check_password("admin")

"""Signing in to the API: tokens live and end, failures count, sessions carry their token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken

from accounts.first_passwords import tokens as links
from accounts.second_factors import recovery_codes
from tests.authenticator import code_for, with_second_factor
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def api_sign_in(username="alice", password="alice", **more):
    data = {"username": username, "password": password, **more}
    return APIClient().post("/api/v1/token/", data, format="json")


def refresh(token):
    return APIClient().post("/api/v1/token/refresh/", {"refresh": token}, format="json")


def end(token):
    return APIClient().post("/api/v1/token/end/", {"refresh": token}, format="json")


def who(access):
    return APIClient().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {access}")


def test_a_name_and_a_password_give_a_token_that_says_who_one_is(alice, x_b):
    tokens = api_sign_in()
    assert tokens.status_code == 200
    assert "no-store" in tokens["Cache-Control"]
    me = who(tokens.json()["access"]).json()
    assert me == {
        "id": alice.pk,
        "username": "alice",
        "name": "Alice",
        "email": "alice@school.example",
        "role": "teacher",
        "classes": [{"id": x_b.pk, "name": "X-B"}],
        "enrolments": [],
    }


def test_an_address_may_be_typed_in_capitals_as_on_the_page(db):
    make_user("carol", username="carol@school.example")
    assert api_sign_in("Carol@School.Example", "carol@school.example").status_code == 200


def test_a_wrong_password_and_a_name_that_is_not_there_are_the_same_401(alice):
    wrong, missing = api_sign_in(password="no"), api_sign_in("nobody", "no")
    assert wrong.status_code == missing.status_code == 401
    assert wrong.json() == missing.json()
    assert wrong.json()["code"] == "invalid_login"


def test_failures_at_the_api_and_at_the_page_count_together(alice, settings):
    settings.AXES_FAILURE_LIMIT = 4
    for _ in range(2):
        assert api_sign_in(password="no").status_code == 401
        Client().post(reverse("accounts:login"), {"username": "alice", "password": "no"})
    locked = api_sign_in()
    assert locked.status_code == 429
    assert locked.json()["code"] == "too_many_attempts"
    page = Client().post(reverse("accounts:login"), {"username": "alice", "password": "alice"})
    assert page.status_code == 429


def test_the_last_failure_that_locks_says_so(alice, settings):
    settings.AXES_FAILURE_LIMIT = 2
    assert api_sign_in(password="no").json()["code"] == "invalid_login"
    locking = api_sign_in(password="no")
    assert (locking.status_code, locking.json()["code"]) == (429, "too_many_attempts")


def test_getting_in_forgets_the_failures_before(alice, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        assert api_sign_in(password="no").status_code == 401
        assert api_sign_in().status_code == 200


def test_signing_in_is_seen_by_who_listens_and_ends_a_one_time_link(alice):

    link = links.make_token(alice)
    api_sign_in()
    alice = type(alice).objects.get(pk=alice.pk)
    assert alice.last_login is not None
    assert not links.check_token(alice, link)


def test_a_refresh_token_gives_the_next_two_and_ends_by_that(alice):
    first = api_sign_in().json()
    second = refresh(first["refresh"])
    assert second.status_code == 200
    assert who(second.json()["access"]).status_code == 200
    again = refresh(first["refresh"])
    assert (again.status_code, again.json()["code"]) == (401, "token_not_valid")
    assert refresh(second.json()["refresh"]).status_code == 200


def test_an_access_token_is_no_refresh_token(alice):
    assert refresh(api_sign_in().json()["access"]).status_code == 401
    assert who(api_sign_in().json()["refresh"]).status_code == 401


def test_signing_out_ends_the_refresh_token(alice):
    token = api_sign_in().json()["refresh"]
    assert (
        APIClient().post("/api/v1/token/end/", {"refresh": token}, format="json").status_code == 204
    )
    assert refresh(token).status_code == 401
    assert (
        APIClient().post("/api/v1/token/end/", {"refresh": token}, format="json").status_code == 401
    )


def test_the_database_does_not_hold_a_token(alice):
    api_sign_in()
    assert OutstandingToken.objects.get().token == ""


def test_old_rows_of_tokens_go_when_their_person_signs_in(alice):
    api_sign_in()
    row = OutstandingToken.objects.get()
    row.expires_at = timezone.now() - timedelta(minutes=1)
    row.save()
    api_sign_in()
    assert not OutstandingToken.objects.filter(pk=row.pk).exists()


def test_a_closed_account_loses_its_tokens_at_once(alice):
    tokens = api_sign_in().json()
    alice.is_active = False
    alice.save()
    assert who(tokens["access"]).status_code == 401
    assert refresh(tokens["refresh"]).status_code == 401
    assert api_sign_in().json() == api_sign_in("nobody").json()


def test_a_new_password_ends_the_tokens_of_the_old_one(alice):
    tokens = api_sign_in().json()
    alice.set_password("another")
    alice.save()
    assert who(tokens["access"]).status_code == 401
    assert refresh(tokens["refresh"]).status_code == 401


def test_a_token_that_is_too_old_or_not_ours_is_refused_in_json(alice):
    old = AccessToken.for_user(alice)
    old.set_exp(lifetime=-timedelta(seconds=1))
    for token in (str(old), "not.a.token"):
        answer = who(token)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_nobody_gets_a_401_and_never_a_way_to_the_sign_in_page(db):
    answer = Client().get("/api/v1/exams/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert "Location" not in answer


def test_a_session_reads_and_writes_with_its_csrf_token_in_the_header_only(alice, x_b):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get("/api/v1/me/").status_code == 200
    read, body = "/api/v1/notifications/read/", {"up_to": 0}
    without = browser.post(read, body, content_type="application/json")
    assert (without.status_code, without.json()["code"]) == (403, "permission_denied")
    browser.get("/account/")
    token = browser.cookies["csrftoken"].value
    header = {"X-CSRFToken": token}
    allowed = browser.post(read, body, content_type="application/json", headers=header)
    assert allowed.status_code == 200
    # In a form it does not count: nobody reads a file to look for it.
    form = browser.post(f"/api/v1/classes/{x_b.pk}/roster/", {"csrfmiddlewaretoken": token})
    assert form.status_code == 403


def test_a_closed_accounts_session_ends_too(alice, sign_in):
    browser = sign_in(alice)
    alice.is_active = False
    alice.save()
    assert browser.get("/api/v1/me/").status_code == 401


def test_with_a_second_factor_the_password_alone_gives_no_token(alice):
    with_second_factor(alice)
    wanted = api_sign_in()
    assert (wanted.status_code, wanted.json()["code"]) == (401, "second_factor_required")
    assert api_sign_in(password="no").json()["code"] == "invalid_login"
    assert not OutstandingToken.objects.exists()


def test_a_code_of_the_app_or_a_recovery_code_gives_tokens_once(alice):
    with_second_factor(alice)
    for code in (code_for(alice), recovery_codes(alice)[0]):
        tokens = api_sign_in(code=code)
        assert tokens.status_code == 200
        assert who(tokens.json()["access"]).status_code == 200
        assert refresh(tokens.json()["refresh"]).status_code == 200
        again = api_sign_in(code=code)
        assert (again.status_code, again.json()["code"]) == (401, "wrong_code")


def test_wrong_codes_at_the_api_and_at_the_page_count_together(alice, settings):
    settings.AXES_FAILURE_LIMIT = 3
    with_second_factor(alice)
    browser = Client()
    browser.post(reverse("accounts:login"), {"username": "alice", "password": "alice"})
    browser.post("/sign-in/code/", {"code": "000000"})
    assert api_sign_in(code="000000").status_code == 401
    locked = api_sign_in(code="000000")
    assert (locked.status_code, locked.json()["code"]) == (429, "too_many_attempts")
    assert int(locked["Retry-After"]) > 0
    assert api_sign_in(code=code_for(alice)).status_code == 429
    assert browser.post("/sign-in/code/", {"code": code_for(alice)}).status_code == 429


def test_where_it_is_required_who_has_none_gets_and_renews_no_token(alice, carol, settings):
    before = api_sign_in().json()["refresh"]
    settings.SHEAF_SECOND_FACTOR = "required"
    for answer in (api_sign_in(), refresh(before)):
        assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_missing")
    assert api_sign_in("carol", "carol").status_code == 200

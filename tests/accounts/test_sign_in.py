"""Signing in and out, locking out, changing and forgetting passwords."""

import logging
import re
from importlib import import_module

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.auth import get_user
from django.core import mail
from django.test import Client

from accounts.models import LinkMail
from tests import factories


@pytest.fixture
def sean(x_b):
    """A student whose user name is their e-mail address."""
    user = factories.make_user("sean", username="sean@school.example", email="sean@school.example")
    return factories.make_enrolment(x_b, user).student


def sign_in_as(client, username, password, **more):
    return client.post("/sign-in/", {"username": username, "password": password, **more})


def is_signed_in(client):
    return get_user(client).is_authenticated


def test_every_page_sends_somebody_unknown_to_the_sign_in_page(client, db):
    response = client.get("/classes/")
    assert response["Location"] == "/sign-in/?next=/classes/"


def test_what_a_script_saves_after_signing_out_is_no_sign_in_page(client, db):
    """It would follow the way to the sign-in, and take the page there for success."""
    for headers in ({"HX-Request": "true"}, {"Sec-Fetch-Mode": "cors"}):
        answer = client.post("/marks/1/", headers=headers)
        assert (answer.status_code, answer.content) == (401, b"")
    # Together with its session a browser may have lost the cookie of its forms' token.
    without_token = Client(enforce_csrf_checks=True)
    assert without_token.post("/marks/1/", headers={"HX-Request": "true"}).status_code == 401
    assert without_token.post("/marks/1/").status_code == 403
    address = client.get("/marks/1/", headers={"Sec-Fetch-Mode": "navigate"})["Location"]
    assert address == "/sign-in/?next=/marks/1/"


def test_a_button_pressed_after_signing_out_leads_back_to_its_page(client, db):
    def leads_to(page):
        return client.post("/sheets/1/approve/", headers={"Referer": page})["Location"]

    assert leads_to("http://testserver/sheets/1/review/?show=eyes") == (
        "/sign-in/?next=/sheets/1/review/%3Fshow%3Deyes"
    )
    assert leads_to("http://evil.example/sheets/") == "/sign-in/?next=/"
    assert leads_to("") == "/sign-in/?next=/"


def test_the_right_password_signs_in_and_goes_where_one_wanted_to(client, alice):
    response = sign_in_as(client, "alice", "alice", next="/classes/")
    assert response["Location"] == "/classes/"
    assert is_signed_in(client)


def test_signing_in_never_leads_to_another_site(client, alice):
    assert sign_in_as(client, "alice", "alice", next="https://evil.example/")["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(client, alice):
    answers = [sign_in_as(client, name, "wrong") for name in ("alice", "nobody")]
    said = [re.search(r'role="alert">(.+)</div>', page.content.decode())[1] for page in answers]
    assert said[0] == said[1]
    assert [page.status_code for page in answers] == [422, 422]


def test_an_address_may_be_typed_in_any_case(client, sean):
    sign_in_as(client, "Sean@School.Example", "sean@school.example")
    assert is_signed_in(client)


def test_a_closed_account_cannot_sign_in(client, alice):
    alice.is_active = False
    alice.save()
    assert sign_in_as(client, "alice", "alice").status_code == 422


def test_too_many_wrong_passwords_lock_the_name_at_this_address_only(client, sean, alice, settings):
    settings.AXES_FAILURE_LIMIT = 3
    spellings = ["sean@school.example", "SEAN@school.example", "Sean@School.Example"]
    answers = [sign_in_as(client, name, "wrong") for name in spellings]
    assert answers[-1].status_code == 429
    assert "Too many wrong passwords" in answers[-1].content.decode()
    assert "15 minutes" in answers[-1].content.decode()
    locked = sign_in_as(client, "sean@school.example", "sean@school.example")
    assert locked.status_code == 429
    assert not is_signed_in(client)
    assert sign_in_as(client, "alice", "alice").status_code == 302
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert sign_in_as(elsewhere, "sean@school.example", "sean@school.example").status_code == 302


def test_the_log_of_failed_sign_ins_holds_no_name_and_no_password(client, sean, settings, caplog):
    settings.AXES_FAILURE_LIMIT = 2
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            sign_in_as(client, "sean@school.example", "a-wrong-secret")
    assert caplog.text
    assert "sean@" not in caplog.text
    assert "a-wrong-secret" not in caplog.text


def test_no_password_stands_in_the_rows_of_failed_attempts(client, sign_in, alice):
    sign_in_as(client, "alice", "a-wrong-secret")
    signed_in = sign_in(alice)
    new = {"new_password1": "a-new-secret", "new_password2": "a-new-secret"}
    signed_in.post("/account/password/", {"old_password": "an-old-secret", **new})
    signed_in.post("/account/confirm/", {"password": "another-secret"})
    kept = [str(row) for row in AccessAttempt.objects.values()]
    assert sum(row.count("password") for row in kept) >= 4
    assert "secret" not in "".join(kept)


def test_the_passwords_that_were_kept_once_are_forgotten(alice):
    forget = import_module("accounts.migrations.0005_forget_typed_passwords").forget
    for number, text in enumerate(("old_password=x\nnew_password1=y", "username=***")):
        AccessAttempt.objects.create(
            username=f"user{number}", post_data=text, failures_since_start=1
        )
    forget(apps, None)
    assert set(AccessAttempt.objects.values_list("post_data", flat=True)) == {"", "username=***"}


def test_a_name_longer_than_any_is_a_wrong_one(client, db):
    answer = sign_in_as(client, "9" * 5000, "wrong")
    assert answer.status_code == 422
    assert "User name or password is wrong" in answer.content.decode()
    assert not AccessAttempt.objects.exists()


def test_signing_out_needs_a_post(sign_in, alice):
    client = sign_in(alice)
    assert client.get("/sign-out/").status_code == 405
    assert is_signed_in(client)
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert not is_signed_in(client)
    assert client.post("/sign-out/")["Location"] == "/sign-in/"


def test_a_form_without_its_token_is_refused_with_a_page(alice):
    client = Client(enforce_csrf_checks=True)
    response = sign_in_as(client, "alice", "alice")
    assert response.status_code == 403
    assert "out of date" in response.content.decode()


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(sign_in, alice):
    here, elsewhere = sign_in(alice), sign_in(alice)
    new = {"new_password1": "seven green plants", "new_password2": "seven green plants"}
    wrong = here.post("/account/password/", {"old_password": "nonsense", **new})
    assert wrong.status_code == 422
    response = here.post("/account/password/", {"old_password": "alice", **new})
    assert response["Location"] == "/account/"
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


def test_a_forgotten_password_orders_a_link_and_does_not_tell_who_is_known(client, carol):
    answers = [
        client.post("/forgotten/", {"email": email}, follow=True)
        .content.decode()
        .count("a link is")
        for email in (carol.email.upper(), "nobody@school.example")
    ]
    assert answers == [1, 1]
    assert list(LinkMail.objects.values_list("user", flat=True)) == [carol.pk]
    assert mail.outbox == []


def test_a_forgotten_address_that_is_none_is_422(client, db):
    assert client.post("/forgotten/", {"email": "x"}).status_code == 422


def test_without_a_mail_server_there_is_no_forgotten_page(client, db, settings):
    assert 'href="/forgotten/"' in client.get("/sign-in/").content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert client.get("/forgotten/").status_code == 404
    assert 'href="/forgotten/"' not in client.get("/sign-in/").content.decode()

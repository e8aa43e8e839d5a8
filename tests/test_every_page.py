"""Who may open and do what: every address the resolver knows, for six kinds of people.

An address without a row in tests/page_matrix.py, which also tells what the signs mean, fails the
suite. Whatever the API refuses has its one shape.
"""

import re

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.page_addresses import OF_ADMIN, OURS, things_of, url_of
from tests.page_matrix import MATRIX

pytestmark = pytest.mark.once


def test_every_address_has_a_row():
    assert set(OURS) == set(MATRIX)


@pytest.fixture
def people(admin, alice, bob, carol, dora, x_c):
    """The six kinds of people as browsers, in the order of the rows."""
    browsers = [Client()]
    for person in (admin, alice, bob, carol, dora):
        browser = Client()
        browser.force_login(person)
        browsers.append(browser)
    return browsers


@pytest.fixture
def arguments(exam, alice, carol, carols_enrolment):
    """By address: the arguments that name things of class X-B."""
    return things_of(exam, alice, carols_enrolment)


ALLOWED = (200, 202, 204, 302, 400, 409, 422, 428)
ROWS = [(name, method) for name, row in MATRIX.items() for method in row]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), ROWS)
def test_only_those_who_may_get_in(name, method, people, arguments):
    url = url_of(name, arguments)
    missing = {key: 0 if key == "pk" else value for key, value in arguments(name).items()}
    for sign, browser in zip(MATRIX[name][method], people, strict=True):
        where = f"{method} {url} as {browser.session.get('_auth_user_id', 'nobody')}"
        with transaction.atomic():  # nobody finds what another one changed
            answer = browser.generic(method, url)
            transaction.set_rollback(True)
        if sign == "L":
            assert answer.status_code == 302, where
            assert answer["Location"].startswith(reverse("accounts:login")), where
        elif sign == "A":
            assert answer.status_code == 401, where
            assert answer["WWW-Authenticate"].startswith("Bearer"), where
        elif sign == "-":
            assert answer.status_code == 404, where
            if missing.get("pk") == 0:
                nothing = browser.generic(method, reverse(name, kwargs=missing))
                assert without_tokens(answer) == without_tokens(nothing), where
        else:
            assert answer.status_code in ALLOWED, f"{where}: {answer.status_code}"
            if answer.status_code == 302 and sign == ".":
                assert not answer["Location"].startswith(f"{reverse('accounts:login')}?"), where
        if name.startswith("api:") and answer.status_code >= 400:
            assert set(answer.json()) >= {"code", "message", "fields"}, where


def without_tokens(answer) -> str:
    """The page without what differs on every load."""
    return re.sub(rb'value="\w{64}"|"X-CSRFToken": "\w{64}"', b"", answer.content).decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(OURS)))
def test_no_address_takes_a_method_that_has_no_row(name, people, arguments):
    url = reverse(name, kwargs=arguments(name))
    admin = people[1]
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(MATRIX[name]):
        answer = admin.generic(method, url)
        if name == "accounts:login" and answer.status_code == 302:
            assert answer["Location"] == "/"  # who is signed in has no business there
            continue
        assert answer.status_code in (404, 405), f"{method} {url}"


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(OF_ADMIN))
def test_the_admin_is_for_admins_only(name, people, exam):
    pattern = str(OF_ADMIN[name].pattern)
    values = {"object_id": "1", "app_label": "exams", "url": "x", "content_type_id": 1}
    values |= {"id": "1", "from_field": "1", "history_id": "1"}
    names = re.findall(r"<(?:\w+:)?(\w+)>", pattern) or re.findall(r"\?P<(\w+)>", pattern)
    unnamed = [1] * pattern.count("([^/]+)")
    url = reverse(
        name, args=unnamed, kwargs=None if unnamed else {key: values.get(key, 1) for key in names}
    )
    for browser in (people[0], *people[2:]):
        answer = browser.get(url)
        if name in ("admin:login", "admin:logout", "admin:jsi18n"):
            continue
        assert answer.status_code in (302, 404), f"{url}: {answer.status_code}"
        if answer.status_code == 302:
            assert "login" in answer["Location"] or "sign-in" in answer["Location"], url

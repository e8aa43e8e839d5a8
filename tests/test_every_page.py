"""Who may open and do what: every address the resolver knows, for six kinds of people.

An address without a row in tests/page_matrix.py, which also tells what the signs mean, fails the
suite. Whatever the API refuses has its one shape.
"""

import copy
import functools
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
APPS = sorted({name.rpartition(":")[0] or "config" for name in OURS})


def of_app(app: str) -> list[str]:
    """The addresses of an app; those of config have no name of an app before theirs."""
    return sorted(name for name in OURS if (name.rpartition(":")[0] or "config") == app)


def ask(browser, method: str, url: str):
    """The answer to a request that leaves no trace: nobody finds what another one changed."""
    cookies = copy.deepcopy(browser.cookies)
    with transaction.atomic():
        answer = browser.generic(method, url)
        transaction.set_rollback(True)
    browser.cookies = cookies
    return answer


@pytest.mark.django_db
@pytest.mark.parametrize("app", APPS)
def test_only_those_who_may_get_in(app, people, arguments):
    wrong = []
    for name in of_app(app):
        for method in MATRIX[name]:
            wrong += wrong_answers(name, method, people, arguments)
    assert not wrong, "\n".join(wrong)


def wrong_answers(name, method, people, arguments) -> list[str]:
    """What of an address's row does not hold, each with who asked and what came."""
    url = url_of(name, arguments)
    wrong = []
    for sign, browser in zip(MATRIX[name][method], people, strict=True):
        answer = ask(browser, method, url)
        ask_again = functools.partial(ask, browser, method)
        if not is_as_told(sign, answer, name, ask_again, arguments):
            who = browser.session.get("_auth_user_id", "nobody")
            wrong.append(f"{method} {url} as {who}: {answer.status_code} for {sign!r}")
        if "no-store" not in answer.get("Cache-Control", ""):
            wrong.append(f"{method} {url}: its answer may be kept in a cache")
        is_error = name.startswith("api:") and answer.status_code >= 400
        if is_error and not set(answer.json()) >= {"code", "message", "fields"}:
            wrong.append(f"{method} {url}: {answer.json()} is not the shape of an error")
    return wrong


def is_as_told(sign, answer, name, ask_again, arguments) -> bool:
    """Whether an answer is what the sign of a row means."""
    status, login = answer.status_code, reverse("accounts:login")
    if sign == "L":
        return status == 302 and answer["Location"].startswith(login)
    if sign == "A":
        return status == 401 and answer["WWW-Authenticate"].startswith("Bearer")
    if sign == "-":
        missing = {key: 0 if key == "pk" else value for key, value in arguments(name).items()}
        if status != 404 or missing.get("pk") != 0:
            return status == 404
        nothing = ask_again(reverse(name, kwargs=missing))
        return without_tokens(answer) == without_tokens(nothing)
    if status == 302 and answer["Location"].startswith(f"{login}?"):
        return False
    return status in ALLOWED


def test_a_row_that_does_not_hold_is_told(people, arguments, monkeypatch):
    monkeypatch.setitem(MATRIX, "exams:exam_list", {"GET": "......"})
    assert len(wrong_answers("exams:exam_list", "GET", people, arguments)) == 3
    monkeypatch.setitem(MATRIX, "exams:exam_detail", {"GET": "L....-"})
    assert len(wrong_answers("exams:exam_detail", "GET", people, arguments)) == 2


def without_tokens(answer) -> str:
    """The page without what differs on every load."""
    return re.sub(rb'value="\w{64}"|"X-CSRFToken": "\w{64}"', b"", answer.content).decode()


@pytest.mark.django_db
@pytest.mark.parametrize("app", APPS)
def test_no_address_takes_a_method_that_has_no_row(app, people, arguments):
    admin, wrong = people[1], []
    for name in of_app(app):
        url = url_of(name, arguments)
        for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - set(MATRIX[name])):
            answer = ask(admin, method, url)
            if name == "accounts:login" and answer.status_code == 302:
                assert answer["Location"] == "/"  # who is signed in has no business there
            elif answer.status_code not in (404, 405):
                wrong.append(f"{method} {url}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.django_db
def test_the_admin_is_for_admins_only(people, exam):
    wrong = []
    for name in sorted(set(OF_ADMIN) - {"admin:login", "admin:logout", "admin:jsi18n"}):
        url = url_of_admin(name)
        for browser in (people[0], *people[2:]):
            answer = browser.get(url)
            asked = answer.status_code == 302 and re.search("login|sign-in", answer["Location"])
            if answer.status_code != 404 and not asked:
                wrong.append(f"{url}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def url_of_admin(name: str) -> str:
    pattern = str(OF_ADMIN[name].pattern)
    values = {"object_id": "1", "app_label": "exams", "url": "x", "content_type_id": 1}
    values |= {"id": "1", "from_field": "1", "history_id": "1"}
    names = re.findall(r"<(?:\w+:)?(\w+)>", pattern) or re.findall(r"\?P<(\w+)>", pattern)
    unnamed = [1] * pattern.count("([^/]+)")
    named = None if unnamed else {key: values.get(key, 1) for key in names}
    return reverse(name, args=unnamed, kwargs=named)

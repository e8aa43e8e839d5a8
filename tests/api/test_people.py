"""Everybody over the API: what the pages of people do, for admins alone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LinkMail, Role, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PEOPLE = "/api/v1/people/"


@pytest.fixture
def admins(admin, client_of):
    return client_of(admin)


def test_an_admin_adds_somebody_and_hands_over_or_e_mails_the_link(admins, admin):
    new = {"name": "Grace", "email": "g@school.example", "role": "teacher"}
    answer = admins.post(PEOPLE, new, format="json")
    body = answer.json()
    assert (answer.status_code, body["by_mail"], body["link"]) == (201, True, "")
    assert body["person"]["username"] == "g@school.example"
    assert LinkMail.objects.get().user.name == "Grace"
    assert User.objects.get(name="Grace").history.get().history_user == admin
    new = {"name": "Gil", "username": "gil", "role": "student"}
    assert "/password/" in admins.post(PEOPLE, new, format="json").json()["link"]
    missing = admins.post(PEOPLE, {"name": "Nobody", "username": "n"}, format="json")
    assert (missing.status_code, set(missing.json()["fields"])) == (400, {"role"})


def test_a_change_goes_over_what_was_seen(admins, bob):
    address = f"{PEOPLE}{bob.pk}/"
    seen = admins.get(address).json()["seen"]
    assert admins.patch(address, {"name": "Rob"}, format="json").status_code == 428
    done = admins.patch(address, {"name": "Rob", "seen": seen}, format="json").json()
    assert (done["name"], done["email"], done["role"]) == ("Rob", bob.email, "teacher")
    stale = admins.patch(address, {"name": "Bob", "seen": seen}, format="json")
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")


def test_nobody_takes_their_own_rights(admins, admin):
    make_user("erin", Role.ADMIN)
    address = f"{PEOPLE}{admin.pk}/"
    seen = admins.get(address).json()["seen"]
    for answer in (
        admins.patch(address, {"role": "student", "seen": seen}, format="json"),
        admins.post(f"{address}close/"),
        admins.post(f"{address}second-factor/"),
        admins.post(f"{address}sign-out/"),
    ):
        assert answer.status_code == 409
    assert User.objects.get(pk=admin.pk).role == "admin"


def test_somebody_is_closed_opened_and_helped(admins, bob, client_of):
    bobs = client_of(bob)
    address = f"{PEOPLE}{bob.pk}/"
    closed = admins.post(f"{address}close/").json()
    assert (closed["is_active"], closed["can_sign_in"]) == (False, False)
    assert bobs.get("/api/v1/me/").status_code == 401
    assert admins.post(f"{address}link/").status_code == 404
    assert admins.post(f"{address}open/").json()["can_sign_in"] is True
    assert admins.post(f"{address}link/").json() == {"by_mail": True, "link": ""}
    shown = admins.post(f"{address}link/", {"hand_over": True}, format="json").json()
    assert "/password/" in shown["link"]
    assert admins.post(f"{address}second-factor/").json() == {"had_second_factor": False}
    assert admins.post(f"{address}sign-out/").status_code == 200


def test_the_list_is_chosen_from_and_a_filter_that_means_nothing_is_refused(admins, alice, bob):
    def names(query):
        return [one["username"] for one in admins.get(f"{PEOPLE}{query}").json()["results"]]

    assert names("?role=teacher&search=bo&state=open") == ["bob"]
    assert names("?state=closed") == []
    assert admins.get(f"{PEOPLE}?role=king").status_code == 400


def test_six_hundred_people_cost_no_more_queries_than_sixty(admins):
    costs = []
    for start, end in ((0, 60), (60, 600)):
        User.objects.bulk_create(
            User(username=f"u{n}", name=f"U {n}", email=f"u{n}@s.example", password="!x")
            for n in range(start, end)
        )
        with CaptureQueriesContext(connection) as queries:
            assert len(admins.get(f"{PEOPLE}?page_size=200").json()["results"]) >= 60
        costs.append(len(queries))
    assert costs[0] == costs[1]

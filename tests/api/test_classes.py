"""Classes, rosters and the bell over the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts import notifications
from accounts.models import Enrolment, SchoolClass
from tests.factories import make_enrolment

pytestmark = pytest.mark.django_db


def roster(text: str) -> dict[str, SimpleUploadedFile]:
    return {"file": SimpleUploadedFile("x-b.csv", text.encode(), "text/csv")}


def test_one_bad_row_imports_nothing_and_every_bad_row_is_named(alices, x_b):
    text = "roll_number,name,email\n1B,Erin,e@x.example\n,Finn,\n1B,Gil,no\n"
    answer = alices.post(f"/api/v1/classes/{x_b.pk}/roster/", roster(text), format="multipart")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, "invalid_roster")
    assert {row["row"] for row in body["rows"]} == {3, 4}
    assert body["fields"]["file"][0] == "Row 3: roll_number is missing."
    assert not Enrolment.objects.exists()


def test_a_roster_says_what_it_did_and_who_is_missing_in_it(alices, x_b, carol):
    text = "roll_number,name,email\n1B,Erin,e@x.example\n"
    address = f"/api/v1/classes/{x_b.pk}/roster/"
    done = alices.post(address, roster(text), format="multipart").json()
    assert done == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "missing": ["84B003"],
        "ignored": [],
    }
    again = alices.post(address, roster(text), format="multipart").json()
    assert (again["created"], again["unchanged"]) == (0, 1)
    rows = alices.get(address).json()["results"]
    assert [(row["roll_number"], row["can_sign_in"]) for row in rows] == [
        ("1B", False),
        ("84B003", True),
    ]


def test_a_roster_without_a_file_says_so(alices, x_b):
    answer = alices.post(f"/api/v1/classes/{x_b.pk}/roster/", {}, format="multipart")
    assert set(answer.json()["fields"]) == {"file"}


def test_an_admin_makes_a_class_and_nobody_makes_it_twice(admin, alice, client_of):
    client = client_of(admin)
    new = {"name": "X-D", "teachers": [alice.pk]}
    made = client.post("/api/v1/classes/", new, format="json")
    assert made.status_code == 201
    assert made.json()["teachers"] == [{"id": alice.pk, "name": "Alice"}]
    rows = SchoolClass.objects.get(name="X-D").history.all()
    assert {row.history_user for row in rows} == {admin}
    again = client.post("/api/v1/classes/", {"name": "x-d"}, format="json")
    assert (again.status_code, set(again.json()["fields"])) == (400, {"name"})
    assert SchoolClass.objects.count() == 1


def test_links_are_shown_to_who_may_vouch_and_e_mailed_on_demand(alices, x_b):
    student = make_enrolment(x_b).student
    student.set_unusable_password()
    student.save()
    address = f"/api/v1/classes/{x_b.pk}/links/"
    answer = alices.get(address)
    [link] = answer.json()["results"]
    assert link["by_mail"]
    assert link["link"] == ""
    assert "no-store" in answer["Cache-Control"]
    assert alices.post(f"{address}send/").json() == {"count": 1}
    student.email = ""
    student.save()
    [link] = alices.get(address).json()["results"]
    assert "/password/" in link["link"]
    assert alices.post(f"{address}send/").json() == {"count": 0}


def test_the_bell_is_read_line_by_line_or_up_to_one(alices, alice, bob):
    notifications.notify([alice, bob], key="one", text="One")
    notifications.notify([alice], key="two", text="Two", url="/exams/")

    def unread():
        rows = alices.get("/api/v1/notifications/?unread=true").json()["results"]
        return [row["text"] for row in rows]

    assert unread() == ["Two", "One"]
    [newest, oldest] = alices.get("/api/v1/notifications/").json()["results"]
    read = alices.post(f"/api/v1/notifications/{newest['id']}/read/").json()
    assert (read["url"], read["read_at"] is not None) == ("/exams/", True)
    assert unread() == ["One"]
    body = {"up_to": oldest["id"]}
    assert alices.post("/api/v1/notifications/read/", body, format="json").json() == {"unread": 0}
    assert notifications.count_unread(bob) == 1


def test_a_student_sees_only_the_own_class_and_no_list_of_them(carol, client_of):
    carols = client_of(carol)
    me = carols.get("/api/v1/me/").json()
    assert [one["roll_number"] for one in me["enrolments"]] == ["84B003"]
    assert carols.get("/api/v1/classes/").status_code == 404


def test_an_admin_changes_a_class(admin, bob, client_of, x_b):
    admins = client_of(admin)
    address = f"/api/v1/classes/{x_b.pk}/"
    seen = admins.get(address).json()["seen"]
    done = admins.patch(address, {"teachers": [bob.pk], "seen": seen}, format="json").json()
    assert (done["name"], done["teachers"]) == ("X-B", [{"id": bob.pk, "name": "Bob"}])
    assert admins.patch(address, {"name": "Y", "seen": seen}, format="json").status_code == 409

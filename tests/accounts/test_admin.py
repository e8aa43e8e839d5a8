"""The admin: people without typed passwords, links by action, history to look at."""

import pytest

from accounts.models import Enrolment, LinkMail, User
from accounts.notifications import notify


@pytest.fixture
def browser(sign_in, admin):
    return sign_in(admin)


def test_everybody_else_is_kept_out(sign_in, alice, carol, client):
    for browser in (client, sign_in(alice), sign_in(carol)):
        for path in ("", "accounts/user/", "accounts/schoolclass/", "accounts/enrolment/"):
            assert browser.get(f"/admin/{path}").status_code in (302, 404)


@pytest.mark.parametrize(
    "model", ["user", "subject", "schoolclass", "enrolment", "notification", "linkmail"]
)
def test_every_list_and_form_of_people_opens(browser, carol, model):
    notify([carol], key="k", text="t")
    LinkMail.objects.create(user=carol)
    assert browser.get(f"/admin/accounts/{model}/?q=").status_code == 200
    assert browser.get(f"/admin/accounts/{model}/add/").status_code == (
        403 if model in ("notification", "linkmail") else 200
    )


@pytest.mark.parametrize(("role", "staff"), [("admin", True), ("teacher", False)])
def test_a_new_person_has_no_password_and_the_rights_of_the_role(browser, role, staff):
    form = {"name": "Grace", "username": "Grace@School.example", "email": "Grace@School.example",
            "role": role, "is_active": "on"}  # fmt: skip
    assert browser.post("/admin/accounts/user/add/", form).status_code == 302
    grace = User.objects.get(name="Grace")
    assert grace.username == grace.email == "grace@school.example"
    assert (grace.is_staff, grace.is_superuser) == (staff, staff)
    assert not grace.has_usable_password()


def test_an_admin_cannot_demote_or_close_themselves(browser, admin):
    form = {"name": "Admin", "username": "admin", "email": admin.email, "role": "student"}
    browser.post(f"/admin/accounts/user/{admin.pk}/change/", form)
    admin.refresh_from_db()
    assert admin.is_admin
    assert admin.is_active


def test_nobody_types_or_sees_a_password_in_the_admin(browser, carol):
    page = browser.get(f"/admin/accounts/user/{carol.pk}/change/").content.decode()
    assert "password" not in page.split('id="user_form"')[1].lower()
    browser.post(f"/admin/accounts/user/{carol.pk}/password/", {"password1": "x", "password2": "x"})
    carol.refresh_from_db()
    assert carol.check_password("carol")


def test_people_are_closed_and_never_deleted(browser, carol):
    assert browser.post(f"/admin/accounts/user/{carol.pk}/delete/").status_code == 403


def test_an_action_makes_links_and_keeps_them_nowhere(browser, carol):
    response = browser.post(
        "/admin/accounts/user/", {"action": "show_links", "_selected_action": [carol.pk]}
    )
    assert "/password/" in response.content.decode()
    assert "no-store" in response["Cache-Control"]


def test_an_action_mails_links(browser, carol):
    browser.post("/admin/accounts/user/", {"action": "mail_links", "_selected_action": [carol.pk]})
    assert LinkMail.objects.get().user == carol


def test_the_history_of_an_enrolment_is_shown_and_not_revertible(browser, carols_enrolment):
    carols_enrolment.roll_number = "1"
    carols_enrolment.save()
    base = f"/admin/accounts/enrolment/{carols_enrolment.pk}/history/"
    assert browser.get(base).status_code == 200
    first = Enrolment.history.earliest("history_date")
    page = browser.get(f"{base}{first.pk}/")
    assert page.status_code == 200
    back = {
        "school_class": carols_enrolment.school_class_id,
        "student": carols_enrolment.student_id,
        "roll_number": "84B003",
    }
    assert browser.post(f"{base}{first.pk}/", back).status_code == 403
    carols_enrolment.refresh_from_db()
    assert carols_enrolment.roll_number == "1"


def test_the_history_of_a_person_tells_names_and_roles_and_nothing_of_passwords(browser, carol):
    carol.name, carol.role = "Carol Day", "teacher"
    carol.save()
    newest, oldest = carol.history.all()
    assert (newest.name, newest.role, oldest.name) == ("Carol Day", "teacher", "Carol")
    kept = {field.name for field in User.history.model._meta.get_fields()}
    assert not kept & {"password", "last_login"}
    page = browser.get(f"/admin/accounts/user/{carol.pk}/history/")
    assert "Carol Day" in page.content.decode()
    back = {"name": "Carol", "username": "carol", "email": carol.email, "role": "student"}
    first = f"/admin/accounts/user/{carol.pk}/history/{oldest.pk}/"
    assert browser.get(first).status_code == 200
    assert browser.post(first, back).status_code == 403


def test_signing_in_is_no_change_of_a_person(client, carol):
    client.post("/sign-in/", {"username": "carol", "password": "carol"})
    carol.refresh_from_db()
    assert carol.last_login
    assert carol.history.count() == 1


def test_notifications_cannot_be_changed(browser, carol):
    notify([carol], key="k", text="told")
    pk = carol.notifications.get().pk
    browser.post(f"/admin/accounts/notification/{pk}/change/", {"text": "forged"})
    assert carol.notifications.get().text == "told"

"""The pages of people: an admin adds, finds, changes, closes and helps; nobody else does."""

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import people
from accounts.models import LinkMail, Role, User, UserSession
from tests import factories

NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
NEW = {
    "name": " Grace  Hopper ",
    "email": "Grace@School.example",
    "username": "",
    "role": "teacher",
}


@pytest.fixture
def browser(sign_in, admin):
    return sign_in(admin)


def fresh(person: User) -> User:
    return User.objects.get(pk=person.pk)


def change(browser, person, **values):
    """The form of a person as the page shows it, with other values, sent."""
    seen = people.seen_of(fresh(person))
    shown = {name: getattr(fresh(person), name) for name in ("name", "email", "username", "role")}
    return browser.post(f"/people/{person.pk}/", shown | {"seen": seen} | values)


def test_an_admin_adds_a_teacher_who_is_e_mailed_a_link(browser, admin):
    assert browser.get("/people/new/").status_code == 200
    answer = browser.post("/people/new/", NEW, follow=True)
    grace = User.objects.get(name="Grace Hopper")
    assert grace.username == grace.email == "grace@school.example"
    assert (grace.role, grace.is_staff, grace.has_usable_password()) == ("teacher", False, False)
    assert LinkMail.objects.get().user == grace
    assert "is e-mailed to grace@school.example" in answer.content.decode()
    assert grace.history.get().history_user == admin


def test_who_has_no_address_gets_a_link_to_be_handed_over(browser):
    new = NEW | {"email": "", "username": "grace", "role": "admin"}
    answer = browser.post("/people/new/", new, follow=True)
    grace = User.objects.get(username="grace")
    assert answer.redirect_chain == [(f"/people/{grace.pk}/link/", 302)]
    assert "/password/" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert (grace.is_staff, grace.is_superuser) == (True, True)


def test_nobody_becomes_a_student_because_a_field_was_overlooked(browser):
    page = browser.get("/people/new/").content.decode()
    assert "checked" not in page
    answer = browser.post("/people/new/", NEW | {"role": ""})
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    page = browser.get("/admin/accounts/user/add/").content.decode()
    assert '<option value="" selected>' in page
    form = {"name": "Grace", "username": "grace", "email": "", "is_active": "on"}
    assert browser.post("/admin/accounts/user/add/", form).status_code == 200
    assert not User.objects.filter(name__startswith="Grace").exists()


def test_a_user_name_that_is_an_address_is_kept_as_sign_in_reads_it(browser):
    browser.post("/people/new/", NEW | {"username": "Grace@Home.example"})
    assert User.objects.get(name="Grace Hopper").username == "grace@home.example"


def test_two_people_never_share_an_address_or_a_user_name(browser, alice):
    taken = browser.post("/people/new/", NEW | {"email": "ALICE@school.example"})
    assert (taken.status_code, "address of Alice" in taken.content.decode()) == (422, True)
    taken = browser.post("/people/new/", NEW | {"username": "Alice"})
    assert (taken.status_code, "user name of Alice" in taken.content.decode()) == (422, True)
    nothing = browser.post("/people/new/", NEW | {"email": ""})
    assert "Give a user name or an e-mail address" in nothing.content.decode()
    assert not User.objects.filter(name__startswith="Grace").exists()


@pytest.mark.parametrize("email", ["o'brien@school.example", f"{'a' * 60}@{'b.' * 50}example"])
def test_an_address_that_cannot_be_a_user_name_asks_for_one(browser, email):
    refused = browser.post("/people/new/", NEW | {"email": email})
    assert refused.status_code == 422
    assert "This address cannot be a user name: give one." in refused.content.decode()
    browser.post("/people/new/", NEW | {"email": email, "username": "grace"})
    grace = User.objects.get(username="grace")
    assert grace.email == email
    assert change(browser, grace, name="Grace").status_code == 302


def test_a_name_that_was_taken_a_moment_ago_is_no_error_of_ours(admin, alice):
    with pytest.raises(people.CannotChange):
        people.add_person(by=admin, name="A", username="alice", email="", role="teacher")


def test_the_list_is_searched_and_chosen_by_role_and_account(browser, alice, bob, carol):
    waiting = factories.make_user("erin", Role.TEACHER)
    waiting.set_unusable_password()
    waiting.save()
    people.close_account(bob, by=User.objects.get(username="admin"))

    def names(query):
        page = browser.get(f"/people/{query}")
        return [person.username for person in page.context["page"]]

    assert names("") == ["admin", "alice", "bob", "carol", "erin"]
    assert names("?search=ALI") == ["alice"]
    assert names("?search=carol@school") == ["carol"]
    assert names("?role=teacher") == ["alice", "bob", "erin"]
    assert names("?role=teacher&state=open") == ["alice", "erin"]
    assert names("?state=waiting") == ["erin"]
    assert names("?state=closed") == ["bob"]
    people.close_account(waiting, by=User.objects.get(username="admin"))
    assert names("?state=waiting") == []
    assert names("?role=king&search=e&page=x") == names("?search=e")
    assert "Nobody fits" in browser.get("/people/?search=zzz").content.decode()


def test_six_hundred_people_cost_no_more_queries_than_sixty(browser):
    costs = []
    for start, end in ((0, 60), (60, 600)):
        User.objects.bulk_create(
            User(username=f"u{n}", name=f"Student {n:03}", email=f"u{n}@s.example", password="!x")
            for n in range(start, end)
        )
        with CaptureQueriesContext(connection) as queries:
            page = browser.get("/people/?role=student").content.decode()
        costs.append(len(queries))
        assert page.count("no password yet") == 50
        assert "page=2&amp;role=student" in page
    assert costs == [5, 5]  # session, user, count, people, bell


def test_an_admin_changes_a_name_and_an_address_and_the_history_tells(browser, admin, carol):
    answer = change(browser, carol, name="Carol Day", email="Day@school.example")
    assert answer["Location"] == f"/people/{carol.pk}/"
    assert (fresh(carol).name, fresh(carol).email) == ("Carol Day", "day@school.example")
    newest = carol.history.first()
    assert (newest.history_user, newest.history_change_reason) == (admin, people.CHANGED)
    change(browser, carol)
    assert carol.history.count() == 2


def test_who_was_slower_overwrites_nothing_unseen(browser, admin, carol):
    seen = people.seen_of(carol)
    people.change_person(
        carol, by=admin, seen=seen, name="Carol Day", username="carol", email="", role="student"
    )
    answer = change(browser, carol, name="Karol", seen=seen)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Admin saved this account on" in page
    assert "Carol Day" in page
    assert 'value="Karol"' in page
    assert fresh(carol).name == "Carol Day"
    again = change(browser, carol, name="Karol", seen=answer.context["seen"])
    assert (again.status_code, fresh(carol).name) == (302, "Karol")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Erna"), ("username", "erna"), ("email", "e@x.example"), ("role", "student")],
)
def test_each_field_is_saved_by_itself_and_not_over_unseen(browser, field, value):
    erin = factories.make_user("erin", Role.TEACHER)
    seen = people.seen_of(erin)
    assert change(browser, erin, **{field: value}).status_code == 302
    assert getattr(fresh(erin), field) == value
    assert change(browser, erin, seen=seen).status_code == 409


def test_two_user_names_of_before_that_differ_in_capitals_are_no_hindrance(browser):
    erin = factories.make_user("erin", Role.TEACHER)
    User.objects.create(username="ERIN", name="Another Erin", password="!x")
    assert change(browser, erin, name="Erin Day").status_code == 302


def test_who_does_not_say_what_they_saw_changes_nothing(browser, carol):
    form = {"name": "Karol", "username": "carol", "email": "", "role": "student"}
    assert browser.post(f"/people/{carol.pk}/", form).status_code == 409
    assert fresh(carol).name == "Carol"


def test_an_error_in_the_form_does_not_hide_what_somebody_else_changed(browser, carol):
    answer = change(browser, carol, name="", seen="old")
    assert answer.status_code == 422
    assert 'name="seen" value="old"' in answer.content.decode()


def test_a_role_is_changed_with_its_rights(browser, bob):
    change(browser, bob, role="admin")
    assert (fresh(bob).is_staff, fresh(bob).is_superuser) == (True, True)
    change(browser, bob, role="teacher")
    assert (fresh(bob).is_staff, fresh(bob).is_superuser) == (False, False)


def test_a_role_that_is_in_use_stays(browser, alice, carol, x_b):
    for person, role in ((alice, "student"), (carol, "teacher")):
        answer = change(browser, person, role=role)
        assert answer.status_code == 422
        assert "X-B" in answer.content.decode()
        assert fresh(person).role == person.role


def test_nobody_takes_their_own_rights(browser, admin, bob):
    change(browser, bob, role="admin")
    change(browser, admin, role="student", name="Ada")
    assert (fresh(admin).role, fresh(admin).name) == ("admin", "Ada")
    for what in ("close", "second-factor", "sign-out"):
        browser.post(f"/people/{admin.pk}/{what}/")
    assert fresh(admin).is_active
    assert browser.get("/people/").status_code == 200


def test_two_admins_who_demote_each_other_leave_one(admin, bob):
    people.change_person(
        bob, by=admin, seen=people.seen_of(bob), name="Bob", username="bob", email="", role="admin"
    )
    people.close_account(admin, by=bob)
    with pytest.raises(people.CannotChange, match="last admin"):
        people.close_account(fresh(bob), by=admin)
    with pytest.raises(people.CannotChange, match="last admin"):
        people.change_person(
            bob,
            by=admin,
            seen=people.seen_of(fresh(bob)),
            name="Bob",
            username="bob",
            email="",
            role="teacher",
        )
    assert (fresh(bob).is_active, fresh(bob).role) == (True, "admin")


def test_a_closed_account_ends_at_once_and_can_be_opened_again(browser, admin, carol):
    carols = Client()
    carols.force_login(carol)
    seen = people.seen_of(carol)
    page = browser.post(f"/people/{carol.pk}/close/", follow=True).content.decode()
    assert "The account of Carol is closed" in page
    assert change(browser, carol, seen=seen).status_code == 409
    assert carols.get("/account/").status_code == 302
    assert not UserSession.objects.filter(user=carol).exists()
    assert browser.get(f"/people/{carol.pk}/link/").status_code == 404
    typed = {"username": "carol", "password": "carol"}
    assert carols.post("/sign-in/", typed).status_code == 422
    browser.post(f"/people/{carol.pk}/open/")
    assert fresh(carol).is_active
    reasons = [line.history_change_reason for line in carol.history.all()[:2]]
    assert reasons == [people.OPENED, people.CLOSED]
    assert carol.history.first().history_user == admin


def test_a_new_link_is_e_mailed_or_shown(browser, carol, settings):
    assert "/password/" in browser.get(f"/people/{carol.pk}/link/").content.decode()
    assert not LinkMail.objects.exists()
    browser.post(f"/people/{carol.pk}/link/")
    assert LinkMail.objects.get().user == carol
    assert "E-mail a link" in browser.get(f"/people/{carol.pk}/").content.decode()
    settings.EMAIL_BACKEND = NO_MAIL
    assert "E-mail a link" not in browser.get(f"/people/{carol.pk}/").content.decode()


def test_a_lost_phone_and_forgotten_sign_ins_are_helped_with(browser, alice):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "x"})
    alices = Client()
    alices.force_login(alice)
    page = browser.get(f"/people/{alice.pk}/").content.decode()
    assert "Take the second factor away" in page
    browser.post(f"/people/{alice.pk}/second-factor/")
    assert not Authenticator.objects.exists()
    assert alices.get("/account/").status_code == 302
    page = browser.get(f"/people/{alice.pk}/").content.decode()
    assert "Take the second factor away" not in page
    again = browser.post(f"/people/{alice.pk}/second-factor/", follow=True).content.decode()
    assert "Alice has no second factor." in again
    alices.force_login(alice)
    browser.post(f"/people/{alice.pk}/sign-out/")
    assert alices.get("/account/").status_code == 302


def test_the_way_to_people_is_for_admins(browser, sign_in, alice):
    for path in ("/", "/classes/"):
        assert 'href="/people/"' in browser.get(path).content.decode()
        assert 'href="/people/' not in sign_in(alice).get(path).content.decode()
    assert "/people/?role=teacher&amp;state=open" in browser.get("/").content.decode()


def test_names_are_text_and_never_markup(browser):
    person = factories.make_user("erin", Role.TEACHER)
    person.name = "<b>Erin</b>"
    person.save()
    for path in ("/people/", f"/people/{person.pk}/", f"/people/{person.pk}/link/"):
        assert "<b>Erin" not in browser.get(path).content.decode()

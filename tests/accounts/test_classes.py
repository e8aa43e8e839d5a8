"""The class pages: who sees which class, and the first links of its students."""

import pytest
from django.core import mail

from accounts import school_classes
from accounts.models import Enrolment, LinkMail, Role, SchoolClass
from accounts.people import CannotChange
from accounts.roster_import import import_roster
from tests import factories

NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"
CSV = b"roll_number,name,email\n1,Kofi Farouk,kofi@example.org\n2,Emeka Nakamura,\n"


@pytest.fixture
def people(admin, alice, bob, carol, dora, x_c):
    """Everybody a page may be asked for by; the row in the table is of X-B."""
    elsewhere = factories.make_enrolment(x_c).student
    return {
        "anonymous": None, "admin": admin, "own teacher": alice, "other teacher": bob,
        "own student": carol, "other student": elsewhere,
    }  # fmt: skip


STAFF = {"anonymous": 302, "admin": 200, "own teacher": 200, "other teacher": 404,
         "own student": 404, "other student": 404}  # fmt: skip
WRITE = {**STAFF, "admin": 302, "own teacher": 302}
LIST = {**STAFF, "other teacher": 200}
ADMINS = {**STAFF, "own teacher": 404}
ALL = dict.fromkeys(STAFF, 200) | {"anonymous": 302}


@pytest.mark.parametrize(
    ("method", "path", "data", "expected"),
    [
        ("get", "/classes/", {}, LIST),
        ("get", "/classes/{pk}/", {}, STAFF),
        ("get", "/classes/{pk}/roster/", {}, STAFF),
        ("post", "/classes/{pk}/roster/", {}, {**STAFF, "admin": 422, "own teacher": 422}),
        ("get", "/classes/{pk}/links/", {}, STAFF),
        ("post", "/classes/{pk}/links/send/", {}, WRITE),
        ("get", "/classes/new/", {}, ADMINS),
        ("post", "/classes/new/", {"name": "X-D"}, {**ADMINS, "admin": 302}),
        ("get", "/classes/999999/", {}, {**dict.fromkeys(STAFF, 404), "anonymous": 302}),
        ("get", "/account/", {}, ALL),
        ("get", "/account/password/", {}, ALL),
        ("get", "/notifications/", {}, ALL),
    ],
)
def test_who_gets_which_page(client, people, x_b, method, path, data, expected):
    for name, user in people.items():
        client.logout()
        if user:
            client.force_login(user)
        response = getattr(client, method)(path.format(pk=x_b.pk), data)
        assert response.status_code == expected[name], name
        if user is None:
            assert response["Location"].startswith("/sign-in/")


def test_the_list_shows_a_teacher_the_own_classes_only(sign_in, alice, x_b, x_c):
    page = sign_in(alice).get("/classes/").content.decode()
    assert ">X-B</a>" in page
    assert ">X-C</a>" not in page


def test_an_empty_list_says_what_to_do(sign_in, admin, alice):
    assert "New class" in sign_in(admin).get("/classes/").content.decode()
    teacher = sign_in(alice).get("/classes/").content.decode()
    assert "No classes yet" in teacher
    assert "New class" not in teacher


def test_an_empty_class_offers_the_import(sign_in, alice, x_b):
    page = sign_in(alice).get(f"/classes/{x_b.pk}/").content.decode()
    assert "No students yet" in page
    assert f"/classes/{x_b.pk}/roster/" in page


def test_fifty_classes_and_a_hundred_students_cost_no_more_queries_than_one(
    sign_in, admin, alice, x_b, django_assert_num_queries
):
    for number in range(49):
        factories.make_class(f"C{number}", alice)
    import_roster(
        x_b,
        b"roll_number,name\n" + b"".join(b"%d,Student %d\n" % (n, n) for n in range(100)),
        by=admin,
    )
    client = sign_in(admin)
    with django_assert_num_queries(6):  # session, user, count, classes, teachers, bell
        client.get("/classes/")
    with django_assert_num_queries(7):  # session, user, class, count, students, teachers, bell
        page = client.get(f"/classes/{x_b.pk}/").content.decode()
    assert page.count("no password yet") == 100


def test_an_admin_makes_a_class_with_its_teachers(sign_in, admin, alice, carol):
    client = sign_in(admin)
    response = client.post("/classes/new/", {"name": " X-D ", "teachers": [alice.pk]})
    school_class = SchoolClass.objects.get(name="X-D")
    assert response["Location"] == f"/classes/{school_class.pk}/roster/"
    assert list(school_class.teachers.all()) == [alice]
    twice = client.post("/classes/new/", {"name": "x-d"})
    assert twice.status_code == 422
    assert "There is a class x-d already" in twice.content.decode()
    student = client.post("/classes/new/", {"name": "X-E", "teachers": [carol.pk]})
    assert student.status_code == 422


@pytest.fixture
def waiting(x_b, alice):
    """X-B with Kofi, who has an address, and Emeka, who has none; neither has a password."""
    return import_roster(x_b, CSV, by=alice).new_students


def links(client, x_b):
    response = client.get(f"/classes/{x_b.pk}/links/")
    assert "no-store" in response["Cache-Control"]
    return response.content.decode()


def test_links_are_shown_for_students_whom_mail_does_not_reach(
    sign_in, alice, x_b, waiting, settings
):
    _, emeka = waiting
    page = links(sign_in(alice), x_b)
    assert page.count("/password/") == 1
    assert "user name x-b.2" in page
    settings.EMAIL_BACKEND = NO_MAIL
    assert links(sign_in(alice), x_b).count("/password/") == 2
    emeka.set_password("x")
    emeka.save()
    assert links(sign_in(alice), x_b).count("/password/") == 1


def test_a_student_of_two_teachers_gets_a_link_from_an_admin_only(
    sign_in, admin, alice, bob, x_b, x_c, waiting, settings
):
    settings.EMAIL_BACKEND = NO_MAIL
    import_roster(x_c, CSV.replace(b"2,Emeka Nakamura,\n", b""), by=bob)
    assert "/password/" not in links(sign_in(bob), x_c)
    assert links(sign_in(alice), x_b).count("/password/") == 1
    assert links(sign_in(admin), x_b).count("/password/") == 2


def test_links_are_mailed_again_to_those_who_wait(sign_in, alice, x_b, waiting):
    LinkMail.objects.update(due_at=None)
    sign_in(alice).post(f"/classes/{x_b.pk}/links/send/")
    assert LinkMail.objects.get().due_at is not None
    assert mail.outbox == []


def test_names_are_text_and_never_markup(sign_in, alice, x_b):
    import_roster(x_b, b"roll_number,name\n1,<script>alert(1)</script>\n", by=alice)
    for path in (f"/classes/{x_b.pk}/", f"/classes/{x_b.pk}/links/"):
        page = sign_in(alice).get(path).content.decode()
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page


def test_a_class_keeps_its_students_in_the_order_of_roll_numbers(sign_in, alice, x_b, waiting):
    page = sign_in(alice).get(f"/classes/{x_b.pk}/").content.decode()
    assert page.index("Kofi") < page.index("Emeka")
    assert Enrolment.objects.count() == 2


def test_a_teacher_without_a_class_reads_whom_to_ask(sign_in, admin, bob):
    page = sign_in(bob).get("/classes/").content.decode()
    assert "Whom to ask" in page
    assert 'href="mailto:admin@school.example"' in page
    assert 'href="/classes/"' in sign_in(bob).get("/").content.decode().split("<main")[1]


def edit(browser, school_class, **values):
    seen = school_classes.seen_of(SchoolClass.objects.get(pk=school_class.pk))
    return browser.post(f"/classes/{school_class.pk}/edit/", {"seen": seen} | values)


def test_an_admin_gives_a_class_another_name_and_other_teachers(sign_in, admin, alice, bob, x_b):
    browser = sign_in(admin)
    assert f"/classes/{x_b.pk}/edit/" in browser.get(f"/classes/{x_b.pk}/").content.decode()
    assert "checked" in browser.get(f"/classes/{x_b.pk}/edit/").content.decode()
    assert edit(browser, x_b, name="X-Z", teachers=[bob.pk]).status_code == 302
    now = SchoolClass.objects.get(pk=x_b.pk)
    assert (now.name, list(now.teachers.all())) == ("X-Z", [bob])
    assert now.history.first().history_user == admin
    assert sign_in(alice).get(f"/classes/{x_b.pk}/").status_code == 404


def test_a_class_takes_no_name_of_another_and_no_change_unseen(sign_in, admin, bob, x_b, x_c):
    browser = sign_in(admin)
    assert edit(browser, x_b, name="x-c").status_code == 422
    assert edit(browser, x_b, name="X-B", seen="old", teachers=[bob.pk]).status_code == 409
    unseen = browser.post(f"/classes/{x_b.pk}/edit/", {"name": "X-B", "teachers": [bob.pk]})
    assert unseen.status_code == 409
    assert bob not in x_b.teachers.all()


def test_who_has_left_the_school_is_not_offered_as_a_teacher_but_stays_with_old_classes(
    client, admin, alice, bob, x_b
):
    bob.is_active = alice.is_active = False
    bob.save()
    alice.save()
    client.force_login(admin)
    assert client.get("/classes/new/").text.count('name="teachers"') == 0
    text = client.get(f"/classes/{x_b.pk}/edit/").text
    assert str(alice) in text
    assert str(bob) not in text


def test_who_was_slower_reads_who_changed_the_class_and_saves_over_it(sign_in, admin, bob, x_b):
    seen = school_classes.seen_of(x_b)
    erin = factories.make_user("erin", Role.ADMIN)
    school_classes.change_class(x_b, by=erin, seen=seen, name="X-B", teachers=[bob])
    assert x_b.history.first().history_user == erin
    browser = sign_in(admin)
    answer = edit(browser, x_b, name="X-Z", seen=seen)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Erin saved this class on" in page
    assert "teachers: Bob" in page
    assert 'value="X-Z"' in page
    assert edit(browser, x_b, name="X-Z", seen=answer.context["seen"]).status_code == 302


def test_a_name_that_another_class_got_a_moment_ago_is_no_error_of_ours(admin, x_b, x_c):
    with pytest.raises(CannotChange, match="There is a class X-C already"):
        school_classes.change_class(
            x_b, by=admin, seen=school_classes.seen_of(x_b), name="X-C", teachers=[]
        )
    with pytest.raises(CannotChange, match="There is a class X-C already"):
        school_classes.make_class(by=admin, name="X-C", teachers=[])

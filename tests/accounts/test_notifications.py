"""The bell: told once, read by its owner only."""

import pytest

from accounts.models import Notification
from accounts.notifications import count_unread, notify
from tests import factories


def test_telling_the_same_thing_twice_tells_it_once(carol, dora):
    notify([carol], key="published:1", text="Your marks are there.")
    notify([carol, dora.pk], key="published:1", text="Your marks are there.")
    notify([carol], key="published:2", text="Your marks are there.")
    assert Notification.objects.filter(recipient=carol).count() == 2
    assert Notification.objects.filter(recipient=dora).count() == 1


def test_telling_a_thousand_students_costs_few_statements(db, django_assert_max_num_queries, x_b):
    students = [factories.make_enrolment(x_b).student for _ in range(30)]
    with django_assert_max_num_queries(3):
        notify(students, key="published:1", text="Your marks are there.")
    assert Notification.objects.count() == 30


def test_a_line_too_long_for_the_bell_is_cut(carol):
    notify([carol], key="k", text="x" * 400)
    assert len(Notification.objects.get().text) == 300


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_notification_never_points_outside(carol, url):
    with pytest.raises(ValueError, match="does not lie inside"):
        notify([carol], key="k", text="t", url=url)


@pytest.fixture
def line(carol):
    notify([carol], key="k", text="Your <b>marks</b> are there.", url="/account/")
    return Notification.objects.get()


def test_looking_at_the_bell_writes_nothing(sign_in, carol, line):
    page = sign_in(carol).get("/notifications/")
    assert "Your &lt;b&gt;marks" in page.content.decode()
    assert count_unread(carol) == 1


def test_opening_a_line_marks_it_read_and_goes_where_it_points(sign_in, carol, line):
    response = sign_in(carol).post(f"/notifications/{line.pk}/")
    assert (response.status_code, response["Location"]) == (302, "/account/")
    assert count_unread(carol) == 0


def test_a_strangers_line_cannot_be_opened(sign_in, dora, carol, line):
    assert sign_in(dora).post(f"/notifications/{line.pk}/").status_code == 404
    assert "marks" not in sign_in(dora).get("/notifications/").content.decode().split("<main")[1]
    assert count_unread(carol) == 1


def test_marking_all_as_read_spares_what_came_after_the_page_and_other_people(
    sign_in, carol, dora, line
):
    notify([carol, dora], key="later", text="Later")
    sign_in(carol).post("/notifications/read/", {"newest": line.pk})
    assert count_unread(carol) == 1
    assert count_unread(dora) == 1


@pytest.mark.parametrize("newest", ["", "x", "9" * 30, "-1"])
def test_a_forged_number_marks_nothing(sign_in, carol, line, newest):
    assert sign_in(carol).post("/notifications/read/", {"newest": newest}).status_code == 302
    assert count_unread(carol) == 1


def test_the_bell_shows_the_number_and_costs_one_query(
    sign_in, carol, line, django_assert_num_queries
):
    client = sign_in(carol)
    with django_assert_num_queries(5):  # session, user, bell, count of lines, lines
        page = client.get("/notifications/").content.decode()
    assert "Notifications, 1 unread" in page


def test_a_hundred_notifications_are_cut_into_pages(sign_in, carol, django_assert_num_queries):
    for number in range(60):
        notify([carol], key=f"k{number}", text=f"Line {number:02d}.")
    client = sign_in(carol)
    with django_assert_num_queries(5):
        first = client.get("/notifications/").content.decode()
    assert "Line 59." in first
    assert "Line 09." not in first
    assert "Line 09." in client.get("/notifications/?page=2").content.decode()

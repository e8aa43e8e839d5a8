"""Where people are signed in: what they see of it, and how they end it."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import sessions
from accounts.devices import device_name
from accounts.first_passwords import first_password_url
from accounts.models import UserSession
from batching.tasks import keep_house

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
NEW = {"new_password1": "seven green plants", "new_password2": "seven green plants"}


def browser_of(name, address="198.51.100.7", agent=FIREFOX):
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    assert client.post("/sign-in/", {"username": name, "password": name}).status_code == 302
    return client


def program_of(name, address="203.0.113.5"):
    data = {"username": name, "password": name}
    client = APIClient(REMOTE_ADDR=address, HTTP_USER_AGENT="gradebook/2.1 (x)")
    client.tokens = client.post("/api/v1/token/", data, format="json").json()
    return client


def refresh(client):
    data = {"refresh": client.tokens["refresh"]}
    answer = client.post("/api/v1/token/refresh/", data, format="json")
    if answer.status_code == 200:
        client.tokens = answer.json()
    return answer.status_code


def is_signed_in(client):
    return get_user(client).is_authenticated


def rows(user):
    return list(sessions.sessions_for(user))


def end(client, row):
    return client.post(f"/sessions/{row.pk}/end/")


def test_a_person_sees_browsers_and_programs_with_address_and_time(alice):
    here = browser_of("alice")
    browser_of("alice", "203.0.113.9", PHONE)
    program_of("alice")
    page = here.get("/sessions/").content.decode()
    for text in ("Firefox on Windows", "Safari on iPhone", "gradebook/2.1", "203.0.113.9"):
        assert text in page
    assert page.count(">here<") == 1
    assert page.count('secondary">API<') == 1


def test_nobody_sees_or_ends_what_is_somebody_elses(alice, bob):
    hers, his = browser_of("alice", "203.0.113.9"), browser_of("bob")
    assert "203.0.113.9" not in his.get("/sessions/").content.decode()
    row = rows(alice)[0]
    assert end(his, row).status_code == his.post("/sessions/0/end/").status_code == 404
    assert is_signed_in(hers)


def test_times_are_those_of_the_persons_zone(alice):
    alice.time_zone = "Asia/Kathmandu"
    alice.save()
    here = browser_of("alice")
    row = rows(alice)[0]
    local = row.created_at.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert f"Signed in {local:%-d %b %Y, %H:%M}" in here.get("/sessions/").content.decode()


def test_one_browser_is_signed_out_and_the_others_stay(alice):
    here, there = browser_of("alice"), browser_of("alice", agent=PHONE)
    row = next(row for row in rows(alice) if row.user_agent == PHONE)
    assert end(here, row).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert there.get("/classes/")["Location"].startswith("/sign-in/")
    assert end(here, row).status_code == 404


def test_signing_out_here_from_the_list_leads_to_the_sign_in_page(alice):
    here = browser_of("alice")
    assert end(here, rows(alice)[0])["Location"] == "/sign-in/"
    assert not is_signed_in(here)


def test_a_program_is_signed_out_by_ending_its_refresh_token(alice):
    here, program = browser_of("alice"), program_of("alice")
    assert refresh(program) == 200
    row = next(row for row in rows(alice) if row.kind == "program")
    end(here, row)
    assert refresh(program) == 401
    assert [row.kind for row in rows(alice)] == ["browser"]


def test_a_program_that_renews_its_token_stays_one_line_and_is_seen(alice):
    program = program_of("alice")
    before = UserSession.objects.get()
    program.defaults["REMOTE_ADDR"] = "203.0.113.77"
    refresh(program)
    after = UserSession.objects.get()
    assert (after.pk, after.created_at) == (before.pk, before.created_at)
    assert after.seen_at > before.seen_at
    assert after.address == "203.0.113.77"


def test_signing_out_everywhere_else_keeps_this_browser_alone(alice, bob):
    here, there, program = browser_of("alice"), browser_of("alice"), program_of("alice")
    other = browser_of("bob")
    for _ in range(2):
        assert here.post("/sessions/end/").status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert refresh(program) == 401
    assert is_signed_in(other)
    assert len(rows(alice)) == 1


def test_a_changed_password_signs_out_everywhere_else_and_keeps_this_line(alice):
    here, there, program = browser_of("alice"), browser_of("alice"), program_of("alice")
    here.post("/account/password/", {"old_password": "alice", **NEW})
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert refresh(program) == 401
    page = here.get("/sessions/").content.decode()
    assert page.count(">here<") == 1
    assert "Sign out everywhere else" not in page


def test_a_password_chosen_by_link_signs_out_everywhere(alice):
    there, program = browser_of("alice"), program_of("alice")
    browser = Client()
    # Signing in has ended the links from before.
    alice.refresh_from_db()
    form = browser.get(first_password_url(alice), follow=True).request["PATH_INFO"]
    browser.post(form, NEW)
    assert not is_signed_in(there)
    assert refresh(program) == 401
    assert rows(alice) == []


def test_who_signs_out_or_whose_session_ends_is_not_listed(alice):
    here, there, late = browser_of("alice"), browser_of("alice"), browser_of("alice")
    there.post("/sign-out/")
    store = late.session
    store.set_expiry(-1)
    store.save()
    assert len(rows(alice)) == 1
    browser_of("alice")
    assert UserSession.objects.count() == 2, "rows of ended sessions go with the next sign-in"
    assert is_signed_in(here)


def test_a_browser_is_seen_once_in_a_quarter_of_an_hour(alice, django_assert_num_queries):
    here = browser_of("alice")
    with django_assert_num_queries(4):  # session, user, bell, count of lines
        here.get("/notifications/")
    session, long_ago = here.session, timezone.now() - timedelta(minutes=16)
    session[sessions.SEEN] = long_ago.isoformat()
    session.save()
    UserSession.objects.update(seen_at=long_ago)
    here.get("/notifications/", REMOTE_ADDR="203.0.113.80")
    row = UserSession.objects.get()
    assert row.seen_at > timezone.now() - timedelta(minutes=1)
    assert row.address == "203.0.113.80"
    with django_assert_num_queries(4):
        here.get("/notifications/")


def test_the_list_costs_the_same_for_two_and_for_thirty(alice, django_assert_num_queries):
    here = browser_of("alice")
    for count in (1, 15):
        for _ in range(count):
            browser_of("alice")
            program_of("alice")
        with django_assert_num_queries(5):  # session, user, count, rows, bell
            here.get("/sessions/")


def test_an_admin_ends_somebodys_sign_ins_and_the_history_tells(admin, alice, carol, sign_in):
    there, program, other = browser_of("alice"), program_of("alice"), browser_of("carol")
    form = {"action": "sign_out", "_selected_action": [alice.pk]}
    assert sign_in(admin).post("/admin/accounts/user/", form).status_code == 302
    assert not is_signed_in(there)
    assert refresh(program) == 401
    assert is_signed_in(other)
    line = alice.history.first()
    assert (line.history_change_reason, line.history_user) == (sessions.OF_ADMIN, admin)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Windows"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("python-requests/2.34.2", "python-requests/2.34.2"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_called_what_people_call_it(agent, name):
    assert device_name(agent) == name


# -- over the API


def bearer(program):
    return {"HTTP_AUTHORIZATION": f"Bearer {program.tokens['access']}"}


def test_a_program_lists_where_its_person_is_signed_in(alice, bob):
    browser_of("alice")
    browser_of("bob")
    program = program_of("alice")
    refresh(program)
    answer = program.get("/api/v1/sessions/", **bearer(program)).json()
    assert [
        (row["kind"], row["device"], row["address"], row["is_here"]) for row in answer["results"]
    ] == [
        ("program", "gradebook/2.1", "203.0.113.5", True),
        ("browser", "Firefox on Windows", "198.51.100.7", False),
    ]


def test_a_script_of_a_page_is_the_browser_it_runs_in(alice):
    here = browser_of("alice")
    browser_of("alice")
    listed = here.get("/api/v1/sessions/").json()["results"]
    assert [row["id"] for row in listed if row["is_here"]] == [here.session[sessions.ROW]]


def test_a_program_ends_one_sign_in_and_all_others(alice, bob):
    one, two, other = browser_of("alice"), browser_of("alice"), browser_of("bob")
    program, second = program_of("alice"), program_of("alice")
    refresh(program)
    address = f"/api/v1/sessions/{one.session[sessions.ROW]}/end/"
    assert program.post(address, **bearer(program)).status_code == 204
    assert program.post(address, **bearer(program)).status_code == 404
    assert (is_signed_in(one), is_signed_in(two)) == (False, True)
    his = f"/api/v1/sessions/{other.session[sessions.ROW]}/end/"
    assert program.post(his, **bearer(program)).status_code == 404
    done = program.post("/api/v1/sessions/end/", **bearer(program))
    assert done.json() == {"count": 2}
    assert not is_signed_in(two)
    assert refresh(second) == 401
    assert refresh(program) == 200, "the one that asks goes on"
    assert is_signed_in(other)


def test_a_browser_that_ends_its_own_sign_in_over_the_api_is_signed_out(alice):
    here = browser_of("alice")
    row = here.session[sessions.ROW]
    assert here.post(f"/api/v1/sessions/{row}/end/").status_code == 204
    assert not is_signed_in(here)


def test_a_program_that_signs_in_every_night_leaves_one_row(alice):
    for _ in range(3):
        program = program_of("alice")
        ended = {"refresh": program.tokens["refresh"]}
        program.post("/api/v1/token/end/", ended, format="json")
    program_of("alice")
    assert UserSession.objects.count() == 1


def test_ending_a_sign_in_in_somebody_elses_name_ends_nothing(alice, bob):
    there = browser_of("alice")
    sessions.end_session(rows(alice)[0], by=bob)
    assert is_signed_in(there)
    assert len(rows(alice)) == 1


def test_housekeeping_forgets_as_the_settings_say(settings, alice):
    settings.SHEAF_SIGN_IN_DAYS = 30
    browser_of("alice").session.flush()
    for days, left in ((29, 1), (31, 0)):
        UserSession.objects.update(seen_at=timezone.now() - timedelta(days=days))
        keep_house()
        assert UserSession.objects.count() == left


def test_the_address_of_a_sign_in_that_ended_long_ago_is_forgotten(alice):
    browser_of("alice")
    ended = browser_of("alice", "203.0.113.9")
    program_of("alice")
    ended.session.flush()
    old = timezone.now() - timedelta(days=100)
    UserSession.objects.update(seen_at=old)
    assert sessions.forget_ended(timedelta(days=101)) == 0
    assert sessions.forget_ended(timedelta(days=90)) == 1
    assert {row.address for row in UserSession.objects.all()} == {"198.51.100.7", "203.0.113.5"}
    assert sessions.forget_ended(timedelta(days=90)) == 0

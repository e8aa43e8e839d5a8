"""The second factor: codes besides the password, once each, and not for ever."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import second_factors
from accounts.models import CodeTry, Notification, User
from accounts.second_factors import TooManyCodes, WrongCode, check_code
from accounts.views import confirm, sign_in
from tests.accounts.steps import give_code, give_password, is_signed_in
from tests.authenticator import code_for, code_of, with_second_factor


@pytest.fixture
def guarded(alice) -> User:
    """Alice, who has set up a second factor."""
    return with_second_factor(alice)


def told(user):
    return [line.text for line in Notification.objects.filter(recipient=user)]


def events(user):
    return [row.history_change_reason for row in user.history.all() if row.history_change_reason]


def steal_session_values(client, **values):
    session = client.session
    session.update(values)
    session.save()


# -- signing in


def test_without_a_second_factor_the_password_signs_in_as_before(alice):
    client, answer = give_password()
    assert answer["Location"] == "/"
    assert is_signed_in(client)


def test_the_password_alone_opens_nothing(guarded, x_b):
    client, answer = give_password(next="/classes/")
    assert answer["Location"] == "/sign-in/code/"
    assert not is_signed_in(client)
    for path in ("/classes/", "/account/", "/api/v1/me/"):
        assert client.get(path).status_code in (302, 401)


def test_password_and_code_sign_in_and_go_where_one_wanted_to(guarded):
    client, _ = give_password(next="/classes/")
    assert give_code(client, code_for(guarded))["Location"] == "/classes/"
    assert is_signed_in(client)


def test_a_code_may_be_typed_with_a_space(guarded):
    client, _ = give_password()
    code = code_for(guarded)
    assert give_code(client, f"{code[:3]} {code[3:]}").status_code == 302


def test_a_code_after_the_sign_in_page_never_leads_to_another_site(guarded):
    client, _ = give_password(next="https://evil.example/")
    assert give_code(client, code_for(guarded))["Location"] == "/"


def test_a_wrong_code_is_422_and_signs_nobody_in(guarded):
    client, _ = give_password()
    wrong = give_code(client, "000000")
    assert wrong.status_code == 422
    assert "000000" not in wrong.content.decode(), "the next one is typed into an empty field"
    assert give_code(client, "").status_code == 422
    assert not is_signed_in(client)


def test_nobody_gives_a_code_without_the_password(guarded):
    client = Client()
    assert client.get("/sign-in/code/")["Location"] == "/sign-in/"
    assert give_code(client, code_for(guarded))["Location"] == "/sign-in/"
    assert not is_signed_in(client)


def test_a_password_that_was_given_long_ago_opens_no_code_page(guarded):
    client, _ = give_password()
    waiting = client.session[sign_in.WAITING]
    steal_session_values(client, **{sign_in.WAITING: {**waiting, "since": waiting["since"] - 601}})
    assert give_code(client, code_for(guarded))["Location"] == "/sign-in/"


@pytest.mark.parametrize("change", ["password", "closed"])
def test_a_password_changed_or_an_account_closed_meanwhile_ends_the_waiting(guarded, change):
    client, _ = give_password()
    guarded.refresh_from_db()
    if change == "password":
        guarded.set_password("another")
    else:
        guarded.is_active = False
    guarded.save()
    assert give_code(client, code_for(guarded))["Location"] == "/sign-in/"
    assert not is_signed_in(client)


def test_a_code_works_once_even_where_allauth_has_forgotten_it(guarded):
    from django.core.cache import cache

    code = code_for(guarded)
    check_code(guarded, code)
    cache.clear()  # as in another process
    with pytest.raises(WrongCode):
        check_code(guarded, code)


def test_the_code_that_set_it_up_signs_nobody_in(guarded):
    with pytest.raises(WrongCode):
        check_code(guarded, code_for(guarded, ahead=0))


def test_codes_of_another_hour_and_of_another_person_are_wrong(guarded, bob):
    with_second_factor(bob)
    for code in (code_for(guarded, ahead=120), code_for(bob)):
        with pytest.raises(WrongCode):
            check_code(guarded, code)


def test_a_recovery_code_works_once_and_its_person_is_told(guarded):
    first, second, *_ = second_factors.recovery_codes(guarded)
    client, _ = give_password()
    assert give_code(client, first).status_code == 302
    assert is_signed_in(client)
    assert second_factors.RECOVERY_USED in told(guarded)
    again, _ = give_password()
    assert give_code(again, first).status_code == 422
    assert give_code(again, second).status_code == 302
    assert second_factors.facts_of(guarded).codes_left == 8


def test_a_teacher_who_becomes_a_student_is_still_asked(guarded):
    guarded.refresh_from_db()
    guarded.role = "student"
    guarded.save()
    _, answer = give_password()
    assert answer["Location"] == "/sign-in/code/"


def test_where_it_is_off_nobody_is_asked_and_the_page_is_not_there(guarded, settings):
    settings.SHEAF_SECOND_FACTOR = "off"
    client, _ = give_password()
    assert is_signed_in(client)
    assert client.get("/account/second-factor/").status_code == 404
    assert "second-factor" not in client.get("/account/").content.decode()


# -- the throttle


def test_wrong_codes_lock_codes_for_the_account_from_everywhere(guarded, settings):
    settings.AXES_FAILURE_LIMIT = 3
    statuses = []
    for n in range(3):
        client, _ = give_password(Client(REMOTE_ADDR=f"203.0.113.{n}"))
        statuses.append(give_code(client, "000000").status_code)
    assert statuses == [422, 422, 429]
    client, _ = give_password()
    locked = give_code(client, code_for(guarded))
    assert locked.status_code == 429
    assert "15 minutes" in locked.content.decode()
    assert not is_signed_in(client)
    assert second_factors.GUESSED in told(guarded)


def test_giving_the_password_again_buys_no_more_codes(guarded, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client, _ = give_password()
    give_code(client, "000000")
    give_password(client)
    assert give_code(client, "000000").status_code == 429


def test_wrong_codes_are_forgotten_after_a_while(guarded, settings):
    settings.AXES_FAILURE_LIMIT = 1
    with pytest.raises(TooManyCodes):
        check_code(guarded, "000000")
    with pytest.raises(TooManyCodes):
        check_code(guarded, code_for(guarded))
    CodeTry.objects.filter(code="").update(at=timezone.now() - timedelta(minutes=16))
    check_code(guarded, code_for(guarded))


def test_one_persons_wrong_codes_lock_nobody_else(guarded, bob, settings):
    settings.AXES_FAILURE_LIMIT = 1
    with_second_factor(bob)
    with pytest.raises(TooManyCodes):
        check_code(guarded, "000000")
    check_code(bob, code_for(bob))


def test_a_wrong_code_is_not_written_down(guarded):
    with pytest.raises(WrongCode):
        check_code(guarded, "my password")
    assert not CodeTry.objects.filter(code__contains="pass").exists()


# -- setting up and taking away


def test_a_teacher_sets_it_up_with_an_app(alice):
    client, _ = give_password()
    assert client.post("/account/second-factor/new/")["Location"] == (
        "/account/second-factor/set-up/"
    )
    page = client.get("/account/second-factor/set-up/").content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    secret = re.search(r'<code class="user-select-all[^>]*>([A-Z2-7 ]+)<', page)[1]
    wrong = client.post("/account/second-factor/set-up/", {"code": "000000"})
    assert wrong.status_code == 422
    assert secret in wrong.content.decode(), "the app's secret stays while one mistypes"
    done = client.post("/account/second-factor/set-up/", {"code": code_of(secret)})
    assert done["Location"] == "/account/recovery-codes/"
    codes = second_factors.recovery_codes(alice)
    assert len(codes) == 10
    shown = client.get("/account/recovery-codes/").content.decode()
    assert all(code in shown for code in codes)
    file = client.get("/account/recovery-codes/file/")
    assert "attachment" in file["Content-Disposition"]
    assert all(code in file.content.decode() for code in codes)
    assert "no-store" in file["Cache-Control"]
    assert events(alice) == ["Second factor: set-up"]


def test_the_secret_lies_sealed_in_the_session_and_in_the_database(alice):
    client, _ = give_password()
    client.post("/account/second-factor/new/")
    page = client.get("/account/second-factor/set-up/").content.decode()
    secret = re.search(r"secret=([A-Z2-7]+)", page)[1]
    assert secret not in str(dict(client.session))
    client.post("/account/second-factor/set-up/", {"code": code_of(secret)})
    rows = list(Authenticator.objects.values_list("data", flat=True))
    assert len(rows) == 2
    assert secret not in str(rows)
    assert secret not in str(dict(client.session))


def test_with_another_secret_key_codes_are_read_by_the_old_one_or_not_at_all(guarded, settings):
    old, settings.SECRET_KEY = settings.SECRET_KEY, "k" * 50
    with pytest.raises(ImproperlyConfigured, match="SHEAF_SECRET_KEY_OLD"):
        check_code(guarded, "000000")
    settings.SECRET_KEY_FALLBACKS = [old]
    check_code(guarded, code_for(guarded))


def test_set_up_ends_the_sign_ins_that_no_code_has_opened(alice, sign_in):
    elsewhere = sign_in(alice)
    client, _ = give_password()
    client.post("/account/second-factor/new/")
    page = client.get("/account/second-factor/set-up/").content.decode()
    client.post(
        "/account/second-factor/set-up/", {"code": code_of(re.search(r"secret=(\w+)", page)[1])}
    )
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)


def test_a_second_one_is_not_set_up_over_the_first(guarded):
    sealed = second_factors.sealed_secret()
    with pytest.raises(second_factors.AlreadySetUp):
        second_factors.set_up_second_factor(guarded, sealed, "000000")


def test_a_browser_left_open_shows_no_codes_and_sets_nothing_up(guarded, sign_in):
    client = sign_in(guarded)
    before = list(Authenticator.objects.values_list("pk", "data"))
    for path in ("/account/recovery-codes/", "/account/recovery-codes/file/"):
        assert client.get(path)["Location"].startswith("/account/confirm/?next=")
    for path in ("/account/recovery-codes/new/", "/account/second-factor/new/"):
        assert client.post(path)["Location"].startswith("/account/confirm/?next=")
    assert client.post("/account/confirm/", {"password": "no"}).status_code == 422
    assert list(Authenticator.objects.values_list("pk", "data")) == before
    go_on = client.post(
        "/account/confirm/", {"password": "alice", "next": "/account/recovery-codes/"}
    )
    assert go_on["Location"] == "/account/recovery-codes/"
    assert client.get("/account/recovery-codes/").status_code == 200
    given = client.session[confirm.CONFIRMED]
    steal_session_values(client, **{confirm.CONFIRMED: given - 601})
    assert client.get("/account/recovery-codes/").status_code == 302


def test_asking_for_the_password_again_never_leads_to_another_site(guarded, sign_in):
    answer = sign_in(guarded).post(
        "/account/confirm/", {"password": "alice", "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/account/second-factor/"


def test_guessing_the_password_at_a_browser_left_open_is_slow_too(guarded, sign_in, settings):
    settings.AXES_FAILURE_LIMIT = 2
    client = sign_in(guarded)
    statuses = [
        client.post(path, {"password": "no"}).status_code
        for path in ("/account/confirm/", "/account/second-factor/remove/")
    ]
    assert statuses == [422, 429]


def test_removing_it_asks_for_the_password_however_lately_it_was_given(guarded, alice):
    client, _ = give_password()
    give_code(client, code_for(guarded))
    assert client.post("/account/second-factor/remove/", {"password": "no"}).status_code == 422
    assert second_factors.has_second_factor(alice)
    client.post("/account/second-factor/remove/", {"password": "alice"})
    assert not Authenticator.objects.exists()
    assert is_signed_in(client)
    assert give_password()[1]["Location"] == "/"
    assert events(alice)[0] == "Second factor: removed"
    assert second_factors.REMOVED in told(alice)
    assert client.post("/account/second-factor/remove/", {"password": "alice"}).status_code == 302


def test_new_recovery_codes_end_the_old_ones(guarded):
    old = second_factors.recovery_codes(guarded)
    second_factors.make_recovery_codes(guarded)
    assert not set(old) & set(second_factors.recovery_codes(guarded))
    with pytest.raises(WrongCode):
        check_code(guarded, old[0])


def test_students_have_no_second_factor(carol, sign_in):
    client = sign_in(carol)
    for path in ("second-factor/", "second-factor/set-up/", "recovery-codes/", "confirm/"):
        assert client.get(f"/account/{path}").status_code == 404


# -- a lost phone


def test_an_admin_takes_a_lost_second_factor_away_and_its_person_is_told(guarded, admin, sign_in):
    signed_in = sign_in(guarded)
    for _ in range(2):
        sign_in(admin).post(
            "/admin/accounts/user/", {"action": "reset_codes", "_selected_action": [guarded.pk]}
        )
    assert not second_factors.has_second_factor(guarded)
    assert not is_signed_in(signed_in)
    assert told(guarded).count(second_factors.RESET) == 1
    line = guarded.history.first()
    assert (line.history_change_reason, line.history_user) == ("Second factor: reset", admin)


def test_an_admin_takes_the_own_one_away_by_password_only(admin, sign_in):
    with_second_factor(admin)
    sign_in(admin).post(
        "/admin/accounts/user/", {"action": "reset_codes", "_selected_action": [admin.pk]}
    )
    assert second_factors.has_second_factor(admin)


def test_the_last_admin_gets_in_again_by_the_console(admin, capsys):
    with_second_factor(admin)
    call_command("reset_second_factor", "admin")
    assert not second_factors.has_second_factor(admin)
    call_command("reset_second_factor", "admin")
    assert "has no second factor" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("reset_second_factor", "nobody")


def test_a_password_by_link_does_not_get_around_the_code(guarded):
    from accounts.first_passwords import first_password_url

    browser = Client()
    form = browser.get(first_password_url(guarded), follow=True).request["PATH_INFO"]
    new = {"new_password1": "seven green plants", "new_password2": "seven green plants"}
    browser.post(form, new)
    assert not is_signed_in(browser)
    data = {"username": "alice", "password": "seven green plants"}
    assert browser.post("/sign-in/", data)["Location"] == "/sign-in/code/"

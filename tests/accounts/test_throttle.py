"""The sign-in throttle: guessing is slow from everywhere, and a class gets in from one address."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.first_passwords import first_password_url
from accounts.throttle import client_address
from batching.tasks import keep_house
from tests import factories

SCHOOL = "198.51.100.7"


def sign_in_as(username, password="wrong", address=SCHOOL, **options):
    """The status of a sign-in: 302 for the right password, 422 for a wrong one, 429 locked."""
    data = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address, **options).post("/sign-in/", data).status_code


@pytest.fixture
def limits(settings):
    """Small limits: 3 for an account at an address, 6 for an account, 12 for an address."""
    settings.AXES_FAILURE_LIMIT = 3
    settings.SHEAF_LOGIN_ATTEMPTS_ACCOUNT = 6
    settings.SHEAF_LOGIN_ATTEMPTS_ADDRESS = 12
    return settings


def test_many_addresses_do_not_guess_one_password_for_ever(limits, alice, bob):
    statuses = [sign_in_as("alice", address=f"203.0.113.{n}") for n in range(6)]
    assert statuses == [422] * 5 + [429]
    assert sign_in_as("alice", "alice", address="203.0.113.99") == 429
    assert sign_in_as("bob", "bob", address="203.0.113.99") == 302


def test_one_address_alone_cannot_lock_an_account_for_everybody(limits, alice):
    assert [sign_in_as("alice") for _ in range(20)][2:] == [429] * 18
    assert sign_in_as("alice", "alice", address="203.0.113.1") == 302


def test_one_address_does_not_try_one_password_on_all_accounts(limits, alice):
    statuses = [sign_in_as(f"student{n}", "Password1") for n in range(12)]
    assert statuses == [422] * 11 + [429]
    assert sign_in_as("alice", "alice") == 429
    assert sign_in_as("alice", "alice", address="203.0.113.1") == 302


def test_an_own_account_does_not_buy_an_address_more_guesses(limits, alice, carol):
    for n in range(11):
        sign_in_as(f"student{n}", "Password1")
    assert sign_in_as("carol", "carol") == 302
    assert sign_in_as("alice") == 429


def test_a_class_that_slips_and_gets_in_fills_no_limit(limits, x_b):
    """Results day: everybody behind the school's one address, everybody mistypes twice."""
    for n in range(20):
        factories.make_enrolment(x_b, factories.make_user(f"pupil{n}"))
        assert [sign_in_as(f"pupil{n}") for _ in range(2)] == [422, 422]
        assert sign_in_as(f"pupil{n}", f"pupil{n}") == 302


def test_a_class_of_forty_where_nobody_knows_the_password_leaves_room_for_others(alice):
    """With the limits as they come: five tries each, and the teacher still gets in."""
    assert {sign_in_as(f"pupil{n}") for n in range(40) for _ in range(5)} == {422}
    assert sign_in_as("alice", "alice") == 302


def test_a_new_password_by_link_unlocks_the_account(limits, carol):
    for n in range(6):
        sign_in_as("carol", address=f"203.0.113.{n}")
    assert sign_in_as("carol", "carol") == 429
    browser = Client(REMOTE_ADDR=SCHOOL)
    form = browser.get(first_password_url(carol), follow=True).request["PATH_INFO"]
    new = {"new_password1": "seven green plants", "new_password2": "seven green plants"}
    assert browser.post(form, new).status_code == 302
    assert sign_in_as("carol", "seven green plants") == 302


def test_behind_a_proxy_the_visitors_address_is_locked_and_not_the_proxys(limits, alice):
    limits.SHEAF_PROXY_COUNT = 1
    proxy = {"address": "127.0.0.1"}
    forged = [f"10.0.0.{n}, {SCHOOL}" for n in range(3)]
    assert [sign_in_as("alice", **proxy, HTTP_X_FORWARDED_FOR=told) for told in forged][-1] == 429
    elsewhere = {**proxy, "HTTP_X_FORWARDED_FOR": "203.0.113.1"}
    assert sign_in_as("alice", "alice", **elsewhere) == 302


@pytest.mark.parametrize(
    ("proxies", "told", "own", "address"),
    [
        (0, "203.0.113.1", SCHOOL, SCHOOL),
        (1, "10.0.0.1, 203.0.113.1", SCHOOL, "203.0.113.1"),
        (2, "10.0.0.1, 203.0.113.1, 192.0.2.1", SCHOOL, "203.0.113.1"),
        (2, "203.0.113.1", SCHOOL, SCHOOL),
        (1, "nonsense", SCHOOL, SCHOOL),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (0, "", "::ffff:198.51.100.7", SCHOOL),
        (0, "", "", None),
    ],
)
def test_the_address_is_the_one_our_own_proxies_saw(settings, proxies, told, own, address):
    settings.SHEAF_PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=own, HTTP_X_FORWARDED_FOR=told)
    assert client_address(request) == address


def make_older(model, days):
    model.objects.update(attempt_time=timezone.now() - timedelta(days=days))


def test_housekeeping_forgets_who_signed_in_from_where_after_a_while(settings, alice):
    settings.SHEAF_SIGN_IN_DAYS = 30
    sign_in_as("bob-mistyped")
    sign_in_as("alice", "alice")
    make_older(AccessLog, 31)
    make_older(AccessAttempt, 31)
    sign_in_as("alice", "alice")
    sign_in_as("alice")
    keep_house()
    assert [one.username for one in AccessLog.objects.all()] == ["alice"]
    assert [one.username for one in AccessAttempt.objects.all()] == ["alice"]
    keep_house()
    assert (AccessLog.objects.count(), AccessAttempt.objects.count()) == (1, 1)


def test_what_still_locks_an_account_is_not_forgotten(limits, alice):
    limits.SHEAF_SIGN_IN_DAYS, limits.AXES_COOLOFF_TIME = 1, 72
    for _ in range(3):
        sign_in_as("alice")
    make_older(AccessAttempt, 2)
    keep_house()
    assert sign_in_as("alice", "alice") == 429
    make_older(AccessAttempt, 4)
    keep_house()
    assert not AccessAttempt.objects.exists()

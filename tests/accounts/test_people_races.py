"""Two admins at the same moment; only PostgreSQL really lets them."""

import pytest

from accounts import people
from accounts.models import Role, User
from tests import factories
from tests.races import on_postgresql, race

pytestmark = on_postgresql


@pytest.fixture
def other(db):
    return factories.make_user("erin", Role.ADMIN)


def demote(person, by):
    values = {name: getattr(person, name) for name in ("name", "username", "email")}
    people.change_person(person, by=by, seen=people.seen_of(person), role="teacher", **values)


def test_two_admins_who_take_each_others_role_leave_one(admin, other):
    refused = race(lambda: demote(other, admin), lambda: demote(admin, other))
    assert isinstance(refused, people.CannotChange)
    assert User.objects.filter(role=Role.ADMIN).get() == admin


def test_two_admins_who_close_each_other_leave_one(admin, other):
    refused = race(
        lambda: people.close_account(other, by=admin),
        lambda: people.close_account(admin, by=other),
    )
    assert isinstance(refused, people.CannotChange)
    assert User.objects.filter(role=Role.ADMIN, is_active=True).get() == admin


def test_two_who_add_the_same_person_add_them_once(admin, other):
    new = {"name": "Grace", "username": "grace", "email": "", "role": "teacher"}
    refused = race(
        lambda: people.add_person(by=admin, **new), lambda: people.add_person(by=other, **new)
    )
    assert isinstance(refused, people.CannotChange)
    assert User.objects.filter(username="grace").count() == 1

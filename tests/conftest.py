"""People with fixed meaning, a storage of its own for every test, and nothing mocked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.db import connection
from django.test import Client

from accounts.models import Enrolment, Role, SchoolClass, User
from config.test_settings import NO_VALUE
from exams.models import Exam
from tests import factories

BEFORE_NO_VALUE = re.compile(rf".{{0,60}}{re.escape(NO_VALUE)}")
ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config):
    """German is tested as it stands in the catalogue; the first process compiles it for all."""
    if not hasattr(config, "workerinput"):
        for source in (ROOT / "config/locale").glob("*/LC_MESSAGES/*.po"):
            with source.open("rb") as file, source.with_suffix(".mo").open("wb") as compiled:
                write_mo(compiled, read_po(file))


def pytest_collection_modifyitems(config, items):
    """The slow ones first, so that no process is left with them alone at the end; and what touches
    no database, or shows the same on each, is not run a second time on PostgreSQL.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if connection.vendor != "postgresql":
        return
    kept, left_out = [], []
    for item in items:
        fixtures = {"db", "transactional_db"} & set(item.fixturenames)
        touches = fixtures or item.get_closest_marker("django_db")
        again = touches and item.get_closest_marker("once") is None
        (kept if again else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.fixture(autouse=True)
def _storage_of_its_own(settings, tmp_path, tmp_path_factory):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SHEAF_DATA_DIR = tmp_path
    # Tests run side by side: what lies in the temporary folder is this test's alone.
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path_factory.mktemp("temporary")


@pytest.fixture
def admin(db) -> User:
    return factories.make_user("admin", Role.ADMIN)


@pytest.fixture
def alice(db) -> User:
    """The teacher of X-B."""
    return factories.make_user("alice", Role.TEACHER)


@pytest.fixture
def bob(db) -> User:
    """The teacher of X-C, a stranger to X-B."""
    return factories.make_user("bob", Role.TEACHER)


@pytest.fixture
def x_b(alice) -> SchoolClass:
    return factories.make_class("X-B", alice)


@pytest.fixture
def x_c(bob) -> SchoolClass:
    return factories.make_class("X-C", bob)


@pytest.fixture
def carol(x_b) -> User:
    """A student of X-B."""
    return factories.make_enrolment(x_b, factories.make_user("carol"), "84B003").student


@pytest.fixture
def dora(x_b) -> User:
    """Another student of X-B."""
    return factories.make_enrolment(x_b, factories.make_user("dora"), "17B004").student


@pytest.fixture
def carols_enrolment(carol) -> Enrolment:
    return Enrolment.objects.get(student=carol)


@pytest.fixture
def doras_enrolment(dora) -> Enrolment:
    return Enrolment.objects.get(student=dora)


@pytest.fixture
def exam(x_b, alice) -> Exam:
    """An exam of X-B with two questions, 2 and 3 marks."""
    return factories.make_exam(x_b, title="Biology unit test 3", by=alice)


class Reader(Client):
    """Somebody before a browser, who notices a place of a page that nothing fills."""

    def request(self, **request):
        answer = super().request(**request)
        if not answer.streaming:
            found = BEFORE_NO_VALUE.findall(answer.content.decode("utf-8", "replace"))
            assert not found, f"{request['PATH_INFO']}: {found}"
        return answer


@pytest.fixture
def sign_in():
    """Gives a browser signed in as the user."""

    def _sign_in(user: User) -> Client:
        client = Reader()
        client.force_login(user)
        return client

    return _sign_in


@pytest.fixture
def _real_locks():
    """For races: SQLite has one writer at a time, so that there is none."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")

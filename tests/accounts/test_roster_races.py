"""Two people, or two workers, at the same moment; only PostgreSQL really lets them."""

import threading
import time

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, connections, transaction

from accounts import tasks
from accounts.models import Enrolment, User
from accounts.roster_files import RosterError
from accounts.roster_import import import_roster
from tests import factories

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL"),
]

CSV = b"roll_number,name,email\n1,Kofi,kofi@example.org\n2,Emeka,\n"


class Meanwhile(threading.Thread):
    """Does something on a connection of its own and keeps what came of it."""

    def __init__(self, work):
        super().__init__()
        self.work, self.result = work, None

    def run(self):
        try:
            self.result = self.work()
        except RosterError as error:
            self.result = error
        finally:
            connections.close_all()

    def start_and_wait_until_blocked(self):
        with connection.cursor() as cursor:
            before = self._blocked(cursor)
            self.start()
            for _ in range(200):
                if self._blocked(cursor) > before:
                    return
                time.sleep(0.05)
        raise AssertionError("nobody waited for the lock")

    @staticmethod
    def _blocked(cursor):
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def test_one_roster_imported_twice_at_once_enrols_everybody_once(x_b, alice):
    second = Meanwhile(lambda: import_roster(x_b, CSV, by=alice))
    with transaction.atomic():
        first = import_roster(x_b, CSV, by=alice)
        second.start_and_wait_until_blocked()
    second.join(20)
    assert (first.created, second.result.created, second.result.unchanged) == (2, 0, 2)
    assert Enrolment.objects.count() == 2


def test_an_address_given_away_at_the_same_moment_is_an_error_that_says_what_to_do(x_b, alice):
    second = Meanwhile(lambda: import_roster(x_b, CSV, by=alice))
    with transaction.atomic():
        factories.make_user("kofi", email="kofi@example.org")
        second.start_and_wait_until_blocked()
    second.join(20)
    assert "Import the file once more" in str(second.result)
    assert not Enrolment.objects.exists()
    assert not User.objects.filter(name="Emeka").exists()


class SlowPostOffice(EmailBackend):
    """Keeps a message back until the test lets it go."""

    holding, let_go = threading.Event(), threading.Event()

    def send_messages(self, messages):
        self.holding.set()
        self.let_go.wait(20)
        return super().send_messages(messages)


def test_two_workers_send_one_mail(x_b, alice, settings):
    student = import_roster(x_b, CSV, by=alice).new_students[0]
    settings.EMAIL_BACKEND = f"{__name__}.SlowPostOffice"
    first = Meanwhile(lambda: tasks.mail_link(student.pk))
    first.start()
    assert SlowPostOffice.holding.wait(20)
    second = Meanwhile(lambda: tasks.mail_link(student.pk))
    second.start()
    second.join(1)
    SlowPostOffice.let_go.set()
    first.join(20)
    second.join(20)
    assert len(mail.outbox) == 1

"""Two people, or two workers, at the same moment; only PostgreSQL really lets them."""

import threading

from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from accounts import tasks
from accounts.models import Enrolment, User
from accounts.roster_import import import_roster
from tests import factories
from tests.races import PATIENCE, Meanwhile, on_postgresql, race

pytestmark = on_postgresql

CSV = b"roll_number,name,email\n1,Kofi,kofi@example.org\n2,Emeka,\n"


def test_one_roster_imported_twice_at_once_enrols_everybody_once(x_b, alice):
    first = []
    second = race(
        lambda: first.append(import_roster(x_b, CSV, by=alice)),
        lambda: import_roster(x_b, CSV, by=alice),
    )
    assert (first[0].created, second.created, second.unchanged) == (2, 0, 2)
    assert Enrolment.objects.count() == 2


def test_an_address_given_away_at_the_same_moment_is_an_error_that_says_what_to_do(x_b, alice):
    refusal = race(
        lambda: factories.make_user("kofi", email="kofi@example.org"),
        lambda: import_roster(x_b, CSV, by=alice),
    )
    assert "Import the file once more" in str(refusal)
    assert not Enrolment.objects.exists()
    assert not User.objects.filter(name="Emeka").exists()


class SlowPostOffice(EmailBackend):
    """Keeps a message back until the test lets it go."""

    holding, let_go = threading.Event(), threading.Event()

    def send_messages(self, messages):
        self.holding.set()
        self.let_go.wait(PATIENCE)
        return super().send_messages(messages)


def test_two_workers_send_one_mail(x_b, alice, settings):
    student = import_roster(x_b, CSV, by=alice).new_students[0]
    settings.EMAIL_BACKEND = f"{__name__}.SlowPostOffice"
    first = Meanwhile(lambda: tasks.mail_link(student.pk))
    first.start()
    assert SlowPostOffice.holding.wait(PATIENCE)
    second = Meanwhile(lambda: tasks.mail_link(student.pk))
    second.start()
    second.join(1)
    SlowPostOffice.let_go.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert len(mail.outbox) == 1

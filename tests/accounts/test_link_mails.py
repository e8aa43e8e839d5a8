"""Links by e-mail: kept in the database until sent, sent once, tried again when mail is down."""

import logging
import re
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.utils import timezone
from kombu import pools

from accounts import link_mails, mailing, tasks
from accounts.models import LinkMail
from accounts.password_links import send_links
from accounts.roster_import import import_roster
from config.celery import app
from tests import factories


class MailServerDown(BaseEmailBackend):
    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("gone")


class Killed(BaseEmailBackend):
    def send_messages(self, messages):
        raise KeyboardInterrupt


class AddressRefused(BaseEmailBackend):
    def send_messages(self, messages):
        raise smtplib.SMTPRecipientsRefused({"x": (550, b"no such person")})


@pytest.fixture
def kofi(x_b, alice):
    data = b"roll_number,name,email\n1,Kofi Farouk,kofi@example.org\n"
    return import_roster(x_b, data, by=alice).new_students[0]


def due():
    return link_mails.due(timezone.now())


def test_the_mailed_link_opens_the_students_account(kofi):
    tasks.mail_link(kofi.pk)
    [message] = mail.outbox
    assert message.to == ["kofi@example.org"]
    [link] = re.findall(r"http\S+", message.body)
    page = Client().get(urlsplit(link).path, follow=True)
    assert "kofi@example.org" in page.content.decode()


def test_a_task_run_twice_sends_one_mail(kofi):
    assert due() == [kofi.pk]
    tasks.mail_link(kofi.pk)
    tasks.mail_link(kofi.pk)
    assert len(mail.outbox) == 1
    assert due() == []
    assert LinkMail.objects.get().sent_at is not None


def test_a_task_for_somebody_without_an_order_sends_nothing(carol):
    tasks.mail_link(carol.pk)
    assert mail.outbox == []


def test_a_link_whose_worker_died_is_due_again_after_its_lease(kofi, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Killed"
    with pytest.raises(KeyboardInterrupt):
        tasks.mail_link(kofi.pk)
    assert due() == []
    later = timezone.now() + timedelta(seconds=settings.SHEAF_LEASE_SECONDS + 1)
    assert link_mails.due(later) == [kofi.pk]


def test_while_mail_is_down_a_link_waits_ever_longer_and_is_never_lost(kofi, settings):
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.MailServerDown"
    pauses = []
    for _ in range(12):
        LinkMail.objects.update(due_at=timezone.now())
        tasks.mail_link(kofi.pk)
        pauses.append(round((LinkMail.objects.get().due_at - timezone.now()).total_seconds()))
    assert pauses == sorted(pauses)
    assert pauses[0] > 60
    assert pauses[-1] == mailing.LONGEST_PAUSE.total_seconds()
    settings.EMAIL_BACKEND = backend
    LinkMail.objects.update(due_at=timezone.now())
    tasks.mail_link(kofi.pk)
    assert len(mail.outbox) == 1
    assert LinkMail.objects.get().problem == ""


def test_a_refused_address_is_said_and_not_tried_again(kofi, settings, sign_in, alice, x_b):
    settings.EMAIL_BACKEND = f"{__name__}.AddressRefused"
    tasks.mail_link(kofi.pk)
    assert LinkMail.objects.get().due_at is None
    page = sign_in(alice).get(f"/classes/{x_b.pk}/").content.decode()
    assert "refused the e-mail address" in page


def test_an_account_closed_meanwhile_gets_no_mail(kofi):
    kofi.is_active = False
    kofi.save()
    tasks.mail_link(kofi.pk)
    assert mail.outbox == []
    assert due() == []


def test_nothing_is_due_while_there_is_no_mail_server(kofi, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert due() == []
    tasks.mail_link(kofi.pk)
    assert LinkMail.objects.get().sent_at is None


def test_a_second_order_within_minutes_sends_no_second_mail(kofi):
    tasks.mail_link(kofi.pk)
    send_links([kofi])
    assert due() == []
    LinkMail.objects.update(sent_at=timezone.now() - timedelta(minutes=6))
    send_links([kofi])
    assert due() == [kofi.pk]


def test_people_without_an_address_are_handed_back(db):
    nobody = factories.make_user("nomail", email="")
    assert send_links([nobody]) == [nobody]
    assert not LinkMail.objects.exists()


def test_the_log_names_ids_only(kofi, settings, caplog):
    with caplog.at_level(logging.DEBUG):
        tasks.mail_link(kofi.pk)
        LinkMail.objects.update(due_at=timezone.now())
        settings.EMAIL_BACKEND = f"{__name__}.AddressRefused"
        tasks.mail_link(kofi.pk)
    assert f"user {kofi.pk}" in caplog.text
    assert not any(word in caplog.text for word in ("Kofi", "kofi@", "/password/"))


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_no_error_of_the_person_and_the_link_stays_due(
    client, carol, monkeypatch, caplog
):
    nobody_listens = app.connection_for_write("redis://127.0.0.1:1/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", pools.producers[nobody_listens])
    answer = client.post("/forgotten/", {"email": carol.email})
    assert answer.status_code == 302
    assert "Connection refused" in caplog.text
    assert "carol" not in caplog.text
    assert due() == [carol.pk]

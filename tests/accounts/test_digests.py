"""Unread lines by e-mail: by choice, once, none when there is nothing, again when mail is down."""

import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from accounts import digests, tasks
from accounts.digests import choose_digest, next_due
from accounts.models import Digest
from accounts.notifications import mark_read, notify
from batching.sweep import due_work

DOWN = "tests.accounts.test_digests.MailServerDown"


class MailServerDown(BaseEmailBackend):
    def send_messages(self, messages):
        raise smtplib.SMTPServerDisconnected("gone")


@pytest.fixture
def daily(alice):
    alice.email = "alice@example.org"
    alice.save()
    choose_digest(alice, every="day")
    return alice


def send(person):
    """The digest is due now; sends it."""
    Digest.objects.filter(user=person).update(due_at=timezone.now() - timedelta(seconds=1))
    tasks.mail_digest(person.pk)


def test_unread_lines_come_in_one_mail_and_only_once(daily, settings):
    notify([daily], key="a", text="Biology: 24 of 24 sheets were graded.", url="/runs/1/")
    notify([daily], key="b", text="Physics is published.")
    send(daily)
    [message] = mail.outbox
    assert message.to == ["alice@example.org"]
    assert "24 of 24 sheets" in message.body
    assert "Physics is published." in message.body
    assert f"{settings.SITE_URL}/runs/1/" in message.body
    assert message.subject == "Sheaf: 2 new lines"
    send(daily)
    assert len(mail.outbox) == 1
    notify([daily], key="c", text="Chemistry waits.")
    send(daily)
    assert "Chemistry waits." in mail.outbox[1].body
    assert "Physics" not in mail.outbox[1].body


def test_what_was_read_or_told_before_the_choice_is_not_mailed(alice):
    alice.email = "alice@example.org"
    alice.save()
    notify([alice], key="old", text="Old news.")
    choose_digest(alice, every="hour")
    notify([alice], key="read", text="Read already.")
    mark_read(alice)
    send(alice)
    assert mail.outbox == []
    assert Digest.objects.get().due_at > timezone.now()


def test_a_digest_is_sent_by_one_worker_only(daily):
    notify([daily], key="a", text="Once.")
    Digest.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    digests.mail_digest(daily.pk)
    digests.mail_digest(daily.pk)
    assert len(mail.outbox) == 1


def test_the_sweeper_finds_who_is_due_and_nobody_else(daily, bob):
    notify([daily], key="a", text="Due.")
    assert not [work for work in due_work(timezone.now()) if work.task is tasks.mail_digest]
    Digest.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    found = [work.pk for work in due_work(timezone.now()) if work.task is tasks.mail_digest]
    assert found == [daily.pk]


def test_a_mail_server_that_is_down_is_tried_again_and_nothing_is_forgotten(daily, settings):
    notify([daily], key="a", text="Still to be told.")
    settings.EMAIL_BACKEND, up = DOWN, settings.EMAIL_BACKEND
    send(daily)
    digest = Digest.objects.get()
    assert "tries again" in digest.problem
    assert digest.due_at > timezone.now() + timedelta(seconds=60)
    settings.EMAIL_BACKEND = up
    send(daily)
    assert "Still to be told." in mail.outbox[0].body
    assert Digest.objects.get().problem == ""


def test_more_lines_than_fit_are_counted(daily):
    for number in range(digests.LINES + 5):
        notify([daily], key=f"n{number}", text=f"Line {number}.")
    send(daily)
    assert "And 5 more" in mail.outbox[0].body
    send(daily)
    assert len(mail.outbox) == 1


def test_the_morning_is_the_persons_own(daily):
    digest = Digest.objects.get()
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert next_due(digest, noon) == datetime(2026, 6, 2, 7, tzinfo=UTC)
    digest.user.time_zone = "America/New_York"
    assert next_due(digest, noon - timedelta(hours=2)) == datetime(2026, 6, 1, 11, tzinfo=UTC)
    digest.every = "hour"
    assert next_due(digest, noon) == noon + timedelta(hours=1)


def test_a_person_chooses_zone_and_digest_on_their_page(sign_in, daily):
    browser = sign_in(daily)
    page = browser.get("/account/").content.decode()
    assert "selected>every morning" in page
    # By continent, so that the first letters of the city lead to it.
    assert page.index('<optgroup label="Europe">') < page.index('"Europe/Berlin">Berlin<')
    assert '"Etc' not in page
    answer = browser.post("/account/", {"time_zone": "Asia/Tokyo", "digest": ""})
    assert answer.status_code == 302
    digest = Digest.objects.select_related("user").get()
    assert (digest.user.time_zone, digest.every, digest.due_at) == ("Asia/Tokyo", "", None)
    refused = browser.post("/account/", {"time_zone": "Mars/Base", "digest": "day"})
    assert refused.status_code == 422
    assert Digest.objects.get().every == ""


def test_times_are_shown_in_the_readers_zone(sign_in, alice, carol):
    notify([alice, carol], key="a", text="Now.")
    alice.notifications.update(created_at=datetime(2026, 6, 1, 22, 30, tzinfo=UTC))
    assert "2026-06-01T22:30:00+00:00" in sign_in(alice).get("/notifications/").content.decode()
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    assert "2026-06-02T07:30:00+09:00" in sign_in(alice).get("/notifications/").content.decode()
    alice.time_zone = "Nowhere/Known"
    alice.save()
    assert sign_in(alice).get("/notifications/").status_code == 200


def test_without_an_address_there_is_no_digest_to_choose(sign_in, carol):
    carol.email = ""
    carol.save()
    page = sign_in(carol).get("/account/").content.decode()
    assert 'name="digest"' not in page
    sign_in(carol).post("/account/", {"time_zone": "", "digest": "day"})
    assert not Digest.objects.exists()

"""One-time links: they work once, for one person, for a while."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.first_passwords import first_password_url, tokens
from accounts.roster_import import import_roster

PASSWORD = {"new_password1": "seven green plants", "new_password2": "seven green plants"}


@pytest.fixture
def kofi(x_b, alice):
    data = b"roll_number,name,email\n1,Kofi Farouk,kofi@example.org\n"
    return import_roster(x_b, data, by=alice).new_students[0]


def test_a_class_without_students_is_sent_to_its_roster(sign_in, x_b, alice):
    page = sign_in(alice).get(f"/classes/{x_b.pk}/links/").content.decode()
    assert "No students yet" in page
    assert f"/classes/{x_b.pk}/roster/" in page
    assert "Every student here has a password" not in page


def follow(link):
    """Opens a link as a browser that is not signed in."""
    client = Client()
    return client, client.get(urlsplit(link).path, follow=True)


def test_a_link_is_absolute_and_leads_to_a_password_and_to_signing_in(kofi, settings):
    settings.SITE_URL = "https://marks.school.example/"
    link = first_password_url(kofi)
    assert link.startswith("https://marks.school.example/password/")
    client, page = follow(link)
    assert "kofi@example.org" in page.content.decode()
    path = page.redirect_chain[-1][0]
    assert link.rsplit("/", 2)[1] not in path
    assert client.post(path, PASSWORD)["Location"] == "/sign-in/"
    kofi.refresh_from_db()
    assert kofi.check_password("seven green plants")


def test_a_link_dies_when_it_was_used(kofi):
    link = first_password_url(kofi)
    client, page = follow(link)
    client.post(page.redirect_chain[-1][0], PASSWORD)
    for later in (link, page.redirect_chain[-1][0]):
        _, answer = follow(later)
        assert answer.status_code == 404
        assert "does not work any more" in answer.content.decode()
        assert "kofi" not in answer.content.decode()


def test_a_page_left_open_cannot_change_the_password_a_second_time(kofi):
    link = first_password_url(kofi)
    (first, page), (second, _) = follow(link), follow(link)
    path = page.redirect_chain[-1][0]
    first.post(path, PASSWORD)
    other = {"new_password1": "another long one", "new_password2": "another long one"}
    assert second.post(path, other).status_code == 404
    kofi.refresh_from_db()
    assert kofi.check_password("seven green plants")


def test_a_link_dies_when_it_is_too_old(kofi, settings, monkeypatch):
    link = first_password_url(kofi)
    later = timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 60)
    monkeypatch.setattr(tokens, "_now", lambda: later.replace(tzinfo=None))
    assert follow(link)[1].status_code == 404


def test_a_link_does_not_open_another_account(kofi, carol):
    token = first_password_url(kofi).rsplit("/", 2)[1]
    other = first_password_url(carol).replace(first_password_url(carol).rsplit("/", 2)[1], token)
    assert follow(other)[1].status_code == 404


@pytest.mark.parametrize("path", ["/password/x/y/", "/password/OTk5OTk/abc-def/"])
def test_an_invented_link_and_an_unknown_account_look_the_same(db, path):
    answer = Client().get(path, follow=True)
    assert answer.status_code == 404
    assert "does not work any more" in answer.content.decode()


def test_a_closed_account_cannot_be_opened_with_a_link(kofi):
    link = first_password_url(kofi)
    kofi.is_active = False
    kofi.save()
    assert follow(link)[1].status_code == 404


@pytest.mark.parametrize("password", ["12345678", "password", "kofi@example.org", "short"])
def test_a_weak_password_is_refused_with_422(kofi, password):
    client, page = follow(first_password_url(kofi))
    answer = client.post(
        page.redirect_chain[-1][0], {"new_password1": password, "new_password2": password}
    )
    assert answer.status_code == 422
    kofi.refresh_from_db()
    assert not kofi.has_usable_password()

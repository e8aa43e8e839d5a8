"""Everybody reads pages and e-mails in their own language; what is kept in rows is English."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from accounts import tasks
from accounts.digests import choose_digest
from accounts.languages import set_language
from accounts.models import Digest, Notification
from accounts.notifications import notify
from accounts.password_links import send_links

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-CH,de;q=0.9,en;q=0.5"}
FRENCH = {"HTTP_ACCEPT_LANGUAGE": "fr,es;q=0.8"}


def language(answer) -> str:
    """What the page says of itself; its header says the same."""
    said = answer.content.decode().partition('<html lang="')[2][:2]
    assert answer["Content-Language"] == said
    return said


@pytest.fixture
def german(alice):
    set_language(alice, "de")
    return alice


def test_a_stranger_reads_what_the_browser_asks_for(db):
    answer = Client().get("/sign-in/", **GERMAN)
    assert language(answer) == "de"
    assert "Zum Inhalt springen" in answer.content.decode()
    # Each by its own name, for whoever cannot read the other.
    assert re.findall(r'lang="\w\w"[^>]*>(\w+)<', answer.content.decode()) == ["English", "Deutsch"]
    assert "Accept-Language" in answer["Vary"]
    assert language(Client().get("/sign-in/")) == "en"


def test_a_browser_of_another_language_gets_the_site_s_own(db, settings):
    assert language(Client().get("/sign-in/", **FRENCH)) == "en"
    settings.SHEAF_LANGUAGE = "de"
    assert language(Client().get("/sign-in/", **FRENCH)) == "de"
    assert language(Client().get("/sign-in/", HTTP_ACCEPT_LANGUAGE="en-GB")) == "en"


@pytest.mark.parametrize("header", ["*", "", ",;q=x", "d" * 5000, "../../etc"])
def test_a_header_that_means_nothing_is_no_error(db, header):
    assert language(Client().get("/sign-in/", HTTP_ACCEPT_LANGUAGE=header)) == "en"


def test_a_choice_on_the_sign_in_page_stays_with_the_browser(db):
    browser = Client()
    answer = browser.post("/language/", {"language": "de", "next": "/sign-in/"})
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/")
    assert language(browser.get("/sign-in/", HTTP_ACCEPT_LANGUAGE="en")) == "de"


def test_a_choice_leads_nowhere_but_into_sheaf_and_needs_a_token(db):
    answer = Client().post("/language/", {"language": "de", "next": "https://evil.example/"})
    assert answer["Location"] == "/"
    browser = Client()
    browser.post("/language/", {"language": "xx", "next": "/sign-in/"})
    assert language(browser.get("/sign-in/")) == "en"
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/language/", {"language": "de"}).status_code == 403


def test_a_person_s_own_choice_comes_before_the_browser_s(sign_in, german):
    browser = sign_in(german)
    browser.cookies["django_language"] = "en"
    assert language(browser.get("/account/", HTTP_ACCEPT_LANGUAGE="en")) == "de"


def test_the_choice_is_made_on_the_account_page_and_answered_in_the_new_language(sign_in, alice):
    browser = sign_in(alice)
    answer = browser.post("/account/", {"language": "de", "time_zone": ""}, follow=True)
    assert language(answer) == "de"
    assert "Gespeichert." in answer.content.decode()
    answer = browser.post("/account/", {"language": "", "time_zone": ""}, follow=True)
    assert language(answer) == "en"
    assert "Saved." in answer.content.decode()
    assert browser.post("/account/", {"language": "fr", "time_zone": ""}).status_code == 422


def test_a_language_costs_no_query(sign_in, alice, django_assert_num_queries):
    browser = sign_in(alice)
    browser.get("/notifications/")
    with django_assert_num_queries(4):
        browser.get("/notifications/")
    set_language(alice, "de")
    with django_assert_num_queries(4):
        assert language(browser.get("/notifications/")) == "de"


def test_the_next_request_of_a_process_begins_anew(sign_in, german):
    sign_in(german).get("/account/")
    assert translation.get_language() == "en"
    assert language(Client().get("/sign-in/")) == "en"


def test_a_language_that_is_not_there_any_more_is_the_browser_s(sign_in, alice):
    set_language(alice, "xx")
    assert language(sign_in(alice).get("/account/", **GERMAN)) == "de"


def test_error_pages_speak_the_reader_s_language(sign_in, german):
    answer = sign_in(german).get("/nowhere/")
    assert answer.status_code == 404
    assert language(answer) == "de"
    assert "Hier ist nichts" in answer.content.decode()


# -- the API -------------------------------------------------------------------------------------


def test_errors_of_the_api_follow_the_client_and_their_codes_stay(sign_in, german):
    browser = sign_in(german)
    english = browser.get("/api/v1/nowhere/")
    answer = browser.get("/api/v1/nowhere/", **GERMAN)
    assert english.json()["message"] == "There is no such thing here."
    assert answer.json()["message"] == "Das gibt es hier nicht."
    assert english.json()["code"] == answer.json()["code"] == "not_found"
    assert answer["Content-Language"] == "de"


def test_an_error_that_somebody_else_found_is_told_in_the_same_language(db):
    size = {"CONTENT_LENGTH": "99999999"}
    answer = Client().generic("POST", "/api/v1/token/", **size, **GERMAN)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert answer.json()["message"] == "Das ist größer, als hier gesendet werden darf."


# -- rows and e-mails ----------------------------------------------------------------------------


def test_a_line_of_the_bell_is_kept_in_english_and_told_in_the_reader_s_language(sign_in, german):
    sentence = "Your marks for %(exam)s are there."
    with translation.override("de"):
        notify([german], key="k", text=sentence, values={"exam": "100 % Biology"})
    line = Notification.objects.get()
    assert line.text == "Your marks for 100 % Biology are there."
    page = sign_in(german).get("/notifications/").content.decode()
    assert "Ihre Punkte für 100 % Biology sind da." in page
    api = sign_in(german).get("/api/v1/notifications/").json()["results"][0]
    assert api["text"] == line.text


def test_a_reason_in_a_line_is_translated_with_it(alice):
    reason = "The mail server refused the e-mail address."
    sentence = "%(run)s: %(count)s sheets wait to be sent again. %(problem)s"
    values = {"run": "Saved.", "count": 3, "problem": reason}
    notify([alice], key="k", text=sentence, values=values)
    with translation.override("de"):
        told = Notification.objects.get().told
    # A title is a name, also where a catalogue has the same words.
    assert told.startswith("Saved.: Bögen, die noch einmal zu senden sind: 3.")
    assert told.endswith("Der Mailserver hat die E-Mail-Adresse abgelehnt.")


def test_an_old_line_stays_as_it_was_told(alice):
    line = Notification.objects.create(recipient=alice, key="k", text="100 % of %(x)s")
    with translation.override("de"):
        assert line.told == "100 % of %(x)s"


@pytest.fixture
def reachable(german):
    german.email = "alice@example.org"
    german.save()
    return german


def test_a_link_is_mailed_in_the_receiver_s_language(reachable):
    send_links([reachable])
    tasks.mail_link(reachable.pk)
    assert mail.outbox[0].subject == "Ein neues Passwort für Sheaf"
    assert "Wählen Sie es hier" in mail.outbox[0].body


def test_a_digest_is_in_the_receiver_s_language_else_the_site_s(reachable, settings):
    choose_digest(reachable, every="hour")
    for key, own in (("a", "de"), ("b", "")):
        set_language(reachable, own)
        settings.SHEAF_LANGUAGE = "en"
        notify(
            [reachable], key=key, text="Your marks for %(exam)s are there.", values={"exam": "X"}
        )
        due = Digest.objects.get(user=reachable)
        due.due_at = due.user.date_joined
        due.save()
        tasks.mail_digest(reachable.pk)
    first, second = mail.outbox
    assert first.subject == "Sheaf: 1 neue Benachrichtigung"
    assert "Ihre Punkte für X sind da." in first.body
    assert second.subject == "Sheaf: 1 new line"
    assert "Your marks for X are there." in second.body
    assert translation.get_language() == "en"


def test_a_reason_in_a_row_is_english_and_shown_translated(sign_in, reachable):
    choose_digest(reachable, every="hour")
    Digest.objects.update(problem="The mail server does not answer; Sheaf tries again.")
    page = sign_in(reachable).get("/account/").content.decode()
    assert "Der Mailserver antwortet nicht; Sheaf versucht es weiter." in page

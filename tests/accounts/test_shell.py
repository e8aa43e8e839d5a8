"""The frame of every page: what it links to, what it loads, and its shared fragments."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings as django_settings
from django.template.loader import render_to_string
from django.test import Client

from exams.models import SheetState

VENDOR = Path(django_settings.BASE_DIR) / "static" / "vendor"
TEMPLATES = Path(django_settings.BASE_DIR) / "templates"


def test_vendored_files_are_the_ones_of_the_readme():
    listed = dict(re.findall(r"^\| (\S+/\S+) \| `([0-9a-f]{64})` \|$", readme(), re.M))
    there = {
        str(file.relative_to(VENDOR)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "README.md"
    }
    assert listed == there


def readme():
    return (VENDOR / "README.md").read_text()


def test_every_vendored_thing_has_a_version_and_a_licence():
    folders = [path for path in VENDOR.iterdir() if path.is_dir()]
    for folder in folders:
        assert (folder / "LICENSE").exists()
        assert f"({folder.name}/LICENSE)" in readme()
    assert len(re.findall(r"^## .+ \d+\.\d+\.\d+, ", readme(), re.M)) == len(folders)


def test_every_icon_in_a_template_is_in_the_sprite():
    sprite = (VENDOR / "bootstrap-icons" / "icons.svg").read_text()
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used = {
        name
        for template in TEMPLATES.rglob("*.html")
        for name in re.findall(r'{% icon "([^"]+)"', template.read_text())
    }
    assert used
    assert used <= there


def test_no_template_holds_script_or_style_of_its_own():
    for template in TEMPLATES.rglob("*.html"):
        text = re.sub(r"{%.*?%}", "", template.read_text())
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), template
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on", text), template
        assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text), template


def test_pages_forbid_script_and_style_from_elsewhere(sign_in, alice):
    policy = sign_in(alice).get("/classes/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_htmx_is_told_to_evaluate_nothing_and_to_keep_no_pages(client, db):
    page = client.get("/sign-in/").content.decode()
    config = json.loads(re.search(r"name=\"htmx-config\" content='([^']+)'", page)[1])
    assert config["allowEval"] is False
    assert config["includeIndicatorStyles"] is False
    assert config["historyCacheSize"] == 0
    assert {"code": "(409|422)", "swap": True} in config["responseHandling"]


@pytest.mark.parametrize(
    ("person", "there", "absent"),
    [
        ("admin", ["Exams", "Classes", "Administration"], ["My results"]),
        ("alice", ["Exams", "Classes"], ["My results", "Administration"]),
        ("carol", ["My results"], ["Exams", "Classes", "Administration"]),
    ],
)
def test_the_bar_shows_everybody_their_own_ways(request, sign_in, person, there, absent):
    page = sign_in(request.getfixturevalue(person)).get("/account/").content.decode()
    bar = re.search(r"<header.*?</header>", page, re.S)[0]
    assert all(f">{text}</a>" in bar for text in there)
    assert not any(f">{text}</a>" in bar for text in absent)
    assert 'action="/sign-out/"' in bar


def test_htmx_sends_the_token_that_forms_send(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    page = client.get("/account/").content.decode()
    headers = json.loads(re.search(r"hx-headers='([^']+)'", page)[1])
    response = client.post("/notifications/read/", headers=headers)
    assert response.status_code == 302
    assert client.post("/notifications/read/").status_code == 403


def test_somebody_unknown_gets_a_plain_page_for_what_is_not_there(client, db):
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_broken_page_says_so_without_needing_anything(client, db, settings):
    assert "Something went wrong" in render_to_string("500.html")


@pytest.mark.parametrize(("htmx", "whole"), [(False, True), (True, False)])
def test_a_conflict_is_a_page_for_people_and_a_line_for_htmx(rf, alice, htmx, whole):
    request = rf.get("/x/")
    request.user, request.htmx = alice, htmx
    text = render_to_string("409.html", {"message": "Bob gave 2 marks."}, request)
    assert "Bob gave 2 marks." in text
    assert ("<html" in text) is whole


class Example(forms.Form):
    title = forms.CharField(help_text="Short.")
    note = forms.CharField(required=False, widget=forms.Textarea)
    kind = forms.ChoiceField(choices=[("a", "A")])
    sure = forms.BooleanField()
    many = forms.MultipleChoiceField(
        choices=[("a", "A"), ("b", "B")], widget=forms.CheckboxSelectMultiple, required=False
    )
    secret = forms.CharField(widget=forms.HiddenInput, required=False)


def test_a_form_names_its_errors_at_the_field_and_for_screen_readers():
    html = render_to_string("_form.html", {"form": Example({"title": ""})})
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert 'id="id_title_helptext"' in html
    assert 'id="id_title_error"' in html
    assert html.count("This field is required.") == 3
    assert 'class="form-control is-invalid"' in html
    assert html.count("<fieldset") == html.count("</fieldset>") == 1
    assert html.count("<div") == html.count("</div>")
    assert html.count('name="secret"') == 1


def test_every_state_of_a_sheet_has_its_badge(db):
    css = (Path(django_settings.BASE_DIR) / "static/css/sheaf.css").read_text()
    for state in SheetState.values:
        if state != "skipped":
            assert f".state-{state}" in css
    html = render_to_string("_state.html", {"state": "failed", "label": "failed"})
    assert "state-failed" in html


def test_a_progress_line_is_read_without_script():
    html = render_to_string("_progress.html", {"done": 3, "total": 24, "label": "sheets read"})
    assert '<progress value="3" max="24" aria-label="sheets read">' in html
    assert "3 of 24 sheets read" in html
    assert 'max="1"' in render_to_string("_progress.html", {"done": 0, "total": 0})


def test_an_empty_list_has_a_way_on():
    html = render_to_string(
        "_empty.html", {"title": "No exams yet", "url": "/exams/new/", "label": "New exam"}
    )
    assert 'href="/exams/new/"' in html


def test_the_account_leads_to_a_new_password_once(sign_in, carol):
    page = sign_in(carol).get("/account/").content.decode()
    assert page.count('href="/account/password/"') == 1

"""No barriers on the pages around a run: axe-core finds nothing serious at either size.

In German, whose words are longer, no page is wider than a phone and none shows what is not
German or not filled in.

Debian's Chromium and a running site: one exam with papers to review, one whose papers are all in a
draft, one with nothing in it yet.
"""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from tests.browser.test_review_desk import (
    DESKTOP,
    PHONE,
    barriers,
    browser,
    pictures,
    sit_down,
)
from tests.site import running_site

__all__ = ["browser", "pictures"]

pytestmark = pytest.mark.slow

MAKE = """
from batching.build import build_run
from grading.runs import draft_run
from tests import factories
from tests.browser.desk_class import PASSWORD, make
exam = make()
exam.sheets.first().assessments.update(provider="offline", source="offline")
here, by = exam.school_class, exam.created_by
drafted = factories.make_exam(here, title="All in a draft", by=by)
for _ in range(3):
    factories.make_sheet(drafted, state="mapped")
run = draft_run(drafted, provider="offline", by=by)
build_run(run.pk)
factories.make_exam(here, title="Nothing yet", by=by)
admin = factories.make_user("root", "admin")
admin.set_password(PASSWORD)
admin.save()
"""
# Beside the pages around a run.
OF_GRADED = ("rubric/", "rubric/edit/", "rubric/text/", "rubric/versions/", "answer-key/")
OF_GRADED += ("answer-key/propose/", "mapping/gaps/", "uploads/", "history/", "delete/")
PEOPLE = (
    "/classes/",
    "/classes/1/",
    "/classes/1/roster/",
    "/classes/1/links/",
    "/account/",
    "/account/password/",
    "/account/second-factor/",
    "/sessions/",
    "/notifications/",
)
LANGUAGE_COOKIE = settings.LANGUAGE_COOKIE_NAME
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What is left where nothing was filled in.
UNFILLED = re.compile(r"\{\{.*?\}\}|%\(\w+\)\w?|\{\w+\}")
OF_EXAM = (
    "",
    "edit/",
    "samples/",
    "upload/",
    "mapping/",
    "runs/",
    "runs/new/",
    "review/",
    "results/",
    "statistics/",
    "publish/",
    "exports/",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("barriers")) as site:
        site.manage("shell", "--no-imports", "-c", MAKE)
        site.start_web()
        yield site


@pytest.mark.parametrize(("size", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_pages_around_a_run_have_no_barriers(site, browser, pictures, size, viewport):
    page = sit_down(browser, site, "alice")
    page.set_viewport_size(viewport)
    found = {}
    for path in paths(site):
        answer = page.goto(path)
        assert answer.status == 200, path
        name = path.strip("/").replace("/", "-") or "start"
        page.screenshot(path=pictures / f"{name}-{size}.png", full_page=True)
        found |= {path: told} if (told := barriers(page)) else {}
    assert not found
    assert not page.complaints


def test_in_german_every_page_fits_a_phone(site, browser, pictures):
    """What is too wide for a phone may scroll inside its own frame, never the page."""
    page = sit_down(browser, site, "alice")
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": "de", "url": site.url}])
    page.set_viewport_size(PHONE)
    wrong = []
    exam = site.ask("Exam.objects.order_by('pk').first().pk")
    for path in (*paths(site), *PEOPLE, *(f"/exams/{exam}/{rest}" for rest in OF_GRADED)):
        answer = page.goto(path)
        page.wait_for_load_state("networkidle")
        name = path.strip("/").replace("/", "-") or "start"
        page.screenshot(path=pictures / f"{name}-german.png", full_page=True)
        assert page.locator("html").get_attribute("lang") == "de", path
        wide = page.evaluate(WIDER)
        wrong += [f"{path}: {wide} pixels wider than a phone"] if wide or not answer.ok else []
        left = UNFILLED.findall(page.locator("body").inner_text())
        wrong += [f"{path}: {text} is not filled in" for text in left]
    assert not wrong, "\n".join(wrong)
    assert not page.complaints


def test_the_bar_of_an_admin_fits_a_phone_in_german(site, browser):
    page = sit_down(browser, site, "root")
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": "de", "url": site.url}])
    page.set_viewport_size(PHONE)
    for path in ("/", "/system/", "/classes/", "/classes/new/", "/exams/new/"):
        page.goto(path)
        assert page.evaluate(WIDER) == 0, path
        for link in page.locator(".topnav a").all():
            box = link.bounding_box()
            assert box["x"] + box["width"] <= page.locator(".bell").bounding_box()["x"], path


def paths(site) -> list[str]:
    exams = site.ask("list(Exam.objects.order_by('pk').values_list('pk', flat=True))")
    run = site.ask("str(GradingRun.objects.get().pk)")
    return [
        "/",
        "/exams/",
        *(f"/exams/{exam}/{rest}" for exam in exams for rest in OF_EXAM),
        f"/runs/{run}/",
        f"/runs/{run}/example/",
        f"/runs/{run}/items/",
    ]

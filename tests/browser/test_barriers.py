"""No barriers on the pages around a run: axe-core finds nothing serious at either size.

Debian's Chromium and a running site: one exam with papers to review, one whose papers are all in a
draft, one with nothing in it yet.
"""

from __future__ import annotations

import pytest

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
from tests.browser.desk_class import make
exam = make()
exam.sheets.first().assessments.update(provider="offline", source="offline")
here, by = exam.school_class, exam.created_by
drafted = factories.make_exam(here, title="All in a draft", by=by)
for _ in range(3):
    factories.make_sheet(drafted, state="mapped")
run = draft_run(drafted, provider="offline", by=by)
build_run(run.pk)
factories.make_exam(here, title="Nothing yet", by=by)
"""
OF_EXAM = (
    "",
    "edit/",
    "regions/",
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

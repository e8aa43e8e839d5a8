"""Makes the pictures of docs/teachers.md and of the README, by a walk through the demo.

    python -m tests.browser.guide docs/images

An installation of its own, the demo's class, real workers and the offline baseline: what a teacher
does in the guide is done here in the same order, and each step leaves its picture.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.screens import PHONE, chromium, sign_in
from tests.browser.test_walk import MINUTES
from tests.site import Site, running_site, wait_until

SCREEN = {"width": 1180, "height": 800}
COLOURS = 128
QUESTION = "Q3a"


class Photographer:
    """A person at a screen, each of whose steps is kept as a small PNG."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder

    def take(self, name: str) -> None:
        """Keep what the screen shows, in so few colours that a repository can hold it."""
        self.page.wait_for_load_state("networkidle")
        shot = Image.open(io.BytesIO(self.page.screenshot()))
        small = shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(self.folder / f"{name}.png", optimize=True)


def walk(site: Site, folder: Path) -> None:
    """The teacher's ten minutes, then the student's results on a phone."""
    password = dict(
        line.split() for line in (site.folder / "data" / "demo-passwords").read_text().splitlines()
    )
    with chromium() as browser:
        options = {"base_url": site.url, "reduced_motion": "reduce"}
        screen = browser.new_context(viewport=SCREEN, **options).new_page()
        teacher = Photographer(screen, folder)
        sign_in(screen, "teacher", password["teacher"])
        hand_in(site, teacher)
        grade(teacher)
        review(site, teacher)
        publish(teacher)
        phone = browser.new_context(viewport=PHONE, device_scale_factor=2, **options).new_page()
        student = Photographer(phone, folder)
        sign_in(phone, "student", password["student"])
        student.take("student-start")
        phone.get_by_role("link", name=re.compile("The water cycle")).first.click()
        student.take("student-result")
        ask(phone)
        answer(teacher)


def hand_in(site: Site, teacher: Photographer) -> None:
    page = teacher.page
    exam = site.ask("Exam.objects.get().pk")
    page.goto(f"/exams/{exam}/rubric/edit/")
    teacher.take("rubric")
    page.goto(f"/exams/{exam}/uploads/")
    page.get_by_role("link", name=re.compile("water-cycle.zip")).first.click()
    expect(page.locator("#upload-progress[hx-trigger]")).to_have_count(0, timeout=MINUTES)
    teacher.take("upload")
    page.goto(f"/exams/{exam}/regions/")
    teacher.take("regions")
    wait_until(
        lambda: (
            not site.ask("Sheet.objects.filter(state='pending_mapping', suggested_at=None).count()")
        ),
        "every sheet has a suggestion",
    )
    page.goto(f"/exams/{exam}/mapping/?view=grid")
    teacher.take("mapping")
    page.get_by_role("button", name=re.compile("Confirm all")).click()
    expect(page.get_by_role("button", name=re.compile("Confirm all"))).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Confirm")).first.click()
    page.goto(f"/exams/{exam}/mapping/?tab=failed")
    page.get_by_role("button", name=re.compile("Skip")).first.click()
    page.goto("/")
    teacher.take("start")


def grade(teacher: Photographer) -> None:
    page = teacher.page
    exam = page.get_by_role("link", name="The water cycle").first.get_attribute("href")
    page.goto(f"{exam}runs/new/")
    page.get_by_role("button", name="Draft the run").click()
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_visible(timeout=MINUTES)
    teacher.take("draft")
    send.click()
    expect(page.get_by_role("link", name="Review the marks")).to_be_visible(timeout=MINUTES)
    teacher.take("run")
    page.goto(f"{exam}review/")


def review(site: Site, teacher: Photographer) -> None:
    page = teacher.page
    teacher.take("review-list")
    page.get_by_role("link", name="Start here").click()
    page.wait_for_url("**/sheets/*/review/**")
    for _ in range(2):
        page.keyboard.press("j")
    expect(page.locator(".mark.current")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    teacher.take("review")
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    teacher.take("review-keys")
    page.keyboard.press("Escape")
    exam = site.ask("Exam.objects.get().pk")
    page.goto(f"/exams/{exam}/review/questions/")
    page.get_by_role("link", name=re.compile(QUESTION)).first.click()
    teacher.take("review-question")
    page.goto(f"/exams/{exam}/review/")
    page.get_by_text("Approve without looking at each").click()
    page.get_by_label(re.compile("Why|Reason")).fill("Read together in the staff room.")
    page.get_by_role("button", name="Approve unseen").click()
    page.goto(f"/exams/{exam}/statistics/")
    teacher.take("statistics")


def publish(teacher: Photographer) -> None:
    page = teacher.page
    statistics = page.url
    page.goto(statistics.replace("/statistics/", "/edit/"))
    in_a_week = datetime.now() + timedelta(days=7)
    page.locator("[name=appeals_until]").fill(f"{in_a_week:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Save").click()
    page.goto(statistics.replace("/statistics/", "/publish/"))
    teacher.take("publish")
    page.get_by_role("button", name=re.compile(r"Publish \d+ results")).click()
    expect(page.get_by_text(re.compile("results published")).first).to_be_visible()


def ask(phone: Page) -> None:
    question = phone.locator("article", has_text=QUESTION)
    question.get_by_text("Ask about this mark").click()
    question.get_by_role("textbox").fill("Does my last sentence count as well?")
    question.get_by_role("button", name="Send to your teacher").click()
    expect(phone.locator(".own-appeal")).to_be_visible()


def answer(teacher: Photographer) -> None:
    page = teacher.page
    page.goto(page.url.replace("/publish/", "/review/") + "?show=appealed")
    page.get_by_role("link", name="Start here").click()
    page.wait_for_url("**/sheets/*/review/**")
    page.locator("[data-answer]").fill("It does: it is one of the four points.")
    page.locator(".mark", has=page.locator(".appeal-open")).evaluate("mark => mark.focus()")
    teacher.take("appeal")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, running_site(Path(place)) as site:
        site.manage("seed_demo")
        site.start_web()
        site.start_worker()
        site.start_beat()
        walk(site, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

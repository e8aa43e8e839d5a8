"""A walk through the pages of results: charts under the policy, a page enlarged, paper printed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import PHONE, Walker

pytestmark = pytest.mark.slow

MAKE = """
from tests.browser.result_class import make
make(state="reviewed", pages=2, others=5, show_distribution=True)
"""


def charts(page: Page) -> int:
    return page.locator(".chart canvas").count()


def test_results_from_the_preview_to_a_students_phone(site, browser, pictures, tmp_path):
    exam = site.ask("Exam.objects.get().pk")
    sheet = site.ask("Sheet.objects.get(enrolment__roll_number='84B003').pk")
    teacher = Walker(browser, site, pictures)
    page = teacher.page
    teacher.sign_in("alice")

    # The charts stand beside tables with the same figures; without script the tables are enough.
    teacher.visit(f"/exams/{exam}/statistics/", "statistics")
    assert charts(page) == 2
    assert page.locator("table[data-chart]").count() == 2
    silent = browser.new_context(base_url=site.url, java_script_enabled=False)
    silent.add_cookies(page.context.cookies())
    plain = silent.new_page()
    plain.goto(f"/exams/{exam}/statistics/")
    assert charts(plain) == 0
    expect(plain.get_by_role("table").first).to_contain_text("40 to under 50 %")

    teacher.visit(f"/exams/{exam}/exports/", "downloads")
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything in one ZIP").click()
    assert download.value.suggested_filename == "biology-unit-test-3-archive.zip"
    teacher.visit(f"/exams/{exam}/publish/", "publish-preview")
    page.get_by_label(re.compile("Roll number")).fill("84B003")
    page.get_by_role("button", name="See it as the student does").click()
    expect(page.get_by_text("will see once the exam is published")).to_be_visible()
    teacher.look("preview-chosen")
    page.goto(f"/exams/{exam}/publish/")
    page.get_by_role("button", name="Publish 6 results").click()
    teacher.visit(f"/exams/{exam}/history/", "exam-history")
    expect(page.get_by_text("“Published.”").first).to_be_visible()
    teacher.visit(f"/sheets/{sheet}/history/", "sheet-history")

    student = Walker(browser, site, pictures)
    student.sign_in("carol")
    student.visit(f"/results/{sheet}/", "result-with-class")
    page = student.page
    expect(page.get_by_text("How many of 6 results")).to_be_visible()
    page.set_viewport_size(PHONE)
    page.locator("a[data-zoom]").first.click()
    large = page.locator("dialog.zoom img")
    before = large.bounding_box()
    page.get_by_role("button", name="Larger").click()
    after = large.bounding_box()
    assert before
    assert after
    # All of the page first, then more than fits.
    assert before["width"] <= PHONE["width"] < after["width"]
    page.screenshot(path=pictures / "result-zoomed-phone.png")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.zoom")).to_be_hidden()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    expect(page.locator(".own-pages")).to_be_visible()
    page.locator("#print-pages").evaluate("box => { box.checked = false; }")
    expect(page.locator(".own-pages")).to_be_hidden()
    assert not student.page.complaints

"""A student's result in a real browser: what told of it is read, and a page opens as a whole.

Debian's Chromium and a running site.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.screens import DESKTOP, PHONE, sit_down

pytestmark = pytest.mark.slow

MAKE = """
from accounts.models import User
from accounts.notifications import notify
from grading.queries import result_url
from tests.browser.result_class import make
exam, carol = make(), User.objects.get(username="carol")
notify([carol], key="one", text="Your marks are there.", url=result_url(exam))
notify([carol], key="two", text="Something else.", url="/account/")
"""


def test_who_opens_a_result_has_read_what_told_of_it(site, browser):
    page = sit_down(browser, site, "carol", viewport=PHONE)
    page.goto("/results/")
    assert page.locator("#bell").get_attribute("aria-label") == "Notifications, 2 unread"
    page.locator(".result-card").click()
    expect(page.locator("#bell")).to_have_attribute("aria-label", "Notifications, 1 unread")
    page.goto("/notifications/")
    page.locator("li", has_text="Your marks are there.").get_by_role("button").click()
    page.wait_for_url("**/results/1/")
    page.locator("#bell").click()
    page.wait_for_url("**/notifications/")
    assert not page.complaints


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_page_opens_with_all_its_edges_and_is_enlarged_then(site, browser, pictures, viewport):
    page = sit_down(browser, site, "carol", viewport=viewport)
    page.goto("/results/1/")
    page.locator("a[data-zoom]").first.click()
    image = page.locator(".zoom-room img")
    expect(image).to_be_visible()
    box = image.bounding_box()
    page.screenshot(path=pictures / f"result-zoom-{viewport['width']}.png")
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    assert box["width"] >= viewport["width"] * 0.9
    page.get_by_role("button", name="Larger").click()
    assert image.bounding_box()["width"] > box["width"] * 1.2
    assert not page.complaints

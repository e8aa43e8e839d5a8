"""An appeal in a real browser: asked on a phone, answered at the desk by keyboard, read again.

Debian's Chromium and a running site; axe-core looks at the result with its form open and with the
answer.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.desk_steps import keys, tab_to
from tests.browser.screens import PHONE, TOO_WIDE, barriers, sit_down

pytestmark = pytest.mark.slow

MAKE = """
from datetime import timedelta
from django.utils import timezone
from tests.browser.result_class import make
make(others=1, appeals_until=timezone.now() + timedelta(days=7))
"""


def test_a_student_asks_on_a_phone_and_a_teacher_answers_by_keyboard(site, browser, pictures):
    phone = sit_down(browser, site, "carol", viewport=PHONE)
    phone.goto("/results/1/")
    question = phone.locator("article", has_text="Q2")
    question.get_by_text("Ask about this mark").click()
    question.get_by_role("textbox").fill("All <three> parts are there.\nSee page 1.")
    phone.screenshot(path=pictures / "appeal-asked-phone.png", full_page=True)
    assert not barriers(phone)
    question.get_by_role("button", name="Send to your teacher").click()
    expect(phone.locator(".own-appeal")).to_contain_text("All <three> parts are there.")

    desk = sit_down(browser, site, "alice")
    desk.goto("/exams/1/review/?show=appealed")
    tab_to(desk, "Start here")
    keys(desk, "Enter")
    desk.wait_for_url("**/sheets/*/review/**")
    card = desk.locator(".mark", has=desk.locator(".appeal-open"))
    expect(card).to_contain_text("All <three> parts are there.")
    # From no mark, and from one without an appeal, to the one that has it.
    keys(desk, "j", "e")
    expect(card.locator("[data-answer]")).to_be_focused()
    desk.keyboard.type("I see two of them.")
    desk.screenshot(path=pictures / "appeal-desk.png")
    keys(desk, "Control+Enter")
    expect(desk.locator(".appeal")).to_contain_text("Answered by Alice")
    expect(desk.locator("#sheet-head")).not_to_contain_text("appealed")
    assert not barriers(desk)
    assert not desk.complaints

    phone.goto("/results/1/")
    expect(phone.locator(".own-appeal")).to_contain_text("I see two of them.")
    phone.screenshot(path=pictures / "appeal-answered-phone.png", full_page=True)
    assert not barriers(phone)
    assert not phone.evaluate(TOO_WIDE)
    phone.emulate_media(media="print")
    assert phone.get_by_text("Ask about this mark").first.is_hidden()
    assert phone.get_by_text("I see two of them.").is_visible()
    assert not phone.complaints

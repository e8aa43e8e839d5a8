"""Where names stand, in a real browser: boxes are drawn by mouse and finger, moved by keys, and
what is saved is what the page showed.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import DESKTOP, PHONE, barriers, sit_down

pytestmark = pytest.mark.slow

MAKE = "from tests.browser.desk_class import make; make()"
EMPTY = """
from exams.models import Exam
exam = Exam.objects.get()
exam.regions = []
exam.save()
"""
STORED = "Exam.objects.get().regions"


@pytest.fixture
def page(site, browser):
    """Alice before the page of an exam that has no places yet; a script error fails the test."""
    site.manage("shell", "--no-imports", "-c", EMPTY)
    page = sit_down(browser, site, "alice")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(address(site))
    yield page
    assert not page.complaints
    page.context.close()


def address(site) -> str:
    return f"/exams/{site.ask('Exam.objects.get().pk')}/regions/"


def corner(page: Page, x: float, y: float) -> tuple[float, float]:
    """A point of the page that is shown, given in percent of it."""
    box = page.locator("[data-boxes]").bounding_box()
    return box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*corner(page, *start))
    page.mouse.down()
    page.mouse.move(*corner(page, *end), steps=8)
    page.mouse.up()


def numbers(page: Page) -> list[float]:
    row = page.locator("[data-row]").last
    return [float(row.locator(f"[data-field={name}]").input_value()) for name in "xywh"]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("from now on.").first).to_be_visible()


def test_a_box_that_is_drawn_moved_and_made_larger_is_saved(site, page, pictures):
    drag(page, (5, 3), (65, 10))
    assert numbers(page) == pytest.approx([5, 3, 60, 7], abs=0.3)
    drag(page, (30, 6), (35, 8))
    assert numbers(page) == pytest.approx([10, 5, 60, 7], abs=0.3)
    drag(page, (70, 12), (80, 14))
    assert numbers(page) == pytest.approx([10, 5, 70, 9], abs=0.3)
    drag(page, (50, 8), (99, 8))  # no further than the page goes
    shown = numbers(page)
    assert shown[0] + shown[2] == pytest.approx(100, abs=0.01)
    page.screenshot(path=pictures / "regions-drawn.png", full_page=True)
    expect(page.get_by_text("not saved yet")).to_be_visible()
    save(page)
    region = site.ask(STORED)[0]
    assert [region[name] * 100 for name in "xywh"] == pytest.approx(shown)
    assert (region["page"], region["holds"]) == (1, ["name", "roll_number"])
    expect(page.locator("[data-key]")).to_have_count(1)


def test_boxes_are_made_moved_and_deleted_by_keyboard_alone(site, page):
    page.get_by_role("button", name="Add a place").press("Enter")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert numbers(page) == [6, 3.5, 49.5, 8.5]
    expect(page.locator("[data-key]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("20")
    expect(page.get_by_role("button", name="Place 1: 20 % from the left")).to_be_visible()
    page.locator("[data-key]").press("Delete")
    expect(page.locator("[data-row]")).to_have_count(0)
    page.keyboard.press("Enter")  # on "Bring it back"
    expect(page.locator("[data-key]")).to_be_focused()
    page.get_by_role("button", name="Save", exact=True).last.press("Enter")
    expect(page.get_by_text("from now on.").first).to_be_visible()
    assert site.ask(STORED)[0]["x"] == 0.2


def test_another_page_of_another_sheet_keeps_what_was_drawn(site, page):
    drag(page, (5, 3), (65, 10))
    page.get_by_role("button", name="The next sheet").click()
    expect(page.get_by_text("Sheet 2 of 6")).to_be_visible()
    expect(page.locator("[data-key]")).to_have_count(1)
    page.get_by_role("button", name="Page 2").click()
    expect(page.get_by_role("button", name="Page 2")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-key]")).to_have_count(0)
    drag(page, (50, 50), (90, 55))
    expect(page.locator("[data-row]")).to_have_count(2)
    save(page)
    assert [region["page"] for region in site.ask(STORED)] == [1, 2]


def test_a_finger_scrolls_until_drawing_is_turned_on(site, browser, pictures):
    page = sit_down(browser, site, "alice", viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page).not_to_have_url(re.compile("sign-in"))
    page.goto(address(site))
    expect(page.get_by_role("heading", name="Where names stand")).to_be_visible()
    before = page.locator("[data-row]").count()
    page.screenshot(path=pictures / "regions-phone.png")
    stroke(page, (50, 60), (53, 40))
    assert page.locator("[data-row]").count() == before
    page.get_by_role("button", name="Draw with the finger").tap()
    page.evaluate("window.scrollTo(0, 0)")
    stroke(page, (10, 30), (60, 38))
    assert page.locator("[data-row]").count() == before + 1
    assert numbers(page) == pytest.approx([10, 30, 50, 8], abs=1.5)
    page.screenshot(path=pictures / "regions-finger.png", full_page=True)
    page.context.close()


def stroke(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger that is put down, drawn over the page and lifted."""
    session = page.context.new_cdp_session(page)
    (x, y), (to_x, to_y) = corner(page, *start), corner(page, *end)
    steps = [(x + (to_x - x) * part / 6, y + (to_y - y) * part / 6) for part in range(7)]
    for number, (at_x, at_y) in enumerate(steps):
        kind = "touchMove" if number else "touchStart"
        point = [{"x": at_x, "y": at_y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_without_script_numbers_are_typed_and_the_box_is_shown(site, browser):
    page = sit_down(browser, site, "alice", java_script_enabled=False)
    page.goto(address(site))
    count = page.locator("[data-row]").count()
    page.get_by_role("button", name="Add a place").click()
    row = page.locator("[data-row]").nth(count)
    for name, value in {"Left": "10", "Top": "20", "Width": "30", "Height": "5"}.items():
        row.get_by_label(name).fill(value)
    page.get_by_role("button", name="Page 2").click()
    page.get_by_role("button", name="Page 1").click()
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("from now on.").first).to_be_visible()
    assert site.ask(STORED)[-1]["y"] == 0.2
    expect(page.locator(".region-box").last).to_have_attribute("x", "10%")
    page.context.close()


@pytest.mark.parametrize(("size", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_page_has_no_barriers_with_boxes_and_with_errors(page, pictures, size, viewport):
    page.set_viewport_size(viewport)
    assert not barriers(page)
    page.screenshot(path=pictures / f"regions-none-{size}.png", full_page=True)
    drag(page, (5, 3), (65, 10))
    page.get_by_role("button", name="Add a place").click()
    page.locator("[data-field=w]").last.fill("99")
    assert not barriers(page)
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Left and width are 104 % together").first).to_be_visible()
    assert not barriers(page)
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    page.screenshot(path=pictures / f"regions-wrong-{size}.png", full_page=True)

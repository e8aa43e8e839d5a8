"""The review desk in a real browser: all of it by keyboard, two browsers on one mark, no barriers.

Debian's Chromium and a running site. From the list on nothing is done with the mouse. axe-core
looks at every page of the desk at desktop and phone size.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.desk_steps import current, expect_saved, keys, mark, tab_to
from tests.browser.screens import DESKTOP, PHONE, barriers, sign_in, sit_down
from tests.site import wait_until

pytestmark = pytest.mark.slow

MAKE = "from tests.browser.desk_class import make; make()"


def test_a_sheet_is_reviewed_with_the_keyboard_alone(site, browser, pictures):
    page = sit_down(browser, site, "alice")
    page.goto("/exams/1/review/")
    tab_to(page, "Start here")
    keys(page, "Enter")
    page.wait_for_url("**/sheets/*/review/**")
    first = page.url

    # Points: asked once why, and remembered for the next.
    keys(page, "j", "2")
    expect(page.locator(".mark.current .why-choices button").first).to_be_focused()
    expect(page.locator(".mark.current .save-state")).to_contain_text("say why")
    keys(page, "3")
    expect_saved(page)
    one = current(page)
    assert mark(site, one, "awarded") == "2.00"
    assert site.ask(f"Mark.history.filter(id={one}).latest().history_change_reason") == (
        "Partial credit"
    )
    keys(page, "j", "1", ".")
    expect_saved(page)
    two = current(page)
    assert two != one
    assert mark(site, two, "awarded") == "1.50"
    keys(page, "+")
    wait_until(lambda: mark(site, two, "awarded") == "2.00", "a step more is saved", 10)
    keys(page, "-", "-")
    wait_until(lambda: mark(site, two, "awarded") == "1.00", "two steps less are saved", 10)

    # Points of ten and more: two digits.
    keys(page, "j", "j", "1", "1")
    expect_saved(page)
    assert mark(site, current(page), "awarded") == "11.00"

    # Feedback, saved after a pause; kept for others.
    keys(page, "k", "k", "k")
    assert current(page) == one
    keys(page, "f", "Control+a")
    page.keyboard.type("Say where the water goes.")
    wait_until(
        lambda: mark(site, one, "feedback") == "Say where the water goes.", "it is saved", 10
    )
    page.keyboard.type(" And the light")
    keys(page, "Escape")
    wait_until(lambda: mark(site, one, "feedback").endswith("And the light"), "it is saved", 10)
    keys(page, "c")
    expect(page.locator("[data-palette] h3")).to_be_focused()
    keys(page, "+")
    expect(page.locator("[data-palette] [data-key='1']")).to_be_focused()
    page.screenshot(path=pictures / "desk-comments.png")
    keys(page, "Escape")

    # A reason in one's own words, and the history that tells it.
    keys(page, "3", "r", "Control+a")
    page.keyboard.type("Both parts are there")
    keys(page, "Control+Enter")
    told = "Mark.history.filter(history_change_reason='Both parts are there').exists()"
    wait_until(lambda: site.ask(told), "it is saved", 10)
    expect(page.locator(".mark.current .save-state")).to_contain_text("Both parts are there")
    keys(page, "Control+a")
    page.keyboard.type("Both parts, in the margin")
    keys(page, "Escape")
    told = told.replace("Both parts are there", "Both parts, in the margin")
    wait_until(lambda: site.ask(told), "the reason is put right", 10)
    expect(page.locator(".mark.current .save-state")).to_contain_text("in the margin")
    keys(page, "h")
    expect(page.locator(".mark.current .mark-history")).to_contain_text("Both parts are there")

    # A flag up and down.
    keys(page, "m")
    page.keyboard.type("Please look again")
    keys(page, "Enter")
    expect(page.locator(".mark.current .raised")).to_contain_text("Please look again")
    keys(page, "m")
    expect(page.locator(".mark.current .raised")).to_have_count(0)

    # Undo: the reason, the points, the text.
    keys(page, "u", "u")
    wait_until(lambda: mark(site, one, "awarded") == "2.00", "the points are as before", 10)
    expect(page.locator(".mark.current .mark-points strong")).to_have_text("2")
    keys(page, "u")
    wait_until(lambda: not mark(site, one, "feedback").endswith("light"), "so is the text", 10)
    expect(page.locator(f"#mark-{one}-feedback")).not_to_have_value(re.compile("light$"))
    expect(page.locator(".mark.current")).to_be_focused()

    # What cannot be done is said where one looks, and not for ever.
    keys(page, "9")
    expect(page.locator(".mark.current .save-state")).to_contain_text("9 cannot be given here")
    keys(page, "h")
    expect(page.locator(".mark.current .mark-history")).to_be_in_viewport()

    # The page image.
    scale = "new DOMMatrix(getComputedStyle(document.querySelector('.page-pan')).transform).a"
    keys(page, "z", "z")
    wait_until(lambda: page.evaluate(f"{scale} > 1.5"), "the page is so", 10)
    keys(page, "Shift+ArrowRight")
    wait_until(lambda: page.evaluate(scale.replace(".a", ".e") + " !== 0"), "the page is so", 10)
    keys(page, "x")
    wait_until(lambda: page.evaluate(f"{scale} < 1.5"), "the page is so", 10)
    keys(page, "t")
    expect(page.locator(".desk-page img").first).to_have_class("turned-90")
    page.screenshot(path=pictures / "desk-turned.png")
    keys(page, "w")
    wait_until(lambda: page.evaluate(f"{scale} === 1"), "the page is so", 10)
    expect(page.locator("img.turned-90")).to_have_count(0)

    # Whose sheet it is, and blind again.
    assert "Zuleika" not in page.content()
    keys(page, "b")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Zuleika")
    keys(page, "b")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Zuleika")
    assert site.ask("Reveal.objects.filter(hidden_at__isnull=False).count()") == 1

    # Help, other sheets, lists, and approving.
    keys(page, "?")
    expect(page.locator("dialog.keys")).to_be_visible()
    page.screenshot(path=pictures / "desk-keys.png")
    keys(page, "Escape")
    keys(page, "n")
    page.wait_for_url(lambda url: url != first)
    keys(page, "j", "c")
    expect(page.locator("[data-palette] [data-key='1']")).to_be_focused()
    keys(page, "1")
    expect(page.locator(".mark.current textarea").first).to_have_value(
        "Feedback on Q1\nSay where the water goes. And the light"
    )
    keys(page, "p")
    page.wait_for_url(first)
    keys(page, "/")
    expect(page.locator("[data-lists]")).to_be_focused()
    # What is still being typed goes along with the approval.
    keys(page, "j", "f")
    page.keyboard.type("Last words. ")
    keys(page, "Escape", "a")
    page.wait_for_url(lambda url: url != first)
    assert "Last words." in mark(site, one, "feedback")
    assert site.ask(f"Mark.objects.get(pk={one}).sheet.state") == "overridden"
    assert not page.complaints


def test_a_question_is_reviewed_across_all_sheets_with_the_keyboard(site, browser, pictures):
    page = sit_down(browser, site, "erin")
    page.goto("/exams/1/review/questions/")
    tab_to(page, "Go through")
    keys(page, "Enter")
    page.wait_for_url("**/questions/Q1/**")
    keys(page, "j")
    one = current(page)
    keys(page, "a")
    wait_until(
        lambda: page.evaluate(f"document.querySelector('.mark.current')?.id !== 'mark-{one}'"),
        "the page is so",
        10,
    )
    assert site.ask(f"Accepted.objects.filter(mark_pk={one}).count()") == 1
    done = site.ask("Accepted.objects.count() + Sheet.objects.exclude(state='graded').count()")
    expect(page.locator("#question-head progress")).to_have_attribute("value", str(done))
    # Other points are asked why, then saved and accepted in one go.
    two = current(page)
    keys(page, "3")
    expect(page.locator(".mark.current .why-choices button").first).to_be_focused()
    keys(page, "1")
    expect_saved(page)
    keys(page, "s")
    wait_until(
        lambda: page.evaluate(f"document.querySelector('.mark.current')?.id !== 'mark-{two}'"),
        "the page is so",
        10,
    )
    assert mark(site, two, "awarded") == "3.00"
    keys(page, "u")
    wait_until(lambda: mark(site, two, "awarded") != "3.00", "the change is undone", 10)
    # What was accepted was the other value.
    expect(page.locator(f"#mark-{two} .flag-saved")).to_have_count(0)
    page.screenshot(path=pictures / "desk-question.png")
    keys(page, "n")
    page.wait_for_url("**from=**")
    keys(page, "p")
    keys(page, "]")
    page.wait_for_url("**/questions/Q2/**")
    keys(page, "/")
    expect(page.locator("#question-head .nav-link").first).to_be_focused()
    keys(page, "q")  # before the first j: of the first mark
    # One is at this question there, and goes on from it.
    page.wait_for_url("**/sheets/*/review/**")
    keys(page, "j", "q")
    page.wait_for_url("**/questions/Q3/**")
    assert "Zuleika" not in page.content()
    assert not page.complaints


def test_two_browsers_on_one_mark_lose_nothing(site, browser, pictures):
    alice, erin = (sit_down(browser, site, name) for name in ("alice", "erin"))
    sheet = site.ask("Sheet.objects.filter(state='graded').order_by('-pk').first().pk")
    for page in (alice, erin):
        page.goto(f"/sheets/{sheet}/review/")
        keys(page, "j")
    pk = current(alice)
    keys(alice, "f", "Control+a")
    alice.keyboard.type("Hers")
    keys(alice, "Escape")
    expect_saved(alice)
    keys(erin, "f", "Control+a")
    erin.keyboard.type("His")
    keys(erin, "Control+Enter")
    dialog = erin.locator("#conflict dialog")
    expect(dialog).to_be_visible()
    for told in ("Hers", "His", "saved by Alice"):
        expect(dialog).to_contain_text(told)
    erin.screenshot(path=pictures / "desk-conflict.png")
    assert not barriers(erin)
    assert mark(site, pk, "feedback") == "Hers"
    # To edit on: what was typed is still there, and goes over hers with the next save.
    tab_to(erin, "Edit mine")
    keys(erin, "Enter")
    expect(dialog).to_have_count(0)
    expect(erin.locator(".mark.current textarea").first).to_be_focused()
    keys(erin, "Control+End")
    erin.keyboard.type(" and hers")
    keys(erin, "Control+Enter")
    expect_saved(erin)
    assert mark(site, pk, "feedback") == "His and hers"
    # The other one keeps theirs; then she saves over it.
    for choice, words in (("Keep theirs", "Behind her back"), ("Save mine over it", "And again")):
        alice.goto(f"/sheets/{sheet}/review/")
        keys(alice, "j")
        site.manage("shell", "--no-imports", "-c", BEHIND_HER_BACK.format(pk=pk, words=words))
        keys(alice, "f", "Control+a")
        alice.keyboard.type("Mine after all")
        keys(alice, "Control+Enter")
        dialog = alice.locator("#conflict dialog")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("button", name="Keep theirs")).to_be_focused()
        kept = choice == "Keep theirs"
        keys(alice, *([] if kept else ["Tab"]), "Enter")
        expect(dialog).to_have_count(0)
        expect(alice.locator(".mark.current textarea").first).to_have_value(
            words if kept else "Mine after all"
        )
    assert mark(site, pk, "feedback") == "Mine after all"
    told = site.ask(f"list(Mark.history.filter(id={pk}).values_list('feedback', flat=True))")
    assert {"Hers", "His and hers", "Behind her back", "And again", "Mine after all"} <= set(told)


BEHIND_HER_BACK = """
from accounts.models import User
from grading.models import Mark
from grading.review import change_mark
mark = Mark.objects.get(pk={pk})
change_mark({pk}, awarded=mark.awarded, feedback="{words}", reason="", version=mark.version,
            by=User.objects.get(username="erin"))
"""


def test_a_save_that_cannot_be_made_says_so_and_keeps_what_was_typed(site, browser):
    page = sit_down(browser, site, "erin")
    sheet = site.ask("Sheet.objects.filter(state='graded').order_by('pk').first().pk")
    page.goto(f"/sheets/{sheet}/review/")
    keys(page, "j")
    page.context.set_offline(True)
    keys(page, "f")
    page.keyboard.type("Typed in a tunnel. ")
    keys(page, "Escape")
    expect(page.locator(".mark.current .save-state")).to_contain_text("Not saved")
    page.context.set_offline(False)
    keys(page, "s")
    expect_saved(page)
    assert "Typed in a tunnel." in mark(site, current(page), "feedback")


def test_what_is_typed_while_the_sign_in_ends_is_saved_after_signing_in_elsewhere(site, browser):
    page = sit_down(browser, site, "erin")
    sheet = site.ask("Sheet.objects.filter(state='graded').order_by('pk').first().pk")
    page.goto(f"/sheets/{sheet}/review/")
    keys(page, "j")
    page.context.clear_cookies()
    keys(page, "f")
    page.keyboard.type("Typed while signed out. ")
    keys(page, "Escape")
    expect(page.locator(".mark.current .save-state")).to_contain_text("you are signed out")
    expect(page.locator("#messages")).to_contain_text("what you typed is still here")
    assert page.locator("[name=password]").count() == 0
    with page.context.expect_page() as opened:
        page.locator("#messages a").click()
    sign_in(opened.value, "erin")
    keys(page, "s")
    expect_saved(page)
    expect(page.locator("#messages")).not_to_contain_text("what you typed")
    assert "Typed while signed out." in mark(site, current(page), "feedback")


def test_a_key_pressed_the_moment_a_save_arrives_does_not_leave_the_desk(site, browser):
    page = sit_down(browser, site, "alice")
    page.goto("/exams/1/review/?show=all")
    page.get_by_role("link", name="Start here").click()
    page.wait_for_url("**/sheets/*/review/**")
    keys(page, "j", "f", "Control+a")
    # Before htmx has bound the links that came with the answer.
    press = (
        "document.querySelector('.mark.current')"
        ".dispatchEvent(new KeyboardEvent('keydown', { key: 'h', bubbles: true }))"
    )
    page.evaluate(f"document.addEventListener('htmx:oobAfterSwap', () => {press})")
    page.keyboard.type("Well seen")
    expect(page.locator(".mark.current .mark-history")).to_contain_text("Well seen")
    assert "/review/" in page.url


@pytest.mark.parametrize(("size", "viewport"), [("desktop", DESKTOP), ("phone", PHONE)])
def test_the_desk_has_no_barriers_and_fits_the_screen(site, browser, pictures, size, viewport):
    page = sit_down(browser, site, "erin")
    page.set_viewport_size(viewport)
    sheet = site.ask("Flag.objects.first().sheet_id")
    pk = site.ask(f"Mark.objects.filter(sheet={sheet}).first().pk")
    for path, name in {
        "/exams/1/review/": "list",
        "/exams/1/review/?show=eyes": "eyes",
        "/exams/1/review/questions/": "questions",
        "/exams/1/review/questions/Q2/?show=all": "question",
        "/exams/1/review/names/log/": "log",
        f"/sheets/{sheet}/review/": "sheet",
        f"/marks/{pk}/comments/": "comments",
        f"/marks/{pk}/history/": "history",
    }.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=pictures / f"desk-{name}-{size}.png", full_page=True)
        assert not barriers(page), path
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) == 0, f"{path} is wider than a {size}"
    # With everything open that opens.
    page.goto(f"/sheets/{sheet}/review/")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator("[data-palette]")).to_be_visible()
    page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
    page.keyboard.press("Escape")
    assert not barriers(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    assert not barriers(page)
    assert not page.complaints

"""The second factor in a real browser: a teacher who must have one, from the first sign-in on.

By keyboard alone, at desktop and phone size. A script error, a refusal by the content security
policy, a page wider than its screen, or a serious finding of axe-core fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.authenticator import code_of
from tests.browser.desk_steps import tab_to
from tests.browser.screens import Walker, barriers
from tests.site import PASSWORD, Site, running_site
from tests.test_pipeline import prepare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("second-factor")
    with running_site(folder, SHEAF_SECOND_FACTOR="required", SHEAF_LOGIN_ATTEMPTS="3") as site:
        prepare(site, 2)
        site.start_web()
        yield site


def look(walker: Walker, name: str) -> None:
    walker.look(name)
    assert barriers(walker.page) == [], name


def give_password(page: Page) -> None:
    page.goto("/")
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def type_code(page: Page, code: str) -> None:
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")


def test_a_teacher_sets_it_up_signs_in_with_it_and_ends_another_sign_in(
    site,
    browser,
    pictures,
):
    teacher = Walker(browser, site, pictures)
    page = teacher.page
    give_password(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    look(teacher, "second-factor-required")
    page.goto("/classes/")
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    press(page, "Set it up")
    expect(page.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    assert page.locator("img.qr-code").evaluate("picture => picture.naturalWidth") > 0
    look(teacher, "second-factor-set-up")
    secret = page.locator("code").inner_text()
    type_code(page, "000000")
    expect(page.get_by_text("This code is wrong")).to_be_visible()
    look(teacher, "second-factor-wrong")
    assert page.locator("code").inner_text() == secret
    type_code(page, code_of(secret))
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    look(teacher, "recovery-codes")
    codes = page.locator(".recovery-codes code").all_inner_texts()
    assert len(codes) == 10
    tab_to(page, "Download")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert codes[0] in download.value.path().read_text()
    page.goto("/account/second-factor/")
    look(teacher, "second-factor")
    page.goto("/account/")
    look(teacher, "account-signing-in")

    # The phone: another browser of the same person, with a recovery code.
    other = Walker(browser, site, pictures)
    give_password(other.page)
    look(other, "sign-in-code")
    type_code(other.page, code_of(secret, ahead=1))
    expect(other.page.get_by_role("navigation").first).to_be_visible()
    other.page.goto("/account/recovery-codes/")
    other.page.context.clear_cookies()
    give_password(other.page)
    type_code(other.page, codes[0])
    expect(other.page.get_by_role("navigation").first).to_be_visible()

    page.goto("/sessions/")
    look(teacher, "sessions")
    press(page, "Sign out everywhere else")
    expect(page.get_by_text("everywhere but here")).to_be_visible()
    other.page.goto("/classes/")
    expect(other.page.get_by_role("button", name="Sign in")).to_be_visible()

    give_password(other.page)
    for _ in range(2):
        type_code(other.page, "111111")
        expect(other.page.get_by_text("This code is wrong")).to_be_visible()
    look(other, "sign-in-code-wrong")
    type_code(other.page, "111111")
    expect(other.page.get_by_role("heading", name="Too many wrong codes")).to_be_visible()
    look(other, "codes-locked")

    page.goto("/notifications/")
    expect(page.locator(".unread time").first).to_be_visible()
    look(teacher, "second-factor-told")
    page.goto("/account/second-factor/remove/")
    look(teacher, "second-factor-remove")
    page.goto("/account/confirm/")
    look(teacher, "confirm")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.goto("/account/password/")
    look(teacher, "password-change")

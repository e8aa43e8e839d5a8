"""Screens, who sits before them, and what is watched on every page.

Debian's Chromium. Comes in: a running site and a name. Goes out: a page of somebody signed in,
whose `complaints` are what scripts and the content security policy said; what axe-core finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.site import PASSWORD, Site

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window, which asks nobody but the site."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def sit_down(browser: Browser, site: Site, name: str, **options) -> Page:
    """A teacher signed in at a screen; an error of a script or the policy fails the test."""
    options = {"viewport": DESKTOP, "reduced_motion": "reduce"} | options
    context = browser.new_context(base_url=site.url, **options)
    page = context.new_page()
    listen(page)
    sign_in(page, name)
    return page


def listen(page: Page) -> None:
    """Keep what scripts and the policy complain about in `page.complaints`."""
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda told: _listen(page, told))


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """By name or number of the fields: the words on the page may be in any language."""
    page.goto("/sign-in/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("main form button[type=submit]").last.click()
    expect(page.get_by_role("navigation").first).to_be_visible()


def _listen(page: Page, told) -> None:
    if told.type == "error" and "status of 4" not in told.text:
        page.complaints.append(told.text)


def barriers(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(
        "axe.run({ resultTypes: ['violations'] }).then((result) => result.violations)"
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


class Walker:
    """A person in front of a screen, who photographs pages and notices what is wrong with them."""

    def __init__(self, browser: Browser, site: Site, pictures: Path) -> None:
        self.site, self.pictures = site, pictures
        self.page: Page = browser.new_context(viewport=DESKTOP, base_url=site.url).new_page()
        listen(self.page)

    def sign_in(self, username: str) -> None:
        sign_in(self.page, username)

    def look(self, name: str) -> None:
        """Photograph the page at both sizes; nothing may stick out or complain."""
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(viewport)
            self.page.screenshot(path=self.pictures / f"{name}-{size}.png", full_page=True)
            assert not self.page.evaluate(TOO_WIDE), f"{name} is wider than a {size}"
        self.page.set_viewport_size(DESKTOP)
        assert not self.page.complaints, f"{name}: {self.page.complaints}"

    def visit(self, path: str, name: str) -> None:
        answer = self.page.goto(path)
        assert answer
        assert answer.status == 200, f"{path}: {answer.status}"
        self.look(name)

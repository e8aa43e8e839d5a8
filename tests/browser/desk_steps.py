"""What a teacher does at the review desk in a browser, as tests take it step by step."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.desk_class import PASSWORD
from tests.site import Site

DESKTOP = {"width": 1280, "height": 900}
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()


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


def sign_in(page: Page, name: str) -> None:
    """By name or number of the fields: the words on the page may be in any language."""
    page.goto("/sign-in/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
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


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus reads so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "name => document.activeElement.matches('a, button') &&"
            " document.activeElement.textContent.includes(name)",
            name,
        ):
            return
    raise AssertionError(f"Tab never comes to {name!r}")


def current(page: Page) -> int:
    """The pk of the mark that one is at."""
    return int(page.locator(".mark.current").get_attribute("id").removeprefix("mark-"))


def mark(site: Site, pk: int, field: str):
    return site.ask(f"Mark.objects.values_list({field!r}, flat=True).get(pk={pk})")


def expect_saved(page: Page) -> None:
    expect(page.locator(".mark.current .save-state")).to_contain_text("saved")

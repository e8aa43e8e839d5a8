"""What a teacher does at the review desk in a browser, as tests take it step by step."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.site import Site


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

"""Every page as each role sees it, in a real browser: no barriers, nothing sticks out.

Debian's Chromium and a running site. Each address of tests/page_matrix.py that gives a page is
opened by who may, at desktop and at phone size: axe-core finds nothing serious or critical, no
page is wider than its screen, no script fails and the policy refuses nothing, and nothing is
left that a value should fill. German words are longer: each page is opened in German at phone
size as well. SHEAF_SCREENSHOTS keeps the pictures.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.screens import DESKTOP, PHONE, TOO_WIDE, barriers, listen, sign_in
from tests.site import Site, running_site

pytestmark = pytest.mark.slow

ADDRESSES = "every_page.json"
MAKE = f"from tests.browser.school import make; make({ADDRESSES!r})"

# What is left of a text that was not filled in; a request that is shown may hold braces.
UNFILLED = re.compile(r"\{\{ ?\w.*?\}\}|%\(\w+\)[sd]|\{\w+\}")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("seen"), SHEAF_EMAIL_HOST="localhost") as site:
        site.manage("shell", "--no-imports", "-c", MAKE)
        site.start_web()
        yield site


@pytest.fixture(scope="module")
def pages(site) -> dict[str, dict[str, str]]:
    """By reader and the address's name: the addresses of pages."""
    told: dict[str, dict[str, str]] = json.loads((site.folder / "data" / ADDRESSES).read_text())
    return told


def test_the_pages_of_all_readers_are_here(pages):
    assert {
        reader: len(own) > least
        for (reader, own), least in zip(sorted(pages.items()), (55, 50, 10, 2), strict=True)
    } == {"admin": True, "alice": True, "carol": True, "nobody": True}


@pytest.mark.parametrize("reader", ["nobody", "carol", "alice", "admin"])
def test_every_page_is_without_barriers_and_fits_its_screen(site, browser, pages, reader):
    page = open_browser(browser, site, reader)
    wrong = []
    for name, path in own_pages(pages, reader):
        page.set_viewport_size(DESKTOP)
        if is_page(page, path):
            for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
                page.set_viewport_size(viewport)
                keep_picture(page, f"{reader}-{name}-{size}")
                wrong += [f"{path} ({size}): {one}" for one in (*barriers(page), *odd(page))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("reader", ["nobody", "carol", "alice", "admin"])
def test_german_words_fit_a_phone(site, browser, pages, reader):
    page = open_browser(browser, site, reader, locale="de-DE")
    page.set_viewport_size(PHONE)
    wrong = []
    for name, path in own_pages(pages, reader):
        if is_page(page, path):
            keep_picture(page, f"de-{reader}-{name}")
            assert page.locator("html").get_attribute("lang") == "de", path
            wrong += [f"{path}: {one}" for one in odd(page)]
    assert not wrong, "\n".join(wrong)


def own_pages(pages: dict[str, dict[str, str]], reader: str) -> list[tuple[str, str]]:
    """The pages of a reader by name; of an admin those that a teacher does not have alike."""
    alike = set(pages["alice"].values()) - {"/"} if reader == "admin" else set()
    return [(name, path) for name, path in pages[reader].items() if path not in alike]


def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SHEAF_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name.replace(':', '-')}.png", full_page=True)


def open_browser(browser: Browser, site: Site, reader: str, **options: str) -> Page:
    context = browser.new_context(
        viewport=DESKTOP, base_url=site.url, reduced_motion="reduce", **options
    )
    page = context.new_page()
    listen(page)
    if reader != "nobody":
        sign_in(page, reader)
    return page


def is_page(page: Page, path: str) -> bool:
    """Open an address; whether a page of ours came (and not a file, a fragment or a redirect)."""
    answer = page.goto(path)
    assert answer
    assert answer.status == 200, f"{path}: {answer.status}"
    return page.locator("body > main#content").count() == 1


def odd(page: Page) -> list[str]:
    """What sticks out or complains; complaints are told once."""
    found = ["wider than the screen"] if page.evaluate(TOO_WIDE) else []
    found += UNFILLED.findall(page.locator("body").inner_text())
    found += page.complaints
    page.complaints.clear()
    return found

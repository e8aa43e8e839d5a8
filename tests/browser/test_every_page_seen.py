"""Every page as each role sees it, in a real browser: no barriers, nothing sticks out.

Debian's Chromium and a running site. Each address of tests/page_matrix.py that gives a page is
opened by who may, at desktop and at phone size: axe-core finds nothing serious or critical, no
page is wider than its screen, no script fails and the policy refuses nothing. German words are
longer: each page is opened in German at phone size as well. SHEAF_SCREENSHOTS keeps the pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.desk_steps import DESKTOP, barriers, listen, sign_in
from tests.browser.test_review_desk import PHONE, browser, pictures
from tests.site import Site, running_site

__all__ = ["browser", "pictures"]

pytestmark = pytest.mark.slow

ADDRESSES = "every_page.json"
MAKE = f"from tests.browser.school import make; make({ADDRESSES!r})"
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


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
def test_every_page_is_without_barriers_and_fits_its_screen(site, browser, pages, pictures, reader):
    page = open_browser(browser, site, reader)
    wrong = []
    for name, path in pages[reader].items():
        picture = f"{reader}-{name.replace(':', '-')}"
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(viewport)
            if not is_page(page, path):
                break
            page.screenshot(path=pictures / f"{picture}-{size}.png", full_page=True)
            wrong += [f"{path} ({size}): {one}" for one in barriers(page)]
            wrong += [f"{path} ({size}): {one}" for one in odd(page)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("reader", ["nobody", "carol", "alice"])
def test_german_words_fit_a_phone(site, browser, pages, pictures, reader):
    page = open_browser(browser, site, reader, locale="de-DE")
    page.set_viewport_size(PHONE)
    wrong = []
    for name, path in pages[reader].items():
        if is_page(page, path):
            page.screenshot(
                path=pictures / f"de-{reader}-{name.replace(':', '-')}.png", full_page=True
            )
            assert page.locator("html").get_attribute("lang") == "de", path
            wrong += [f"{path}: {one}" for one in odd(page)]
    assert not wrong, "\n".join(wrong)


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
    found += page.complaints
    page.complaints.clear()
    return found

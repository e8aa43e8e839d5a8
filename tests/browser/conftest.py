"""The site and the browser of a module's tests, and the folder where they keep their pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screens import chromium
from tests.site import Site, running_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(request, tmp_path_factory) -> Iterator[Site]:
    """A running site with what the module's MAKE makes inside of it."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        site.manage("shell", "--no-imports", "-c", request.module.MAKE)
        site.start_web()
        yield site


@pytest.fixture
def pictures(tmp_path) -> Path:
    """SHEAF_SCREENSHOTS names a folder to keep the pictures in."""
    folder = Path(os.environ.get("SHEAF_SCREENSHOTS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder

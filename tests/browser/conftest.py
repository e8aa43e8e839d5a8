"""The browser of a module's tests, and the folder where they keep their pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.screens import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def pictures(tmp_path) -> Path:
    """SHEAF_SCREENSHOTS names a folder to keep the pictures in."""
    folder = Path(os.environ.get("SHEAF_SCREENSHOTS") or tmp_path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder

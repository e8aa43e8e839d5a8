"""A provider that reads answer keys, for the tests of that."""

from __future__ import annotations

import pytest

from batching import providers
from tests.emulators.key_office import KeyOffice
from tests.exams.vendors import EMULATORS, OPTIONS


@pytest.fixture
def office(settings, tmp_path) -> KeyOffice:
    """Configured as "reader", beside the offline baseline and a provider without its key."""
    folder = tmp_path / "office"
    folder.mkdir()
    driver = {"driver": "tests.emulators.key_office:KeyOffice", "folder": str(folder)}
    settings.SHEAF_RESEND_ROUNDS = 0
    settings.SHEAF_PROVIDERS = {
        "offline": {"driver": "offline"},
        "keyless": driver | {"missing": "OFFICE_KEY is not set: export it."},
        "reader": driver,
        "second": driver,
    }
    yield providers.get("reader")
    KeyOffice.meanwhile = None


@pytest.fixture
def vendor(settings, tmp_path):
    """Starts the emulator of a vendor and makes it the one provider, "reader"."""
    started = []

    def _vendor(name: str):
        emulator = EMULATORS[name](tmp_path / name)
        emulator.start()
        started.append(emulator)
        url = getattr(emulator, "base_url", f"{emulator.url}/v1")
        settings.SHEAF_PROVIDERS = {"reader": {"driver": name, "base_url": url} | OPTIONS[name]}
        return emulator

    yield _vendor
    for emulator in started:
        emulator.stop()

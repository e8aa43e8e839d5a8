"""A teacher's browser, and providers that read answer keys and samples."""

from __future__ import annotations

import pytest

from batching import providers
from exams.models import Exam
from tests.emulators.key_office import KeyOffice
from tests.emulators.marking_office import configuration
from tests.emulators.vendors import EMULATORS
from tests.exams.vendors import OPTIONS


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
def offices(settings, tmp_path):
    """Two providers that read samples, beside those that are configured."""
    settings.SHEAF_RESEND_ROUNDS = 0
    settings.SHEAF_PROVIDERS = settings.SHEAF_PROVIDERS | configuration(tmp_path / "office")
    providers._load.cache_clear()
    yield {name: providers.get(name) for name in ("direct", "batch")}
    providers._load.cache_clear()


@pytest.fixture
def bare(exam) -> Exam:
    """The exam before it has a rubric."""
    exam.rubrics.all().delete()
    return exam


@pytest.fixture
def browser(sign_in, alice):
    """Alice's, signed in."""
    return sign_in(alice)


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

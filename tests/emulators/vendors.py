"""The emulators of all vendors, and what an installation has to be told to use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.emulators.base import Emulator
from tests.emulators.gemini import GeminiEmulator
from tests.emulators.local import LocalEmulator
from tests.emulators.openai import OpenAIEmulator

EMULATORS = {"openai": OpenAIEmulator, "gemini": GeminiEmulator, "local": LocalEmulator}


@contextmanager
def all_started(folder: Path) -> Iterator[dict[str, Emulator]]:
    """One emulator of each vendor by its name, each with a folder of its own."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(kind(folder / name)) for name, kind in EMULATORS.items()}


def environment(emulators: Mapping[str, Emulator]) -> dict[str, str]:
    """The variables by which an installation takes them for the vendors."""
    return {
        "OPENAI_API_KEY": "sk-drill",
        "OPENAI_BASE_URL": f"{emulators['openai'].url}/v1",
        "GEMINI_API_KEY": "drill",
        "GOOGLE_GEMINI_BASE_URL": emulators["gemini"].url,
        "LOCAL_BASE_URL": f"{emulators['local'].url}/v1",
        "LOCAL_MODEL": "emulated",
    }

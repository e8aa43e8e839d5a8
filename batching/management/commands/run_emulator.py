"""run_emulator: a stand-in for a vendor on this machine, for demos and drills without a bill."""

from __future__ import annotations

import importlib
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

PORTS = {"openai": 8101, "gemini": 8102, "local": 8103}
CLASSES = {"openai": "OpenAIEmulator", "gemini": "GeminiEmulator", "local": "LocalEmulator"}
NO_KEY = "emulator"


class Command(BaseCommand):
    help = (
        "Serve an emulator of OpenAI's or Gemini's batch API or of a local model's server on the "
        "loopback address until Ctrl-C. Its marks are those of the offline reader."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("vendor", choices=list(CLASSES))
        parser.add_argument(
            "--port", type=int, help="0 takes any free one; by default 8101, 8102 or 8103"
        )
        parser.add_argument(
            "--folder",
            type=Path,
            help="where what it receives is kept; by default in the data folder",
        )
        parser.add_argument(
            "--seconds",
            type=float,
            default=0.0,
            help="how long a batch takes, or an answer of a local model",
        )
        parser.add_argument(
            "--faults", type=int, metavar="SEED", help="let a dozen mixed faults happen"
        )
        parser.add_argument(
            "--environment",
            action="store_true",
            help="only print the variables to set, as lines for a shell",
        )

        parser.add_argument(
            "--quiet", action="store_true", help="do not print the variables to set"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        vendor: str = options["vendor"]
        port = PORTS[vendor] if options["port"] is None else options["port"]
        if options["environment"]:
            self.print_environment(vendor, f"http://127.0.0.1:{port}")
            return
        folder = options["folder"] or settings.SHEAF_DATA_DIR / "emulators" / vendor
        try:
            emulator = make_emulator(vendor, folder, port, options["seconds"])
        except OSError as error:
            raise CommandError(
                f"Port {port}: {error.strerror}. Take another one with --port."
            ) from error
        if options["faults"] is not None:
            importlib.import_module("tests.emulators.script").add_faults(
                emulator, options["faults"]
            )
        emulator.start()
        try:
            self.stdout.write(
                f"An emulator of {vendor} listens at {emulator.url}; what it receives is kept in "
                f"{folder}. Ctrl-C ends it."
            )
            if not options["quiet"]:
                self.stdout.write("To use it, set for web and workers:")
                self.print_environment(vendor, emulator.url)
            self.stdout.flush()
            threading.Event().wait()
        except KeyboardInterrupt:
            emulator.stop()
            self.stdout.write("The emulator has ended.")

    def print_environment(self, vendor: str, url: str) -> None:
        for name, value in environment(vendor, url).items():
            self.stdout.write(f"export {name}={value}")


def environment(vendor: str, url: str) -> dict[str, str]:
    """The variables that send what is meant for a vendor to its emulator at `url`."""
    own = {
        "openai": {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": NO_KEY},
        "gemini": {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": NO_KEY},
        "local": {"LOCAL_BASE_URL": f"{url}/v1", "LOCAL_MODEL": "emulated"},
    }[vendor]
    return {**own, "SHEAF_EMULATORS": url, "SHEAF_DEFAULT_PROVIDER": vendor}


def make_emulator(vendor: str, folder: Path, port: int, seconds: float) -> Any:
    """The emulator, not serving yet. Raises CommandError when it is not installed."""
    try:
        module = importlib.import_module(f"tests.emulators.{vendor}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tests"):
            raise
        raise CommandError(
            "The emulators are in the folder tests of Sheaf's source, which is not installed "
            "here (the container leaves it out). Start this command in a checkout."
        ) from error
    return getattr(module, CLASSES[vendor])(folder, port=port, seconds=seconds)

"""What the benchmarks share: CPU time in alternation, memory of a fresh process, a database.

Every figure is a ratio: the limit (the least work that could do it) and Sheaf's way run in turn in
one process, three rounds, medians of CPU seconds with all children, on data made on the spot.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

ROUNDS = 3
MEGA = 1_000_000
DATABASES = ("sqlite", "postgresql")


def start_django(folder: Path, database: str = "") -> None:
    """Set Django up with a data folder of its own and a database with all tables.

    `database` is the address of an empty database that may be filled; "" is SQLite in the folder.
    """
    os.environ["SHEAF_DATA_DIR"] = str(folder)
    os.environ.setdefault("SHEAF_LOG_LEVEL", "WARNING")
    # Never the database that the surroundings name: it may be a school's.
    os.environ["DATABASE_URL"] = database
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import django
    from django.conf import settings

    django.setup()
    from django.apps import apps
    from django.core.management import call_command

    # The tables come straight from the models: the migrations' history is not what is measured.
    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sheaf-benchmark-") as folder:
        yield Path(folder)


def cpu_seconds() -> float:
    """CPU time of this process and of all its finished children so far."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def in_alternation(
    ways: Mapping[str, Callable[[int], object]],
    rounds: int = ROUNDS,
    clock: Callable[[], float] = cpu_seconds,
) -> dict[str, float]:
    """Median CPU seconds of each way, run in turn; each is called with the round's number."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, run in ways.items():
            before = clock()
            run(number)
            seconds[name].append(clock() - before)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_memory(script: str, *arguments: str) -> tuple[float, float]:
    """(MB the fresh process held at its peak, MB when it was ready) of `script --memory …`.

    The script prints both with report_memory().
    """
    done = subprocess.run(
        [sys.executable, script, "--memory", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    ready, peak = done.stdout.split()[-2:]
    return float(peak), float(ready)


def held_now() -> float:
    """The most memory this process has held so far, in MB (getrusage would count its parent)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / MEGA


def on_each_database(
    script: str, databases: Sequence[str], *arguments: str, met: bool = True
) -> None:
    """Run `script --on ADDRESS …` on SQLite and PostgreSQL, each in a process of its own, and end.

    The address is "" for SQLite, and that of a cluster made for the purpose for PostgreSQL.
    `met` says whether the demands were met so far.
    """
    from tests.servers import postgres

    for name in databases or DATABASES:
        print(f"-- {name}", flush=True)
        with postgres() if name == "postgresql" else nullcontext("") as address:
            command = [sys.executable, script, "--on", address, *arguments]
            met &= subprocess.run(command, check=False).returncode == 0
    sys.exit(0 if met else 1)


def forget_peak() -> None:
    """Let held_now() count from what is held at this moment."""
    Path("/proc/self/clear_refs").write_text("5")


class Demands:
    """Prints one line per demand; the process ends with 1 when one is not met."""

    def __init__(self) -> None:
        self.met = True

    def at_least(self, what: str, value: float, demand: float) -> None:
        self._line(what, value, value >= demand, f">= {demand:g}")

    def at_most(self, what: str, value: float, demand: float, unit: str = "") -> None:
        self._line(what, value, value <= demand, f"<= {demand:g}{unit}", unit)

    def _line(self, what: str, value: float, good: bool, demand: str, unit: str = "") -> None:
        self.met = self.met and good
        print(f"{'ok  ' if good else 'MISS'} {what}: {value:.2f}{unit} (demand {demand})")

    def exit(self) -> None:
        sys.exit(0 if self.met else 1)

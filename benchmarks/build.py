"""Building JSONL, against framing, encoding and writing the same bytes; and its memory.

    python benchmarks/build.py [sheets for the memory] [sqlite|postgresql]

Sheets of 4 pages, 10 criteria, by the adapters of OpenAI and Gemini, all lines of a job.
The limit reads the same page files, encodes them with base64 and writes them between frames
that lie ready, and so makes the same file; it hashes nothing, while a build checks that each page
is the frozen one. In alternation, three rounds, medians of CPU seconds; the demand is 0.6 of the
limit's speed. The others: less than 100 MB more at the peak for 5,000 sheets, and the same for
500. Pages that must be encoded anew (made smaller, in gray, or masked) are a figure of their own.
Exits 1 when a demand is not met.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import scans
from benchmarks.measure import (
    DATABASES,
    MEGA,
    Demands,
    forget_peak,
    fresh_folder,
    held_now,
    in_alternation,
    on_each_database,
    peak_memory,
    start_django,
)

SHEETS, FEW, MANY = 120, "500", "5000"
CRITERIA, PAGES = 10, (4,)
SIZE, QUALITY, PICTURES = (1240, 1754), 80, 24
SPEED, MEMORY_MB, MEMORY_GROWTH_MB = 0.6, 100, 15
# As they are, and smaller: what the settings of a provider decide.
CONFIGURATIONS = {
    "openai-as-is": {"driver": "openai", "long_side": 1754},
    "gemini-as-is": {"driver": "gemini", "long_side": 1754},
    "openai-smaller": {"driver": "openai", "long_side": 1448},
}


def start(folder: Path, database: str) -> None:
    os.environ["SHEAF_PROVIDERS"] = json.dumps(CONFIGURATIONS)
    os.environ["OPENAI_API_KEY"] = os.environ["GEMINI_API_KEY"] = "nothing-is-sent"
    start_django(folder, database)


def make_exam(sheets: int, pages: tuple[int, ...] = PAGES) -> Any:
    """An exam of so many mapped sheets, their pages taken in turn from a few dozen."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    from benchmarks import school

    pictures = []
    for seed in range(PICTURES):
        out = io.BytesIO()
        scans.scanned_page(seed).resize(SIZE).save(out, "JPEG", quality=QUALITY)
        digest = hashlib.sha256(out.getvalue()).hexdigest()
        name = default_storage.save(f"pages/{digest}.jpg", ContentFile(out.getvalue()))
        pictures.append(school.Stored(name, digest, *SIZE))
    return school.make_exam(
        sheets=sheets, criteria=CRITERIA, state="mapped", pages=pages, pictures=pictures
    )


def draft(exam: Any, provider: str) -> Any:
    """A run of the exam's sheets that waits to be built."""
    from grading.runs import draft_run

    return draft_run(exam, provider=provider, by=exam.created_by).batch_run


def build(run: Any) -> list[Any]:
    """Build a run wholly; gives its jobs."""
    from batching.build import build_run

    while build_run(run.pk):
        pass
    jobs = list(run.jobs.order_by("number"))
    assert sum(job.item_count for job in jobs) == run.items.count()
    return jobs


def release(run: Any) -> None:
    """Discard a built run: its sheets are free again, its files are gone."""
    from django.core.files.storage import default_storage

    from grading.runs import cancel_run

    for job in run.jobs.all():
        default_storage.delete(job.lines_file)
    cancel_run(run.grading_run, by=run.created_by)


class Limit:
    """What a built file consists of: frames, and the page files between them."""

    def __init__(self, run: Any, folder: Path) -> None:
        from django.core.files.storage import default_storage

        self.target = folder / "limit.jsonl"
        [job] = run.jobs.all()
        self.bytes = job.lines_bytes
        content = Path(default_storage.path(job.lines_file)).read_bytes()
        stored = {page.image for sheet in sheets_of(run) for page in sheet.pages.all()}
        encoded = {
            base64.b64encode(Path(path).read_bytes()): path
            for path in map(default_storage.path, stored)
        }
        self.lines = [self._steps(line, encoded) for line in content.splitlines(keepends=True)]
        self.pages = sum(isinstance(step, str) for line in self.lines for step in line)
        self.write(0)
        assert self.target.read_bytes() == content

    def _steps(self, line: bytes, encoded: dict[bytes, str]) -> list[bytes | str]:
        """Frames (bytes) and paths of page files, in turn."""
        steps: list[bytes | str] = [b""]
        for piece in line.split(b'"'):
            # OpenAI's is a data URL, Gemini's the base64 alone.
            start, comma, end = piece.rpartition(b",")
            if path := encoded.get(end):
                steps[-1] += start + comma
                steps += [path, b'"']
            else:
                steps[-1] += piece + b'"'
        steps[-1] = steps[-1][:-1]
        return steps

    def write(self, _: int) -> None:
        """Write the file."""
        with self.target.open("wb") as out:
            for steps in self.lines:
                for step in steps:
                    if isinstance(step, str):
                        with open(step, "rb") as file:
                            step = base64.b64encode(file.read())
                    out.write(step)


def sheets_of(run: Any) -> Any:
    return run.grading_run.exam.sheets.prefetch_related("pages")


def speed(exam: Any, provider: str, folder: Path, demands: Demands) -> None:
    """Lines alone, and the whole stage with storage and rows, against the limit."""
    from batching.build import write_shard

    run = draft(exam, provider)
    build(run)
    limit = Limit(run, folder)
    release(run)
    waiting = draft(exam, provider)

    def lines(_: int) -> None:
        shard = write_shard(waiting, provider, folder / "ours.jsonl")
        assert shard.bytes == limit.bytes

    took = in_alternation({"limit": limit.write, "lines": lines})
    release(waiting)
    print(f"{provider}: {limit.bytes / MEGA:.0f} MB, {limit.pages} pages, CPU milliseconds a page:")
    print("  " + ", ".join(f"{way} {1000 * one / limit.pages:.2f}" for way, one in took.items()))
    demands.at_least(f"{provider}, of the limit's speed", took["limit"] / took["lines"], SPEED)


def encoded_anew(exam: Any, provider: str, folder: Path) -> None:
    """What a page costs that must be decoded, made smaller and encoded."""
    from batching.build import write_shard

    run = draft(exam, provider)
    took = in_alternation({"lines": lambda _: write_shard(run, provider, folder / "ours.jsonl")})
    pages = sum(sheet.pages.count() for sheet in exam.sheets.all())
    release(run)
    print(f"{provider}: encoded anew, {1000 * took['lines'] / pages:.2f} CPU milliseconds a page")


def memory(sheets: int) -> None:
    with fresh_folder() as folder:
        start(folder, "")
        run = draft(make_exam(sheets), "openai-as-is")
        forget_peak()
        ready = held_now()
        sizes = [job.lines_bytes for job in build(run)]
        print(len(sizes), max(sizes), sum(sizes))
        print(ready, held_now())


def speeds(database: str) -> None:
    demands = Demands()
    with fresh_folder() as folder:
        start(folder / "data", database)
        exam = make_exam(SHEETS)
        speed(exam, "openai-as-is", folder, demands)
        speed(exam, "gemini-as-is", folder, demands)
        encoded_anew(exam, "openai-smaller", folder)
    demands.exit()


def main(many: str, databases: list[str]) -> None:
    demands = Demands()
    grown = []
    for sheets in (FEW, many):
        peak, ready = peak_memory(__file__, sheets)
        grown.append(peak - ready)
        print(f"{sheets} sheets: {ready:.0f} MB when ready, {peak:.0f} MB at the peak", flush=True)
    demands.at_most(f"memory more for {many} sheets", grown[1], MEMORY_MB, " MB")
    growth = max(0.0, grown[1] - grown[0])
    demands.at_most(f"of that, more than for {FEW}", growth, MEMORY_GROWTH_MB, " MB")
    on_each_database(__file__, databases, met=demands.met)


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--memory"]:
        memory(int(given[1]))
    elif given[:1] == ["--on"]:
        speeds(given[1])
    else:
        count = next((one for one in given if one.isdigit()), MANY)
        main(count, [one for one in given if one in DATABASES])

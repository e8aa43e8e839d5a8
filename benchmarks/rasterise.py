"""Rendering papers to page images, against pdftoppm itself: CPU time, and memory on 40 pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import measure
import scans

PAPERS, PAGES, LONG = 8, 4, 40
PAGE_DEMAND, TASK_DEMAND, MEMORY_MB = 0.9, 0.7, 150


def sheets_of(paths: list[Path], number: int):  # type: ignore[no-untyped-def]
    """Sheets of a new exam, one per PDF, ready to be rendered."""
    from unpack import exam_with_upload, unpack

    uploads = [exam_with_upload(path, number) for path in paths]
    for upload in uploads:
        unpack(upload)
    return [upload.sheets.get() for upload in uploads]


def rasterise(sheets, pages: int) -> None:  # type: ignore[no-untyped-def]
    from exams.rasterize import rasterize_sheet

    for sheet in sheets:
        rasterize_sheet(sheet.pk)
        if sheet.pages.count() != pages:
            sheet.refresh_from_db()
            raise SystemExit(f"rendering failed: {sheet.problem}")


def memory(path: Path) -> None:
    with measure.fresh_folder() as folder:
        measure.start_django(folder)
        sheets = sheets_of([path], 0)
        ready = measure.held_now()
        rasterise(sheets, LONG)
        print(ready, measure.held_now())


def main() -> None:
    with measure.fresh_folder() as folder:
        measure.start_django(folder / "data")
        stock = [scans.scanned_page(seed) for seed in range(PAGES + 2)]
        paths = [folder / f"paper-{number}.pdf" for number in range(PAPERS)]
        for number, path in enumerate(paths):
            path.write_bytes(scans.paper(number, stock[number % 3 : number % 3 + PAGES]))
        long = folder / "long.pdf"
        long.write_bytes(scans.paper(99, [stock[number % len(stock)] for number in range(LONG)]))
        sheets = [sheets_of(paths, number) for number in range(measure.ROUNDS)]

        from exams.rasterize import render_pdf

        def output(name: str, number: int, path: Path) -> Path:
            inner = folder / f"{name}-{number}-{path.stem}"
            inner.mkdir()
            return inner

        def limit(number: int) -> None:
            for path in paths:
                target = output("limit", number, path) / "page"
                quality = ["-jpegopt", "quality=80"]
                subprocess.run(
                    ["pdftoppm", "-r", "150", "-jpeg", *quality, path, target], check=True
                )

        def page_function(number: int) -> None:
            for path in paths:
                pictures, _ = render_pdf(path, output("pages", number, path))
                if len(pictures) != PAGES:
                    raise SystemExit("the page function lost pages")

        seconds = measure.in_alternation(
            {
                "limit": limit,
                "pages": page_function,
                "task": lambda number: rasterise(sheets[number], PAGES),
            }
        )
        each = {name: 1000 * value / (PAPERS * PAGES) for name, value in seconds.items()}
        print(f"{PAPERS} sheets of {PAGES} pages at 150 DPI, CPU milliseconds a page:")
        print("  " + ", ".join(f"{name} {value:.0f}" for name, value in each.items()))
        demands = measure.Demands()
        demands.at_least("page function", seconds["limit"] / seconds["pages"], PAGE_DEMAND)
        demands.at_least("whole task", seconds["limit"] / seconds["task"], TASK_DEMAND)
        peak, ready = measure.peak_memory(__file__, str(long))
        print(f"{LONG} pages: {ready:.0f} MB when ready, {peak:.0f} MB at the peak")
        demands.at_most(f"memory of the task on {LONG} pages", peak, MEMORY_MB, " MB")
        demands.exit()


if __name__ == "__main__":
    memory(Path(sys.argv[2])) if sys.argv[1:2] == ["--memory"] else main()

"""Marks of the offline provider against the marks a teacher gave.

Usage: offline.py FOLDER (or SHEAF_GRADED_EXAM): exam.yaml, sheets.zip, truth.json. Demanded: a
mean absolute error of at most 15 % of the total, a rank correlation of at least 0.8.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import measure
from scipy.stats import spearmanr

DEMAND_ERROR, DEMAND_RANK = 0.15, 0.8
DPI = 150


def main() -> int:
    """Print the figures of one folder; 1 when a demand is not met."""
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SHEAF_GRADED_EXAM", "")
    if not given:
        print(__doc__)
        return 2
    folder = Path(given)
    with tempfile.TemporaryDirectory() as data:
        measure.start_django(Path(data))
        return report(folder)


def report(folder: Path) -> int:
    """Grade every paper of the folder and compare."""
    from batching.providers.offline import OfflineProvider
    from exams.rubric_files import read_exam_file

    exam = read_exam_file((folder / "exam.yaml").read_bytes())
    criteria = rubric_of(exam)
    truth = json.loads((folder / "truth.json").read_text())["sheets"]
    provider = OfflineProvider({})
    given: list[float] = []
    right: list[float] = []
    errors: dict[str, list[float]] = defaultdict(list)
    pages, failed, spent = 0, [], 0.0
    with zipfile.ZipFile(folder / "sheets.zip") as papers:
        for sheet in truth:
            images = pages_of(papers.read(sheet["file"]))
            pages += len(images)
            before = cpu_seconds()
            marks = grade(provider, exam, criteria, images, sheet["file"])
            spent += cpu_seconds() - before
            if isinstance(marks, str):
                failed.append(f"{sheet['file']}: {marks}")
                continue
            for code, mark in marks.items():
                errors[code].append(mark - sheet["marks"][code])
            given.append(sum(marks.values()))
            right.append(sum(sheet["marks"].values()))
            print(f"{sheet['file']:24} {given[-1]:6.1f} of {right[-1]:6.1f}   {marks}", flush=True)
    seconds = spent / max(1, pages)
    full = sum(criterion["max"] for criterion in criteria if criterion["kind"] == "base")
    return summary(given, right, errors, full, failed, seconds)


def summary(
    given: list[float],
    right: list[float],
    errors: Mapping[str, list[float]],
    full: float,
    failed: list[str],
    seconds: float,
) -> int:
    """Print the figures; 1 when a demand is not met."""
    print()
    for code, values in errors.items():
        spread = mean(abs(value) for value in values)
        print(f"{code:8} mean absolute error {spread:.2f}, bias {mean(values):+.2f}")
    for line in failed:
        print(f"not graded  {line}")
    if len(given) < 3:
        print("Too few sheets were graded.")
        return 1
    off = [a - b for a, b in zip(given, right, strict=True)]
    error, rank = mean(abs(value) for value in off), float(spearmanr(given, right).statistic)
    print(f"sheets {len(given)} of {len(given) + len(failed)}, CPU seconds a page {seconds:.2f}")
    print(f"mean absolute error {error:.2f} of {full:g} marks = {error / full:.1%} "
          f"(demand <= {DEMAND_ERROR:.0%}), bias {mean(off):+.2f}")  # fmt: skip
    print(f"rank correlation {rank:.3f} (demand >= {DEMAND_RANK})")
    return 0 if error / full <= DEMAND_ERROR and rank >= DEMAND_RANK and not failed else 1


def rubric_of(exam: Any) -> list[dict[str, Any]]:
    """The leaves as a request describes them."""
    from exams.rubric_items import leaf_items, plain_number

    return [
        {
            "code": leaf.id,
            "description": leaf.description,
            "guidance": leaf.guidance,
            "answer": leaf.answer,
            "kind": leaf.kind,
            "min": 0 if leaf.kind != "penalty" else -plain_number(leaf.max_marks),
            "max": plain_number(leaf.max_marks) if leaf.kind != "penalty" else 0,
            "step": plain_number(leaf.step),
        }
        for leaf in leaf_items(exam.items)
    ]


def pages_of(pdf: bytes) -> list[bytes]:
    """The pages as Sheaf keeps them: JPEG at 150 DPI, upright."""
    from pdf2image import convert_from_bytes

    from exams.orientation import turn_needed, turned

    found = []
    for page in convert_from_bytes(pdf, dpi=DPI):
        out = io.BytesIO()
        turned(page, turn_needed(page).degrees).save(out, "JPEG", quality=80)
        found.append(out.getvalue())
    return found


def grade(
    provider: Any, exam: Any, criteria: list[dict[str, Any]], images: list[bytes], name: str
) -> dict[str, float] | str:
    """The marks by code, or why there are none."""
    from batching.images import render
    from batching.providers.base import Picture, Rendition
    from batching.requests import Data, Image, Request

    contents: dict[str, Picture] = {}
    parts: list[Any] = [
        Data("rubric", {"exam": exam.title, "instructions": "", "criteria": criteria})
    ]
    for number, content in enumerate(images, 1):
        masks = tuple((r["x"], r["y"], r["w"], r["h"]) for r in exam.regions if r["page"] == number)
        contents[str(number)] = render(content, Rendition(), masks)
        digest = hashlib.sha256(content).hexdigest()
        parts.append(Image(str(number), digest, "sheet", number, f"Page {number}", masks))
    answer = provider.answer(
        Request(name, "", tuple(parts), {}), lambda image: contents[image.name]
    )
    if answer.finish != "complete":
        return str(answer.problem)
    reply = json.loads(answer.text)
    return {code: float(part["awarded"]) for code, part in reply["parts"].items()}


def cpu_seconds() -> float:
    """CPU seconds of this process and all it has started."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())

"""Unpacking a ZIP of papers, against ZipFile.extractall: CPU time, and memory at two sizes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import measure
import scans

PAPERS, PAGES = 120, 4
DEMAND, MEMORY_GROWTH_MB = 0.7, 15


def exam_with_upload(path: Path, number: int):  # type: ignore[no-untyped-def]
    """A new exam with the ZIP received; the upload is ready to be unpacked."""
    from accounts.models import Role, SchoolClass, Subject, User
    from exams.models import Exam
    from exams.uploads import receive_upload

    teacher, _ = User.objects.get_or_create(
        username="teacher", defaults={"name": "Teacher", "role": Role.TEACHER}
    )
    school_class, _ = SchoolClass.objects.get_or_create(name="X-B")
    subject, _ = Subject.objects.get_or_create(name="Biology")
    exam = Exam.objects.create(
        title=f"Exam {path.stem} {number}",
        school_class=school_class,
        subject=subject,
        created_by=teacher,
    )
    with path.open("rb") as file:
        return receive_upload(exam, file, name=path.name, by=teacher)


def unpack(upload) -> None:  # type: ignore[no-untyped-def]
    from exams.zip_import import unpack_upload

    unpack_upload(upload.pk)
    upload.refresh_from_db()
    if upload.state != "unpacked":
        raise SystemExit(f"unpacking failed: {upload.problem}")


def memory(path: Path) -> None:
    with measure.fresh_folder() as folder:
        measure.start_django(folder)
        upload = exam_with_upload(path, 0)
        ready = measure.held_now()
        unpack(upload)
        print(ready, measure.held_now())


def main() -> None:
    with measure.fresh_folder() as folder:
        measure.start_django(folder / "data")
        small, large = folder / "small.zip", folder / "large.zip"
        scans.write_zip(small, PAPERS // 6, PAGES)
        size = scans.write_zip(large, PAPERS, PAGES)
        print(f"{PAPERS} sheets of {PAGES} pages, {size / measure.MEGA:.0f} MB unpacked")
        uploads = [exam_with_upload(large, number) for number in range(measure.ROUNDS)]

        def extract_all(number: int) -> None:
            with zipfile.ZipFile(large) as archive:
                archive.extractall(folder / f"limit-{number}")

        seconds = measure.in_alternation(
            {"limit": extract_all, "sheaf": lambda number: unpack(uploads[number])}
        )
        demands = measure.Demands()
        print(f"extractall {seconds['limit']:.2f} s, unpack_upload {seconds['sheaf']:.2f} s CPU")
        demands.at_least(
            "unpack, of extractall's speed", seconds["limit"] / seconds["sheaf"], DEMAND
        )
        peaks = [measure.peak_memory(__file__, str(path)) for path in (small, large)]
        for path, (peak, ready) in zip((small, large), peaks, strict=True):
            print(f"{path.name}: {ready:.0f} MB when ready, {peak:.0f} MB at the peak")
        demands.at_most(
            "unpack, memory more for 6 times the archive",
            max(0.0, peaks[1][0] - peaks[0][0]),
            MEMORY_GROWTH_MB,
            " MB",
        )
        demands.exit()


if __name__ == "__main__":
    memory(Path(sys.argv[2])) if sys.argv[1:2] == ["--memory"] else main()

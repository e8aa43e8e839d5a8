"""Temporary files of dead workers go after a day, those of living ones stay."""

import os
import time
from pathlib import Path

from batching.housekeeping import delete_stale_files


def aged(path: Path, hours: float) -> Path:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_what_is_older_than_a_day_goes_and_the_rest_stays(tmp_path):
    folder = tmp_path / "tmp"
    (folder / "work-1").mkdir(parents=True)
    (folder / "work-1" / "page.jpg").write_bytes(b"page")
    (folder / "old.upload").write_bytes(b"half of a ZIP")
    (folder / "new.upload").write_bytes(b"half of a ZIP")
    aged(folder / "work-1", 25)
    aged(folder / "old.upload", 25)
    aged(folder / "new.upload", 23)
    assert delete_stale_files(folder) == 2
    assert [path.name for path in folder.iterdir()] == ["new.upload"]


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path):
    folder, elsewhere = tmp_path / "tmp", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "paper.pdf").write_bytes(b"paper")
    (folder / "link").symlink_to(elsewhere)
    assert delete_stale_files(folder, older_than=-1) == 1
    assert list(folder.iterdir()) == []
    assert (elsewhere / "paper.pdf").exists()


def test_what_another_worker_takes_away_meanwhile_is_no_matter(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        aged_file = tmp_path / name
        aged_file.write_bytes(b"x")
        aged(aged_file, 25)
    real = time.time

    def meanwhile() -> float:
        (tmp_path / "b").unlink(missing_ok=True)
        return real()

    monkeypatch.setattr("batching.housekeeping.time.time", meanwhile)
    assert delete_stale_files(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []

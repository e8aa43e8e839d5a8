"""Housekeeping: temporary files that a killed worker left behind.

Comes in: the folder of temporary files. What is old in it goes; what another worker takes away
at the same time is no matter. Files in storage are looked after where their rows are known.
"""

import shutil
import time
from contextlib import suppress
from pathlib import Path

STALE_SECONDS = 24 * 3600


def delete_stale_files(folder: Path, older_than: float = STALE_SECONDS) -> int:
    """Delete what lies in a temporary folder for longer than `older_than` seconds; how many."""
    deleted = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - path.lstat().st_mtime < older_than:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
            deleted += 1
    return deleted

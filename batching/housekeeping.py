"""Housekeeping: temporary files that a killed worker left behind."""

import shutil
import time
from pathlib import Path

STALE_SECONDS = 24 * 3600


def delete_stale_files(folder: Path, older_than: float = STALE_SECONDS) -> int:
    """Delete what lies in a temporary folder for longer than `older_than` seconds."""
    deleted = 0
    for path in folder.iterdir():
        if time.time() - path.lstat().st_mtime < older_than:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        deleted += 1
    return deleted

"""The file .env: who installs writes settings there, and every way into Sheaf reads it.

Each test has a copy of the ways in (manage.py and config) in a folder of its own, since .env
stands beside them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
WAYS_IN = {
    "manage": [sys.executable, "manage.py", "check"],
    "celery": [str(TOOLS / "celery"), "--quiet", "-A", "config", "worker"],
    "gunicorn": [
        *(str(TOOLS / "gunicorn"), "config.wsgi", "--chdir", ".", "--bind", "127.0.0.1:0"),
        *("--workers", "1", "--log-level", "critical", "--no-control-socket"),
    ],
}
# One of root's processes reads every file; one without these rights is like everybody's.
LIKE_EVERYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.fixture
def site(tmp_path):
    """A folder with Sheaf's ways in, and none of its .env."""
    shutil.copytree(ROOT / "config", tmp_path / "config", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def run(site: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What comes of a command in the folder, with these variables and few others."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command,
        cwd=site,
        env=kept
        | {
            "PYTHONPATH": str(ROOT),
            "SHEAF_DATA_DIR": str(site / "data"),
            "SHEAF_LOG_LEVEL": "ERROR",
        }
        | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def setting(site: Path, name: str, **variables: str) -> str:
    """A setting as a process of the folder has it."""
    done = run(
        site,
        sys.executable,
        "-c",
        f"from config import settings; print(settings.{name})",
        **variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def test_what_stands_in_the_file_is_set(site):
    (site / ".env").write_text("# Ours\nSHEAF_TIME_ZONE=Europe/Berlin\n")
    assert setting(site, "TIME_ZONE") == "Europe/Berlin"


@pytest.mark.parametrize(("said", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("", "UTC")])
def test_what_the_environment_sets_itself_comes_first_be_it_to_nothing(site, said, zone):
    (site / ".env").write_text("SHEAF_TIME_ZONE=Europe/Berlin\n")
    assert setting(site, "TIME_ZONE", SHEAF_TIME_ZONE=said) == zone


def test_a_dollar_in_a_password_is_a_dollar(site):
    (site / ".env").write_text("SHEAF_EMAIL_USER=office\nSHEAF_EMAIL_PASSWORD=a$HOME-${HOME}-$$1\n")
    assert setting(site, "EMAIL_HOST_PASSWORD") == "a$HOME-${HOME}-$$1"


def test_without_a_file_everything_has_its_default(site):
    assert setting(site, "TIME_ZONE") == "UTC"


def test_a_developers_file_is_not_for_tests_nor_for_what_they_start(site):
    (site / ".env").write_text("SHEAF_TIME_ZONE=Europe/Berlin\n")
    asked = (
        "import os, subprocess, sys; from config import test_settings;"
        "print(test_settings.TIME_ZONE, flush=True);"
        "ask = 'from config import settings; print(settings.TIME_ZONE)';"
        "subprocess.run([sys.executable, '-c', ask], check=True)"
    )
    done = run(site, sys.executable, "-c", asked, DJANGO_SETTINGS_MODULE="config.test_settings")
    assert done.stdout.split() == ["UTC", "UTC"], done.stderr


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended, and said why in one line."""
    assert done.returncode == 3, "what makes gunicorn end too"
    told = [line for line in done.stderr.splitlines() if line]
    assert len(told) == 1, done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in told[0]


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_a_file_that_may_not_be_read_ends_in_one_line_that_says_what_to_do(site, way_in):
    (site / ".env").write_text("SHEAF_TIME_ZONE=Europe/Berlin\n")
    (site / ".env").chmod(0)
    command = WAYS_IN[way_in]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads every file, and setpriv is not there to take that right away")
        command = [*LIKE_EVERYBODY, *command]
    done = run(site, *command)
    assert_one_line(done, f"{site / '.env'} cannot be read: Permission denied.", "chown, chmod")


def test_a_file_that_is_no_text_ends_in_one_line_too(site):
    (site / ".env").write_bytes("SHEAF_TIME_ZONE=Größe\n".encode("latin-1"))
    done = run(site, *WAYS_IN["manage"])
    assert_one_line(done, f"{site / '.env'} cannot be read", "UTF-8")


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_a_setting_that_cannot_be_ends_in_one_line(site, way_in):
    done = run(site, *WAYS_IN[way_in], SHEAF_PROVIDERS='{"lab": {"driver": "nobody"}}')
    assert_one_line(done, "SHEAF_PROVIDERS: the driver of lab must be one of", "'nobody'")

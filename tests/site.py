"""A running Sheaf for tests: a data folder, a web server, worker processes and the beat.

Everything is a process of its own, configured by environment variables alone, and talked to
as its users do: over HTTP and with management commands.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlparse

import requests

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
# Of everybody in an installation that tests made.
PASSWORD = "a long password"
FORM = re.compile(r"<form([^>]*)>(.*?)</form>", re.DOTALL)
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


ANSWERS = """
import json, sys
from django.db import connection
from django.db.models import *
from accounts.models import *; from batching.models import *
from exams.models import *; from grading.models import *
for line in sys.stdin:
    print(json.dumps(eval(line), default=str), flush=True)
    connection.close()
"""


class Site:
    """One installation below `folder`; `environment` is added to its variables."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": str(ROOT),
            "SHEAF_DATA_DIR": str(folder / "data"),
            "SHEAF_SITE_URL": self.url,
            "SHEAF_SWEEP_SECONDS": "2",
            "SHEAF_LEASE_SECONDS": "30",
            "SHEAF_LIST_LAG_SECONDS": "1",
            "SHEAF_LOG_LEVEL": "INFO",
            "OMP_THREAD_LIMIT": "1",
            **environment,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def manage(self, *arguments: str) -> str:
        """Run a management command; its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def ask(self, expression: str) -> Any:
        """The JSON value of a Python expression, worked out inside the installation."""
        if "asked" not in self.processes:
            self.processes["asked"] = subprocess.Popen(
                [sys.executable, "manage.py", "shell", "--no-imports", "-c", ANSWERS],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        process = self.processes["asked"]
        assert process.stdin
        assert process.stdout
        process.stdin.write(expression.encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own, its output in <name>.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_web(self) -> None:
        self.start(
            "web", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--threads=4"
        )

        def answers() -> bool:
            try:
                return requests.get(self.url, timeout=5).status_code == 200
            except (requests.ConnectionError, requests.Timeout):
                return False

        wait_until(answers, "the web server answers")

    def start_worker(self, name: str = "worker", queues: str = "intake,grading,polling") -> None:
        self.start(
            name, "celery", "-A", "config", "worker", "-Q", queues, "-c", "2", "-n", f"{name}@test"
        )

    def start_beat(self) -> None:
        self.start("beat", "celery", "-A", "config", "beat")

    def kill(self, name: str) -> None:
        """kill -9 of a process and everything it started."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


@contextmanager
def running_site(folder: Path, **environment: str) -> Iterator[Site]:
    """A migrated site; whatever it started is stopped at the end."""
    site = Site(folder, **environment)
    try:
        _migrate(site)
        yield site
    finally:
        site.stop()


def _migrate(site: Site) -> None:
    """Migrate the site's database; one on SQLite is a copy of the first that this run migrated."""
    run = Path(os.environ.get("SHEAF_DATA_DIR", site.folder))
    first = run / "migrated.sqlite3"
    if "DATABASE_URL" in site.environment:
        site.manage("migrate", "--verbosity=0")
        return
    own = site.folder / "data" / "sheaf.sqlite3"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    # The processes of a run share its data folder: one migrates, the others wait for it.
    with (run / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not first.exists():
            site.manage("migrate", "--verbosity=0")
            shutil.copyfile(own, first)
        else:
            shutil.copyfile(first, own)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 180) -> Any:
    """The first true value of `condition`, looked at a few times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s in vain until {what}")


class Visitor:
    """A person with a browser that knows no script: pages, links and forms."""

    def __init__(self, site: Site, username: str, password: str) -> None:
        self.site = site
        self.session = requests.Session()
        self.get("/sign-in/")
        page = self.post("/sign-in/", {"username": username, "password": password})
        assert page.status_code == 200, page.text

    def get(self, path: str, **options: Any) -> requests.Response:
        self.page = self.session.get(urljoin(self.site.url, path), timeout=60, **options)
        return self.page

    def post(
        self, path: str, data: dict[str, Any] | None = None, files: Any = None
    ) -> requests.Response:
        """Send a form with the token of this person's session."""
        token = self.session.cookies.get("csrftoken", "")
        self.page = self.session.post(
            urljoin(self.site.url, path),
            data={"csrfmiddlewaretoken": token} | (data or {}),
            files=files,
            headers={"Referer": self.site.url},
            timeout=120,
        )
        return self.page

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of the form with this action on the current page.

        A form without an action is sent to the address of its page.
        """
        here = urlparse(self.page.url).path
        for attributes, form in FORM.findall(self.page.text):
            if dict(ATTRIBUTE.findall(attributes)).get("action", here) != action:
                continue
            found = {}
            for tag in re.findall(r"<input[^>]*>", form):
                field = dict(ATTRIBUTE.findall(tag))
                if field.get("type") == "hidden" and "name" in field:
                    found[field["name"]] = field.get("value", "")
            found.pop("csrfmiddlewaretoken", None)
            return found
        raise AssertionError(f"no form for {action} on {self.page.url}")

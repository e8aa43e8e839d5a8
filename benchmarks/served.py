"""Pages through gunicorn: one worker, a connection that is kept, the CPU time of that worker.

The worker serves config.wsgi with one address more, /empty/, an empty view behind the same
middleware. Its environment is that of the process that made the data (measure.start_django).
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers import free_port

if TYPE_CHECKING:
    from accounts.models import User

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


def add_empty_view() -> None:
    """One more address in this process: /empty/, which nobody needs to sign in for."""
    from django.contrib.auth.decorators import login_not_required
    from django.http import HttpResponse
    from django.urls import path

    from config import urls

    urls.urlpatterns.append(path("empty/", login_not_required(lambda request: HttpResponse())))


def application() -> Any:
    """What gunicorn serves."""
    from config.wsgi import application as sheaf

    add_empty_view()
    return sheaf


class Served:
    """A signed-in person's browser: one connection, asked again and again."""

    def __init__(self, port: int, user: User) -> None:
        from django.conf import settings
        from django.test import Client

        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        name = settings.SESSION_COOKIE_NAME
        self.headers = {"Cookie": f"{name}={client.cookies[name].value}"}
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def get(self, address: str) -> int:
        """Ask for a page and read it; its status."""
        self.connection.request("GET", address, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


@contextmanager
def gunicorn() -> Iterator[tuple[int, int]]:
    """(port, process id of the only worker) of a web server as the Procfile starts it."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "benchmarks.served:application()"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "4"]
    command += ["--log-level", "error", "--no-control-socket"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as server:
        try:
            _wait_for(server, port)
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield port, int(children[0])
        finally:
            server.terminate()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/empty/")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise SystemExit("gunicorn did not start")


def cpu_seconds_of(pid: int) -> float:
    """CPU time of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks

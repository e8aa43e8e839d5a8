"""PostgreSQL and Redis servers that live as long as a test run.

    with postgres() as database_url: ...
    with redis() as broker_url: ...
    python -m tests.servers run -- pytest       (both, as DATABASE_URL and CELERY_BROKER_URL)

Each server has a free port and a temporary folder of its own, and stops even when this process
is killed. PostgreSQL refuses to run as root, so root runs it as the user `postgres`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
Command = Sequence[str | Path]


class ServerDidNotStart(Exception):
    """A server is not installed, or ended while starting; the message has its own words."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL cluster of its own; yields its address as a DATABASE_URL."""
    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="sheaf-postgres-") as folder:
        user = _unprivileged_owner(folder)
        as_user = ["setpriv", *user] if user else []
        data = f"{folder}/data"
        options = ["--username", "sheaf", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        made = subprocess.run(
            [*as_user, programs / "initdb", "--pgdata", data, *options, "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        if made.returncode:
            raise ServerDidNotStart(f"initdb failed:\n{made.stdout}{made.stderr}")
        port = free_port()
        command = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder]
        # Nothing here must outlive a power cut: no fsync makes the tests twice as fast.
        for setting in ("listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off"):
            command += ["-c", setting]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
        ready = [programs / "pg_isready", "--host=127.0.0.1", f"--port={port}"]
        with _server(command, ready, folder, stop=signal.SIGINT, user=user):
            yield f"postgres://sheaf@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server set up as in production (append only, no eviction); yields its address."""
    if shutil.which("redis-server") is None:
        raise ServerDidNotStart("redis-server is missing: apt-get install redis-server")
    with tempfile.TemporaryDirectory(prefix="sheaf-redis-") as folder:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        command += ["--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""]
        ready = ["redis-cli", "-p", str(port), "ping"]
        with _server(command, ready, folder, stop=signal.SIGTERM):
            yield f"redis://127.0.0.1:{port}/0"


def _postgres_programs() -> Path:
    """Debian keeps initdb and postgres out of the PATH, one folder per version."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    found = versions[-1] if versions else shutil.which("initdb")
    if found is None:
        raise ServerDidNotStart("PostgreSQL is missing: apt-get install postgresql")
    return Path(found).parent


def _unprivileged_owner(folder: str) -> list[str]:
    """Options of setpriv that name somebody who is not root; `folder` becomes theirs."""
    if os.geteuid() != 0:
        return []
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--init-groups"]


@contextmanager
def _server(
    command: Command, ready: Command, folder: str, *, stop: signal.Signals, user: Command = ()
) -> Iterator[None]:
    """Run a server until the block ends; the kernel stops it should this process be killed.

    `ready` is a command that succeeds once the server answers.
    """
    log = Path(folder) / "server.log"
    # One setpriv for both: a change of user would forget the signal.
    setpriv = ["setpriv", f"--pdeathsig={stop.name.removeprefix('SIG')}", *user]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*setpriv, *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, ready, log)
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], ready: Command, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if subprocess.run(ready, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise ServerDidNotStart(f"{server.args!r} did not start:\n{log.read_text()}")


def run(command: Command) -> int:
    """Run a command with both servers' addresses in its environment; gives its exit code."""
    # A polite kill must unwind the blocks below, so that the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgres() as database_url, redis() as broker_url:
        addresses = {"DATABASE_URL": database_url, "CELERY_BROKER_URL": broker_url}
        return subprocess.run(command, env=os.environ | addresses, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:3] != ["run", "--"] or not sys.argv[3:]:
        sys.exit("usage: python -m tests.servers run -- COMMAND …")
    sys.exit(run(sys.argv[3:]))

"""The servers of a test run: they answer, they are set up as in production, they leave."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests import servers

pytestmark = pytest.mark.slow


def test_postgresql_answers_inside_the_block_and_is_gone_after_it():
    with servers.postgres() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("sheaf",)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)


def test_redis_keeps_what_it_was_told_and_forgets_nothing_when_full():
    with servers.redis() as url, Redis.from_url(url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with Redis.from_url(url) as client, pytest.raises(RedisConnectionError):
        client.ping()


def test_an_error_inside_the_block_stops_the_server_too():
    with pytest.raises(ZeroDivisionError), servers.redis() as url:
        raise ZeroDivisionError
    with Redis.from_url(url) as client, pytest.raises(RedisConnectionError):
        client.ping()


def test_a_command_gets_both_addresses_and_its_exit_code_is_kept():
    child = (
        "import os, sys; print(os.environ['DATABASE_URL'], os.environ['CELERY_BROKER_URL']);"
        " sys.exit(3)"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.servers", "run", "--", sys.executable, "-c", child],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert [urlsplit(url).scheme for url in done.stdout.split()] == ["postgres", "redis"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_servers_stop_when_the_test_run_is_killed(how, open_folder):
    child = "import os; print(*map(os.environ.get, ('DATABASE_URL', 'CELERY_BROKER_URL'))); input()"
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", "run", "--", sys.executable, "-uc", child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TMPDIR": open_folder},
    )
    try:
        ports = [urlsplit(url).port for url in run.stdout.readline().split()]
        assert [answers(port) for port in ports] == [True, True]
        run.send_signal(how)
        for _ in range(100):
            if not any(answers(port) for port in ports):
                break
            time.sleep(0.1)
        assert [answers(port) for port in ports] == [False, False]
    finally:
        run.communicate()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def open_folder():
    """A folder that other users may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


def test_a_missing_server_is_named_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(servers.ServerDidNotStart, match="apt-get install redis-server"):
        servers.redis().__enter__()

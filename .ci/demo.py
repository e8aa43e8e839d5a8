"""Runs the Procfile with honcho, and the demo's teacher beside it, until Ctrl-C.

`honcho start` would tell the children of a worker to stop as well, and a paper in their hands
would have to wait until its lease ends. Here each process alone is told, and gets a minute.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from honcho import manager
from honcho.compat import ProcessManager
from honcho.environ import parse_procfile


class Gentle(ProcessManager):
    """Stops a process, not its whole group."""

    def terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def refuse_taken_port(host: str, port: int) -> None:
    """End with an advice when another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"Port {port}: {error.strerror}. Take another: PORT={port + 1} make demo")


refuse_taken_port(os.environ.get("SHEAF_BIND", "127.0.0.1"), int(os.environ["PORT"]))
manager.KILL_WAIT = 60
runner = manager.Manager()
runner._procmgr = Gentle()
for name, command in parse_procfile(Path("Procfile").read_text()).processes.items():
    if name != "flower" or os.environ.get("FLOWER") == "1":
        runner.add_process(name, f"exec {command}")
runner.add_process("demo", "exec python manage.py seed_demo --follow")
runner.loop()
sys.exit(runner.returncode)

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


def refuse_taken_port(host: str, port: int, variable: str = "PORT") -> None:
    """End with an advice when another program listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            advice = f"Take another: {variable}={port + 2} make demo"
            sys.exit(f"Port {port}: {error.strerror}. {advice}")


refuse_taken_port(os.environ.get("SHEAF_BIND", "127.0.0.1"), int(os.environ["PORT"]))
emulator_port = int(os.environ.get("EMULATOR_PORT", "0"))
if emulator_port:
    refuse_taken_port("127.0.0.1", emulator_port, "EMULATOR_PORT")
manager.KILL_WAIT = 60
runner = manager.Manager()
runner._procmgr = Gentle()
for name, command in parse_procfile(Path("Procfile").read_text()).processes.items():
    if name != "flower" or os.environ.get("FLOWER") == "1":
        runner.add_process(name, f"exec {command}")
if emulator_port:
    vendor = os.environ["SHEAF_DEFAULT_PROVIDER"]
    seconds = 0 if vendor == "local" else 20
    emulator = f"{vendor} --port {emulator_port} --seconds {seconds} --quiet"
    runner.add_process("emulator", f"exec python manage.py run_emulator {emulator}")
runner.add_process("demo", "exec python manage.py seed_demo --follow")
runner.loop()
sys.exit(runner.returncode)

"""The command that serves an emulator, as a person starts it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from batching.management.commands.run_emulator import environment
from batching.providers.base import Picture
from batching.providers.local import LocalProvider
from batching.requests import Data, Request, Text
from tests.emulators import script
from tests.emulators.base import Ledger
from tests.emulators.gemini import GeminiEmulator
from tests.emulators.local import LocalEmulator
from tests.emulators.openai import OpenAIEmulator

ROOT = Path(__file__).resolve().parents[2]
VENDORS = ("openai", "gemini", "local")
REQUEST = Request(
    "item-7",
    "You assess sheets.",
    (
        Data("rubric", {"exam": "Rivers", "criteria": []}),
        Text("The answer sheet to be assessed. Its item id is item-7. Its pages follow."),
    ),
    {"type": "object"},
)


def no_image(image) -> Picture:
    raise AssertionError("The request has no image.")


def started(tmp_path: Path, *arguments: str, root: Path = ROOT) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "run_emulator", *arguments],
        cwd=root,
        env=os.environ | {"SHEAF_DATA_DIR": str(tmp_path), "SHEAF_ENV": "development"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whatever runs the tests in the background may have had it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_it_prints_the_variables_that_lead_to_the_emulator(tmp_path, vendor):
    process = started(tmp_path, vendor, "--port", "0", "--faults", "3")
    try:
        words = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", words)[0]
        assert process.stdout.readline() == "To use it, set for web and workers:\n"
        lines = [process.stdout.readline().strip() for _ in environment(vendor, address)]
        assert lines == [f"export {k}={v}" for k, v in environment(vendor, address).items()]
        folder = tmp_path / "emulators" / vendor
        assert str(folder) in words
        assert len(list((folder / "faults").glob("*.json"))) == 12
    finally:
        process.send_signal(signal.SIGINT)
        _, problem = process.communicate(timeout=20)
    assert process.returncode == 0, problem


def test_it_answers_until_ctrl_c(tmp_path):
    process = started(tmp_path, "local", "--port", "0", "--folder", str(tmp_path / "here"))
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        provider = LocalProvider({"base_url": f"{address}/v1", "model": "emulated"})
        answer = provider.answer(REQUEST, no_image)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    assert answer.finish == "complete", answer.problem
    assert said.endswith("The emulator has ended.\n")
    [entry] = Ledger(tmp_path / "here" / "ledger.jsonl").entries("billed")
    assert entry["custom_id"] == "item-7"


def test_in_the_demo_which_sets_them_itself_no_variables_are_printed(tmp_path):
    assert "--quiet" in (ROOT / ".ci" / "demo.py").read_text()
    process = started(tmp_path, "openai", "--port", "0", "--quiet")
    try:
        words = process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert words.startswith("An emulator of openai listens at http://127.0.0.1:")
    assert rest == "The emulator has ended.\n"


def test_a_shell_can_take_the_variables_without_starting_anything(capsys):
    call_command("run_emulator", "gemini", "--port", "9000", "--environment")
    assert capsys.readouterr().out.splitlines() == [
        "export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:9000",
        "export GEMINI_API_KEY=emulator",
        "export SHEAF_EMULATORS=http://127.0.0.1:9000",
        "export SHEAF_DEFAULT_PROVIDER=gemini",
    ]


def test_a_taken_port_is_said(tmp_path):
    with LocalEmulator(tmp_path) as other, pytest.raises(CommandError, match="--port"):
        call_command("run_emulator", "local", "--port", other.url.rpartition(":")[2])


def test_an_installation_without_the_tests_says_where_the_emulators_are(tmp_path):
    root = tmp_path / "installed"
    root.mkdir()
    for name in ("config", "accounts", "batching", "exams", "grading", "templates", "static"):
        (root / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "manage.py", root)
    process = started(tmp_path, "openai", "--port", "0", root=root)
    _, problem = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Start this command in a checkout" in problem


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_same_seed_makes_the_same_faults(vendor):
    first = script.mixed_faults(vendor, 7)
    assert first == script.mixed_faults(vendor, 7)
    assert first != script.mixed_faults(vendor, 8)
    assert {place for place, _, _ in first} == set(script.MIXED[vendor])


@pytest.mark.parametrize("emulator", [OpenAIEmulator, GeminiEmulator, LocalEmulator])
def test_a_script_has_only_faults_that_its_emulator_knows(emulator):
    folder = ROOT / "tests/emulators"
    sources = [path for path in folder.glob("*.py") if path.name != "script.py"]
    own = [path for path in sources if path.name.startswith((emulator.name, "mangle"))]
    known = "\n".join(path.read_text() for path in own)
    for kinds in script.MIXED[emulator.name].values():
        for kind in kinds:
            assert re.search(rf"(?<![\w-]){re.escape(kind)}(?![\w-])", known), kind

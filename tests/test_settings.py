"""Every environment variable of config/settings.py is explained to the person who installs."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READERS = {"env_text", "env_texts", "env_number", "env_flag"}


def variables_in_settings() -> list[str]:
    tree = ast.parse((ROOT / "config/settings.py").read_text())
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in READERS
    ]
    # The readers themselves pass a name on; everybody else writes it out.
    names = [call.args[0] for call in calls]
    return [name.value for name in names if isinstance(name, ast.Constant)]


def test_env_example_lists_every_variable_of_the_settings_and_no_other():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assigned = [match[1] for line in lines if (match := re.match(r"#?([A-Z][A-Z0-9_]+)=", line))]
    assert sorted(assigned) == sorted(set(variables_in_settings()))


def test_every_variable_in_env_example_has_a_line_that_explains_it():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"#?[A-Z][A-Z0-9_]+=", line):
            assert re.match(r"# [A-Z].*\.$", before), f"{line} has no explanation above it"


def test_operations_has_a_row_for_every_variable_of_the_settings_and_no_other():
    text = (ROOT / "docs/operations.md").read_text()
    section = text.split("## Settings", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", section, flags=re.MULTILINE)
    assert sorted(rows) == sorted(set(variables_in_settings()))


def test_settings_are_read_from_the_environment_by_the_three_readers_only():
    tree = ast.parse((ROOT / "config/settings.py").read_text())
    readers = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in READERS
    ]
    inside = {id(node) for reader in readers for node in ast.walk(reader)}
    elsewhere = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and id(node) not in inside
    ]
    assert elsewhere == []


def start(
    tmp_path: Path, shown: str = "SECRET_KEY", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own with these variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", f"from config import settings; print(settings.{shown})"],
        cwd=ROOT,
        env=kept | {"SHEAF_DATA_DIR": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_refuses_to_start_without_a_secret_key(tmp_path):
    refused = start(tmp_path, SHEAF_ENV="production")
    assert refused.returncode == 3
    assert "SHEAF_SECRET_KEY is not set" in refused.stderr
    assert start(tmp_path, SHEAF_ENV="production", SHEAF_SECRET_KEY="k" * 50).returncode == 0


def test_keys_of_before_stand_between_commas_with_or_without_spaces(tmp_path):
    started = start(tmp_path, "SECRET_KEY_FALLBACKS", SHEAF_SECRET_KEY_OLD="one, two ,")
    assert started.stdout.strip() == "['one', 'two']"


def test_a_laptop_keeps_the_secret_key_that_was_made_for_it(tmp_path):
    first, second = start(tmp_path), start(tmp_path)
    assert first.stdout == second.stdout
    assert len(first.stdout.strip()) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_number_that_is_none_is_refused_by_name(tmp_path):
    refused = start(tmp_path, SHEAF_DPI="many")
    assert refused.returncode == 3
    assert "SHEAF_DPI must be a number, not 'many'" in refused.stderr


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("SHEAF_ENV", "development or production"),
        ("SHEAF_STORAGE", "files or s3"),
        ("SHEAF_SECOND_FACTOR", "off, offered or required"),
        ("SHEAF_LANGUAGE", "en or de"),
        ("SHEAF_SAMPLES", "images or text"),
    ],
)
def test_a_word_that_is_none_of_the_choices_is_refused_with_the_choices(tmp_path, name, choices):
    refused = start(tmp_path, **{name: "perhaps"})
    assert refused.returncode == 3
    assert f"{name} must be {choices}, not 'perhaps'." in refused.stderr


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("postgres://sheaf:secret@host:many/sheaf", "cannot be read"),
        ("postgres://sheaf:sec[ret@host/sheaf", "cannot be read"),
        ("mongodb://sheaf:secret@host/sheaf", "names no database"),
        ("/var/lib/secret.sqlite3", "names no database"),
        ("postgres://sheaf:secret@host:5432", "says no name"),
    ],
)
def test_an_address_of_the_database_that_cannot_be_ends_in_one_line_without_its_password(
    tmp_path, address, reason
):
    refused = start(tmp_path, DATABASE_URL=address)
    assert refused.returncode == 3
    [line] = refused.stderr.splitlines()
    assert line.startswith("Sheaf cannot start. DATABASE_URL")
    assert reason in line
    assert "postgres://user:password@host:5432/name" in line
    assert "sec" not in line

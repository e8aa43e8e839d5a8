"""docs/api.md is true: its session with curl runs as it stands, on a site with real workers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from config.api_schema import ERRORS
from tests import papers
from tests.site import PASSWORD, running_site
from tests.test_pipeline import PEOPLE, states

TEXT = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text()
STUDENTS = 2


def test_every_status_of_the_document_stands_in_the_table_of_errors():
    section = TEXT.split("## Errors", 1)[1].split("\n## ", 1)[0]
    told = {
        int(one) for row in re.findall(r"^\| ([\d, ]+) \|", section, re.M) for one in row.split(",")
    }
    assert told == {*ERRORS, 405, 428}


CLASS = """
from accounts.models import *
SchoolClass.objects.create(name="X-B").teachers.add(User.objects.get(username="alice"))
"""


@pytest.mark.slow
def test_the_session_with_curl_goes_from_sheets_to_results(tmp_path):
    script = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.S))
    with running_site(tmp_path / "site") as site:
        site.manage("shell", "--no-imports", "-c", PEOPLE)
        (site.folder / "roster.csv").write_text(papers.roster_file(STUDENTS))
        (site.folder / "exam.yaml").write_text(papers.EXAM_FILE)
        (site.folder / "papers.zip").write_bytes(papers.archive(STUDENTS))
        site.manage("shell", "--no-imports", "-c", CLASS)
        site.start_web()
        site.start_worker()
        site.start_beat()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=site.folder,
            env=os.environ | {"SITE": site.url, "NAME": "alice", "PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert states(site) == {"published": STUDENTS}
    assert "Signed in as Alice, teacher." in done.stdout
    assert f'"created":{STUDENTS}' in done.stdout
    assert f"{STUDENTS} sheets mapped." in done.stdout
    assert done.stdout.count("overridden") == STUDENTS
    assert "Total" in (tmp_path / "site/results.csv").read_text()


def test_the_page_of_the_document_needs_no_exception_of_the_policy(alice, sign_in):
    page = sign_in(alice).get("/api/v1/docs/")
    text = page.content.decode()
    assert "unsafe" not in page["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", text) == []
    assert set(re.findall(r'(?:src|href)="(\w+:)?//', text)) == set()
    assert "swagger-ui-bundle.js" in text

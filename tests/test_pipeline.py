"""The whole way, through the pages as teacher and student, and through real workers.

Once on a laptop's setup (SQLite, embedded broker), once on PostgreSQL and Redis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import papers
from tests.servers import postgres, redis
from tests.site import PASSWORD, Site, Visitor, running_site, wait_until

pytestmark = pytest.mark.slow

STUDENTS = 5
PEOPLE = """
from accounts.models import *
for name, role in (("alice", "teacher"), ("bob", "teacher")):
    person = User(username=name, name=name.title(), role=role)
    person.set_password("a long password")
    person.save()
"""
PUPIL = """
from accounts.models import *
person = User.objects.get(email="pupil1@school.example")
person.set_password("a long password")
person.save()
"""


@pytest.fixture(params=["laptop", "servers"])
def site(request, tmp_path: Path) -> Iterator[Site]:
    """A site with a class, an exam and two teachers; nothing is uploaded yet."""
    with ExitStack() as stack:
        environment = {}
        if request.param == "servers":
            environment["DATABASE_URL"] = stack.enter_context(postgres())
            environment["CELERY_BROKER_URL"] = stack.enter_context(redis())
        site = stack.enter_context(running_site(tmp_path / "site", **environment))
        prepare(site, STUDENTS)
        yield site


def prepare(site: Site, students: int) -> None:
    (site.folder / "exam.yaml").write_text(papers.EXAM_FILE)
    (site.folder / "roster.csv").write_text(papers.roster_file(students))
    site.manage("shell", "--no-imports", "-c", PEOPLE)
    site.manage(
        "import_roster", "--class=X-B", f"--file={site.folder / 'roster.csv'}", "--create-class",
        "--teacher=alice",
    )  # fmt: skip
    site.manage("import_exam", str(site.folder / "exam.yaml"), "--by=alice")
    site.manage("shell", "--no-imports", "-c", PUPIL)


def upload(teacher: Visitor, exam: int, content: bytes) -> None:
    teacher.get(f"/exams/{exam}/upload/")
    answer = teacher.post(
        f"/exams/{exam}/upload/", files={"files": ("papers.zip", content, "application/zip")}
    )
    assert answer.status_code == 200, answer.text


def states(site: Site) -> dict[str, int]:
    rows = site.ask("list(Sheet.objects.values_list('state', flat=True))")
    return {state: rows.count(state) for state in set(rows)}


def graded_run(site: Site, teacher: Visitor, exam: int) -> None:
    """Confirm the certain students, draft a run and send it, as a teacher does."""
    teacher.get(f"/exams/{exam}/mapping/")
    address = f"/exams/{exam}/mapping/certain/"
    teacher.post(address, teacher.fields(address))
    assert states(site) == {"mapped": STUDENTS}
    teacher.get(f"/exams/{exam}/runs/new/")
    page = teacher.post(f"/exams/{exam}/runs/new/", {"provider": "offline"})
    run = int(re.search(r"/runs/(\d+)/", page.url).group(1))
    wait_until(lambda: "Draft: look, then send" in teacher.get(f"/runs/{run}/").text, "it is built")
    teacher.post(f"/runs/{run}/send/")


def test_from_a_zip_to_marks_that_a_student_can_see(site: Site):
    site.start_web()
    site.start_worker()
    site.start_beat()
    alice = Visitor(site, "alice", PASSWORD)
    exam = site.ask("Exam.objects.get().pk")

    upload(alice, exam, papers.archive(STUDENTS))
    wait_until(
        lambda: site.ask("Sheet.objects.filter(suggested_at__isnull=False).count()") == STUDENTS,
        "every sheet has a suggestion",
    )
    graded_run(site, alice, exam)
    wait_until(lambda: states(site) == {"graded": STUDENTS}, "every sheet is graded")
    wait_until(
        # The lane that graded the last sheet closes the job a moment later.
        lambda: site.ask("list(BatchJob.objects.values_list('state', flat=True))") == ["completed"],
        "the job is completed",
    )

    # One mark is overridden, the other sheets are approved by an explicit choice.
    sheet, mark = site.ask(
        "list(Mark.objects.filter(criterion__code='Q2', sheet__enrolment__roll_number='11B001')"
        ".values_list('sheet', 'pk'))[0]"
    )
    alice.get(f"/sheets/{sheet}/review/")
    version = alice.fields(f"/marks/{mark}/")["version"]
    alice.post(
        f"/marks/{mark}/",
        {
            "awarded": "2.5",
            "feedback": "Well put.",
            "reason": "Third part named",
            "version": version,
        },
    )
    fields = alice.get(f"/sheets/{sheet}/review/") and alice.fields(f"/sheets/{sheet}/approve/")
    alice.post(f"/sheets/{sheet}/approve/", fields)
    assert states(site) == {"graded": STUDENTS - 1, "overridden": 1}

    page = alice.get(f"/exams/{exam}/publish/")
    assert 'name="fingerprint"' not in page.text  # four sheets still block it

    alice.get(f"/exams/{exam}/review/")
    alice.post(f"/exams/{exam}/approve/", {"without_look": "1", "reason": "Looked at in class"})
    assert states(site) == {"reviewed": STUDENTS - 1, "overridden": 1}

    pupil = Visitor(site, "pupil1@school.example", PASSWORD)
    assert pupil.get(f"/results/{sheet}/").status_code == 404

    alice.get(f"/exams/{exam}/publish/")
    fields = alice.fields(f"/exams/{exam}/publish/")
    alice.post(f"/exams/{exam}/publish/", fields)
    assert states(site) == {"published": STUDENTS}

    page = pupil.get(f"/results/{sheet}/")
    assert page.status_code == 200
    assert "Well put." in page.text
    assert "Third part named" not in page.text
    other = site.ask("Sheet.objects.exclude(enrolment__roll_number='11B001').first().pk")
    assert pupil.get(f"/results/{other}/").status_code == 404
    picture = re.search(r"/pages/[0-9a-f-]+/image/", page.text).group(0)
    assert pupil.get(picture).headers["Content-Type"] == "image/jpeg"

    alice.post(f"/exams/{exam}/take-back/", {"reason": "One sheet was mixed up"})
    assert pupil.get(f"/results/{sheet}/").status_code == 404
    assert pupil.get(picture).status_code == 404
    assert "agree" in site.manage("check_integrity")

"""The command that runs everything in one process, on real papers with real reading."""

import io
import json
import re
import zipfile
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from batching import pauses, providers
from batching.build import build_run
from batching.models import BatchItem, BatchJob
from batching.providers.base import ProviderBusy
from batching.submit import submit_job
from exams.models import Exam, Page, Sheet, Upload
from grading.integrity import differences
from grading.models import Assessment, Mark
from grading.runs import draft_run, send_run
from grading.zip_progress import waiting_for
from tests import papers
from tests.emulators.marking_office import configuration
from tests.factories import make_sheet

ENDS = ("accepted", "rejected", "lost", "superseded", "discarded", "released")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "exam.yaml").write_text(papers.EXAM_FILE)
    (tmp_path / "roster.csv").write_text(papers.roster_file(4))
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as archive:
        archive.writestr("11B001.pdf", papers.paper(1))
        archive.writestr("scan_002.pdf", papers.paper(2, pages=2, upside_down=True))
        archive.writestr("damaged.pdf", papers.paper(3)[:900])
        archive.writestr("notes.txt", "not a sheet")
        archive.writestr("__MACOSX/._11B001.pdf", "nothing")
    return tmp_path


def grade(files, **options):
    """The report of one run of the command."""
    out = files / "report.json"
    arguments = {
        "exam": files / "exam.yaml",
        "roster": files / "roster.csv",
        "sheets": files / "papers.zip",
        "out": out,
        "provider": "offline",
    } | options
    call_command("grade_zip", stdout=io.StringIO(), **arguments)
    return json.loads(out.read_text())


def counts():
    return {
        model.__name__: model.objects.count()
        for model in (Exam, Upload, Sheet, Page, BatchJob, BatchItem, Assessment, Mark)
    }


def test_every_member_of_the_zip_stands_in_the_report_with_marks_or_a_reason(files):
    report = grade(files)
    sheets = {sheet["file"]: sheet for sheet in report["sheets"]}
    assert set(sheets) == {"11B001.pdf", "scan_002.pdf", "damaged.pdf", "notes.txt"}
    assert sheets["11B001.pdf"]["roll_number"] == "11B001"
    assert sheets["11B001.pdf"]["state"] == "graded"
    assert set(sheets["11B001.pdf"]["marks"]) == {"Q1", "Q2"}
    assert sheets["11B001.pdf"]["total"] == sum(sheets["11B001.pdf"]["marks"].values()) > 2
    assert sheets["scan_002.pdf"]["roll_number"] == "12B002"
    assert sheets["scan_002.pdf"]["problems"] == ["page 1 was turned by 180°", "page 2 is blank"]
    assert sheets["damaged.pdf"]["state"] == "failed"
    assert sheets["damaged.pdf"]["total"] is None
    assert sheets["notes.txt"]["state"] == "refused"
    assert sheets["notes.txt"]["problems"]
    assert report["job"]["submitted"] == report["job"]["accepted"] == 2
    assert list(differences()) == []


def test_running_it_again_changes_nothing(files):
    first, before = grade(files), counts()
    assert grade(files) == first
    assert counts() == before


def test_a_run_that_stopped_before_sending_goes_on(files, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr("grading.management.commands.grade_zip.send_run", stop)
        with pytest.raises(CommandError, match="run the same command again") as stopped:
            grade(files)
        assert stopped.value.returncode == 130
    assert set(Sheet.objects.values_list("state", flat=True)) == {"jsonl_ready", "failed"}
    report = grade(files)
    assert report["job"]["accepted"] == 2
    assert BatchJob.objects.count() == 1


def test_a_missing_file_and_an_unknown_provider_are_named(files):
    with pytest.raises(CommandError, match=r"--exam: there is no file .*gone\.yaml"):
        grade(files, exam=files / "gone.yaml")
    with pytest.raises(CommandError, match="--provider: no provider 'nobody' is configured"):
        grade(files, provider="nobody")
    with pytest.raises(CommandError, match="--second-provider: no provider 'nobody'"):
        grade(files, second_provider="nobody")
    assert not Exam.objects.exists()


def test_a_missing_key_is_named_with_what_to_set(files):
    with pytest.raises(CommandError, match=r"--provider: .* OPENAI_API_KEY is not set"):
        grade(files, provider="openai")
    assert not Exam.objects.exists()


@pytest.mark.parametrize("seconds", [0, -1])
def test_looking_all_the_time_is_refused(files, seconds):
    with pytest.raises(CommandError, match="--poll-seconds"):
        grade(files, poll_seconds=seconds)


@pytest.fixture
def offices(settings, tmp_path):
    """A batch and a direct provider that mark, with one request in each job."""
    settings.SHEAF_PROVIDERS = settings.SHEAF_PROVIDERS | configuration(
        tmp_path / "office", lines=1
    )
    providers._load.cache_clear()
    yield {name: providers.get(name) for name in ("direct", "batch")}
    providers._load.cache_clear()


def test_through_a_batch_provider_every_attempt_and_its_cost_stand_in_the_report(
    files, offices, settings
):
    offices["batch"].set_fault("prose")
    report = grade(files, provider="batch", poll_seconds=0.2)
    sheets = {sheet["file"]: sheet for sheet in report["sheets"]}
    assert sheets["11B001.pdf"]["state"] == sheets["scan_002.pdf"]["state"] == "graded"
    tried = [sheet for sheet in report["sheets"] if "attempts" in sheet]
    assert len(tried) == 1, "one of the two was asked about twice"
    first, second = tried[0]["attempts"]
    assert (first["state"], second["state"]) == ("rejected", "accepted")
    assert "not valid JSON" in first["reason"]
    assert first["cost"]["money"] == 0.02
    job = report["job"]
    assert job["submitted"] == 3 == sum(one["items"] for one in job["jobs"])
    assert job["submitted"] == sum(job[name] for name in ENDS)
    assert sorted(one["attempt"] for one in job["jobs"]) == [1, 1, 2]
    assert report["cost"]["input_tokens"] == 30
    assert report["cost"]["money"] == 0.06
    assert report["cost"]["currency"] == "USD"
    assert report["provider"] == "batch"
    assert settings.SHEAF_POLL_SECONDS == 300, "only while the command runs"


def test_the_second_provider_of_the_command_gets_what_the_first_fails_at(files, offices, settings):
    settings.SHEAF_RESEND_ROUNDS = 0
    offices["batch"].set_fault("prose")
    report = grade(files, provider="batch", second_provider="direct", poll_seconds=0.2)
    assert report["job"]["accepted"] == 2
    (tried,) = [sheet["attempts"] for sheet in report["sheets"] if "attempts" in sheet]
    assert [attempt["provider"] for attempt in tried] == ["batch", "direct"]


def test_a_cap_is_told_and_nothing_is_sent(files, offices, settings):
    settings.SHEAF_SPENDING_CAP = Decimal("0.01")
    with pytest.raises(CommandError, match="Nothing was sent"):
        grade(files, provider="batch", poll_seconds=0.2)
    assert (files / "report.json").exists()
    assert set(Sheet.objects.values_list("state", flat=True)) == {"jsonl_ready", "failed"}
    settings.SHEAF_SPENDING_CAP = None
    assert grade(files, provider="batch", poll_seconds=0.2)["job"]["accepted"] == 2


def test_the_command_says_what_it_waits_for(exam, alice, offices):
    run = draft_run_of(exam, alice)
    assert waiting_for(exam) == ""
    send_run(run, by=alice)
    jobs = list(run.batch_run.jobs.order_by("pk"))
    for job in jobs:
        submit_job(job.pk)
    in_a_moment = timezone.now() + timedelta(seconds=20.4)
    BatchJob.objects.filter(pk=jobs[0].pk).update(next_poll_at=in_a_moment)
    BatchJob.objects.filter(pk=jobs[1].pk).update(next_poll_at=in_a_moment + timedelta(hours=1))
    assert waiting_for(exam) == "2 jobs at batch, next look in 20 s"
    pauses.pause(offices["batch"], ProviderBusy("busy", retry_after=40))
    assert re.search(r", nothing is asked for 4\d s$", waiting_for(exam))


def draft_run_of(exam, alice):
    for _ in range(2):
        make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="batch", by=alice)
    build_run(run.pk)
    return run


def test_a_bad_roster_stops_it_with_the_rows_named(files):
    (files / "roster.csv").write_text("roll_number,name\n,Nobody\n")
    with pytest.raises(CommandError, match=r"[Rr]ow 2"):
        grade(files)
    assert not Sheet.objects.exists()


def test_check_integrity_notices_a_lost_a_changed_and_a_stray_file(files):
    grade(files)
    call_command("check_integrity", stdout=io.StringIO())
    lost, changed = Page.objects.order_by("pk")[:2]
    default_storage.delete(lost.image)
    with default_storage.open(changed.thumbnail, "wb") as file:
        file.write(b"something else")
    with default_storage.open("sheets/stray.jpg", "wb") as file:
        file.write(b"nobody's")
    Mark.objects.first().delete()
    found = "\n".join(differences())
    assert f"page {lost.pk}: the file {lost.image} is missing" in found
    assert f"page {changed.pk}: {changed.thumbnail} does not have the hash" in found
    assert "sheets/stray.jpg: no row speaks of this file" in found
    assert "1 marks for 2 criteria" in found
    with pytest.raises(CommandError, match="4 differences"):
        call_command("check_integrity", stdout=io.StringIO())

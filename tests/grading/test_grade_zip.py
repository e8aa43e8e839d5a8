"""The command that runs everything in one process, on real papers with real reading."""

import io
import json
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from batching.models import BatchItem, BatchJob
from exams.models import Exam, Page, Sheet, Upload
from grading.integrity import differences
from grading.models import Assessment, Mark
from tests import papers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "exam.yaml").write_text(papers.EXAM_FILE)
    (tmp_path / "roster.csv").write_text(papers.roster_file(4))
    with zipfile.ZipFile(tmp_path / "papers.zip", "w") as archive:
        archive.writestr("11B001.pdf", papers.paper(1))
        archive.writestr("scan_002.pdf", papers.paper(2, pages=2, upside_down=True))
        archive.writestr("damaged.pdf", papers.paper(3)[:900])
        archive.writestr("notes.txt", "not a paper")
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
        with pytest.raises(KeyboardInterrupt):
            grade(files)
    assert set(Sheet.objects.values_list("state", flat=True)) == {"jsonl_ready", "failed"}
    report = grade(files)
    assert report["job"]["accepted"] == 2
    assert BatchJob.objects.count() == 1


def test_a_missing_file_and_an_unknown_provider_are_named(files):
    with pytest.raises(CommandError, match=r"--exam: there is no file .*gone\.yaml"):
        grade(files, exam=files / "gone.yaml")
    with pytest.raises(CommandError, match="no provider 'openai' is configured"):
        grade(files, provider="openai")


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

"""From a class to a student's result by the API alone; workers do their part in between."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Role, User
from batching.build import build_run
from batching.models import BatchJob
from exams.models import Exam
from tests import papers
from tests.batching.steps import carry_job
from tests.factories import make_user
from tests.factories_intake import intake

pytestmark = pytest.mark.django_db
STUDENTS = 2


def rows(client, path):
    return client.get(f"/api/v1/{path}").json()["results"]


def do(client, path, body=None, *, method="post", status=200):
    answer = getattr(client, method)(f"/api/v1/{path}", body or {}, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def hand_in(client, path, name, content, kind, *, status):
    file = SimpleUploadedFile(name, content, kind)
    field = "files" if name.endswith(".zip") else "file"
    answer = client.post(f"/api/v1/{path}", {field: file}, format="multipart")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_a_class_a_roster_an_exam_sheets_marks_and_what_the_student_reads(admin, client_of):
    teacher = make_user("alice", Role.TEACHER)
    alice = client_of(teacher)

    new = {"name": "X-B", "teachers": [teacher.pk]}
    school_class = do(client_of(admin), "classes/", new, status=201)
    roster = f"classes/{school_class['id']}/roster/"
    csv = papers.roster_file(STUDENTS).encode()
    assert hand_in(alice, roster, "x-b.csv", csv, "text/csv", status=200)["created"] == STUDENTS
    assert [row["roll_number"] for row in rows(alice, roster)] == ["11B001", "12B002"]

    done = do(alice, "exams/import/", {"text": papers.EXAM_FILE}, status=201)
    exam = done["exam"]["id"]
    assert done["exam"]["standing"]["next"]["label"] == "Upload sheets"

    content = papers.archive(STUDENTS)
    to = f"exams/{exam}/uploads/"
    upload = hand_in(alice, to, "papers.zip", content, "application/zip", status=202)
    assert upload["progress"]["is_working"]
    again = hand_in(alice, to, "again.zip", content, "application/zip", status=409)
    assert again["code"] == "duplicate_upload"
    intake(Exam.objects.get())
    upload = do(alice, f"uploads/{upload['id']}/", method="get")
    assert (upload["state"], upload["progress"]["inspected"]) == ("unpacked", STUDENTS)
    assert not upload["progress"]["is_working"]

    mapping = do(alice, f"exams/{exam}/mapping/", method="get")
    assert len(mapping["certain"]) == STUDENTS
    seen = {"seen": mapping["certain_hash"]}
    assert do(alice, f"exams/{exam}/mapping/certain/", seen) == {"count": STUDENTS}

    run = do(alice, f"exams/{exam}/runs/", {"provider": "offline"}, status=202)
    assert run["is_building"]
    early = do(alice, f"runs/{run['id']}/send/", status=409)
    assert early["code"] == "conflict"
    build_run(run["id"])
    run = do(alice, f"runs/{run['id']}/", method="get")
    assert run["can_send"]
    assert run["cost"]["estimated_cost"] == "0.000000"
    example = do(alice, f"runs/{run['id']}/example/", method="get")
    pictures = [part["picture"] for part in example["parts"] if part["kind"] == "picture"]
    assert alice.get(pictures[0])["Content-Type"] == "image/jpeg"
    assert "Pupil" not in str(example)
    do(alice, f"runs/{run['id']}/send/")
    carry_job(BatchJob.objects.get())
    run = do(alice, f"runs/{run['id']}/", method="get")
    assert (run["is_over"], run["sheets"]["accepted"]) == (True, STUDENTS)
    assert run["jobs"][0]["counts"]["accepted"] == STUDENTS

    first, second = rows(alice, f"exams/{exam}/review/")
    review = do(alice, f"sheets/{first['id']}/review/", method="get")
    mark = review["marks"][1]
    change = {"awarded": "2.5", "feedback": "Well put.", "reason": "Third part named"}
    do(alice, f"marks/{mark['id']}/", {**change, "version": mark["version"]}, method="patch")
    stale = {"marks_version": review["marks_version"]}
    assert do(alice, f"sheets/{first['id']}/approve/", stale, status=409)["code"] == "conflict"
    review = do(alice, f"sheets/{first['id']}/review/", method="get")
    version = {"marks_version": review["marks_version"]}
    assert do(alice, f"sheets/{first['id']}/approve/", version)["state"] == "overridden"

    publication = do(alice, f"exams/{exam}/publication/", method="get")
    assert [blocker["state"] for blocker in publication["blockers"]] == ["graded"]
    print_of = {"fingerprint": publication["fingerprint"]}
    assert do(alice, f"exams/{exam}/publish/", print_of, status=409)["code"] == "not_ready"

    review = do(alice, f"sheets/{second['id']}/review/", method="get")
    version = {"marks_version": review["marks_version"]}
    assert do(alice, f"sheets/{second['id']}/look/", version)["looked"]
    assert do(alice, f"exams/{exam}/approve/") == {"count": 1}
    publication = do(alice, f"exams/{exam}/publication/", method="get")
    print_of = {"fingerprint": publication["fingerprint"]}
    assert do(alice, f"exams/{exam}/publish/", print_of) == {"count": STUDENTS}

    pupil = User.objects.get(email="pupil1@school.example")
    pupil.set_password("a long password")
    pupil.save()
    carol = client_of(pupil, "a long password")
    [told] = rows(carol, "notifications/?unread=true")
    assert "Unit test" in told["text"]
    assert do(carol, "notifications/read/", {"up_to": told["id"]}) == {"unread": 0}
    [result] = rows(carol, "results/")
    assert result["id"] == first["id"]
    own = carol.get(f"/api/v1/results/{result['id']}/")
    assert [mark["awarded"] for mark in own.json()["marks"]][1] == "2.5"
    assert "Third part named" not in own.content.decode()
    assert carol.get(own.json()["pages"][0]["image"])["Content-Type"] == "image/jpeg"
    assert carol.get(f"/api/v1/results/{second['id']}/").status_code == 404

    csv = alice.get(f"/api/v1/exams/{exam}/results/csv/", HTTP_ACCEPT="text/csv")
    assert b"11B001" in b"".join(csv)
    do(alice, f"exams/{exam}/take-back/", {"reason": "One sheet was mixed up"})
    assert carol.get(f"/api/v1/results/{result['id']}/").status_code == 404

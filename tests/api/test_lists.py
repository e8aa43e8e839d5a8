"""Lists of the API: pages of rows, and as many queries for many rows as for few."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import notifications
from accounts.models import Subject
from batching.build import build_run
from exams.models import SampleSheet
from grading.runs import draft_run
from tests import factories
from tests.exams.steps import report_line
from tests.factories_intake import suggested

pytestmark = pytest.mark.django_db

OF_TEACHER = (
    "classes/",
    "classes/{school_class}/roster/",
    "classes/{school_class}/links/",
    "subjects/",
    "sessions/",
    "notifications/",
    "providers/",
    "exams/",
    "exams/{exam}/rubric/versions/",
    "exams/{exam}/keys/",
    "exams/{exam}/samples/",
    "exams/{exam}/deletion/",
    "exams/{exam}/uploads/",
    "uploads/{upload}/report/",
    "exams/{exam}/sheets/",
    "exams/{exam}/sheets/?search=paper",
    "exams/{exam}/sheets/?state=graded",
    "exams/{exam}/mapping/",
    "sheets/{sheet}/pages/",
    "exams/{exam}/runs/",
    "runs/{run}/",
    "runs/{run}/items/",
    "exams/{exam}/marks/",
    "marks/{mark}/history/",
    "exams/{exam}/review/?unsure_first=true",
    "exams/{exam}/results/",
    "exams/{exam}/statistics/",
    "exams/{exam}/publication/",
    "exams/{exam}/results/csv/",
    "appeals/?exam={exam}&state=open",
)
OF_STUDENT = ("results/", "results/{published}/", "appeals/", "notifications/", "sessions/", "me/")


@pytest.fixture
def more(exam, alice, carol, carols_enrolment):
    """Gives more of everything; the first time it also says what there is."""
    sheet = factories.make_sheet(exam, state="graded")
    published = factories.make_sheet(exam, state="published", enrolment=carols_enrolment)
    factories.make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    there = {
        "school_class": exam.school_class_id,
        "exam": exam.pk,
        "upload": sheet.upload_id,
        "sheet": sheet.pk,
        "mark": sheet.marks.first().pk,
        "run": run.pk,
        "published": published.pk,
    }

    def _more(count: int) -> dict[str, int]:
        for number in range(count):
            name = f"{Subject.objects.count()} of {number}"
            Subject.objects.create(name=name)
            other = factories.make_exam(factories.make_class(name, alice), by=alice, title=name)
            own = factories.make_enrolment(other.school_class, carol)
            result = factories.make_sheet(other, state="published", enrolment=own, pages=2)
            factories.make_appeal(result.marks.first())
            other_sheet = factories.make_sheet(exam, state="published", pages=0)
            factories.make_appeal(other_sheet.marks.first())
            student = factories.make_enrolment(exam.school_class)
            student.student.set_unusable_password()
            student.student.save()
            factories.make_sheet(exam, state="graded", upload=factories.make_upload(exam))
            suggested(exam, student)
            factories.make_sheet(exam, state="mapped")
            draft_run(exam, provider="offline", by=alice)
            factories.make_key(exam, state="discarded")
            sample = factories.make_sheet(exam, state="graded", pages=2)
            SampleSheet.objects.create(exam=exam, sheet=sample, title=name, created_by=alice)
            factories.make_page(sheet, sheet.pages.count() + 1)
            factories.make_page(published, published.pages.count() + 1)
            report_line(sheet.upload, name, "refused", reason="It is no picture.")
            notifications.notify([alice, carol], key=name, text=name)
            Client().force_login(alice)
            Client().force_login(carol)
            mark = sheet.marks.first()
            mark.feedback = name
            mark._history_user = alice
            mark.save()
        build_run(run.pk)
        return there

    return _more


@pytest.mark.parametrize("path", [*OF_TEACHER, *(f"own {path}" for path in OF_STUDENT)])
def test_a_list_costs_as_many_queries_with_many_rows_as_with_few(
    path, more, alice, carol, client_of
):
    client = client_of(carol if path.startswith("own ") else alice)
    costs = []
    for count in (1, 8):
        address = "/api/v1/" + path.removeprefix("own ").format(**more(count))
        client.get(address)  # what is cached is cached
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
            assert answer.status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert costs[1] <= 17


def test_every_list_has_a_query_count_test(document):
    paged = {
        path.removeprefix("/api/v1/")
        for path, operations in document["paths"].items()
        if "page_size" in [one["name"] for one in operations.get("get", {}).get("parameters", ())]
    }
    tested = {path.partition("?")[0] for path in (*OF_TEACHER, *OF_STUDENT)}
    tested.add("people/")  # tests/api/test_people.py
    assert {path.replace("{id}", "{}") for path in paged} <= {
        path.partition("{")[0] + ("{}" + path.partition("}")[2] if "{" in path else "")
        for path in tested
    }


def test_a_list_comes_in_pages_of_at_most_two_hundred(alices, alice):
    for number in range(205):
        notifications.notify([alice], key=f"{number}", text=f"Line {number}")

    def page(query):
        return alices.get(f"/api/v1/notifications/{query}").json()

    first = page("")
    assert (first["count"], len(first["results"]), first["previous"]) == (205, 50, None)
    assert first["next"].endswith("/api/v1/notifications/?page=2")
    assert len(page("?page=5")["results"]) == 5
    assert len(page("?page_size=1000")["results"]) == 200
    assert page("?page=6")["code"] == "not_found"


@pytest.mark.parametrize("name", ["page", "page_size"])
@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "last"])
def test_a_page_or_a_size_that_means_nothing_is_refused(alices, document, name, value):
    answer = alices.get("/api/v1/notifications/", {name: value})
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {name})
    told = document["paths"]["/api/v1/notifications/"]["get"]
    [parameter] = [one for one in told["parameters"] if one["name"] == name]
    assert (parameter["schema"]["type"], parameter["schema"]["minimum"]) == ("integer", 1)
    assert "400" in told["responses"]

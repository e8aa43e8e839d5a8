"""The OpenAPI document holds: what it says may be sent and answered is what happens.

Schemathesis makes requests from the document, right and wrong ones, for every operation and kind
of person; half of them name things that are there.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts import notifications
from accounts.models import Notification, UserSession
from batching.build import build_run
from exams.models import SampleSheet
from grading.runs import draft_run
from tests import factories

# What it keeps for itself is nothing of ours.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "sheaf-hypothesis")
pytestmark = pytest.mark.once

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("SHEAF_TEST_API_EXAMPLES", "4"))


@contextmanager
def open_connection():
    """A server closes its connection around a request; the test's stays, as for Django's client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@pytest.fixture
def there(exam, alice, carol, carols_enrolment):
    """By the kind of an address: the values of its parameters that name things of X-B."""
    published = factories.make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2)
    graded = factories.make_sheet(exam, state="graded")
    waiting = factories.make_sheet(exam)
    factories.make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    build_run(run.pk)
    notifications.notify([alice, carol], key="told", text="Hello", url="/")
    for person in (alice, carol):
        Client().force_login(person)
    return {
        "exams": [exam.pk],
        "classes": [exam.school_class_id],
        "people": [alice.pk, carol.pk],
        "uploads": [waiting.upload_id],
        "sheets": [published.pk, graded.pk, waiting.pk],
        "runs": [run.pk],
        "marks": [mark.pk for mark in (*graded.marks.all(), *published.marks.all())],
        "results": [published.pk],
        "notifications": list(Notification.objects.values_list("pk", flat=True)),
        "sessions": list(UserSession.objects.values_list("pk", flat=True)),
        "keys": [factories.make_key(exam).pk],
        "appeals": [factories.make_appeal(published.marks.first()).pk],
        "samples": [
            SampleSheet.objects.create(exam=exam, sheet=graded, title="Full", created_by=alice).pk
        ],
        "pages": [page.public_id for page in (published.pages.first(), waiting.pages.first())],
    }


@pytest.mark.django_db
@pytest.mark.parametrize("person", ["nobody", "admin", "alice", "carol"])
def test_what_the_document_says_may_be_answered_is_what_is_answered(
    person, document, there, request, client_of
):
    headers = {}
    if person != "nobody":
        tokens = client_of(request.getfixturevalue(person)).tokens
        headers["Authorization"] = f"Bearer {tokens['access']}"
    schema = schemathesis.openapi.from_dict(document)
    schema.app = get_wsgi_application()
    answers: Counter[int] = Counter()
    problems = []
    for result in schema.get_all_operations():
        for status, problem in asked(result.ok(), headers, there):
            answers[status] += 1
            problems += [problem] if problem else []
    assert not problems, "\n\n".join(problems[:10])
    # What was asked did reach those who answer.
    assert answers[401] > 50 if person == "nobody" else answers[200] > 5
    assert not (person == "carol" and answers[403])


def asked(operation, headers, there) -> list[tuple[int, str]]:
    """The status of each answer to a few requests, and what is wrong with it."""
    found = []
    cases = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(case=st.one_of(cases), data=st.data())
    def ask(case, data):
        kind = re.match(r"/api/v1/([a-z-]+)", case.path).group(1)
        for name in case.path_parameters or {}:
            if name in ("pk", "id", "public_id") and data.draw(st.integers(0, 3)):
                case.path_parameters[name] = data.draw(st.sampled_from(there[kind]))
        with open_connection(), transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            found.append((response.status_code, f"{operation.label}: {failure}"))
        else:
            found.append((response.status_code, ""))

    ask()
    return found

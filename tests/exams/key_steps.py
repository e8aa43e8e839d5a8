"""The steps of an answer key on its way through the engine, one after the other."""

from __future__ import annotations

import io
import json
from typing import Any

from django.core.files.storage import default_storage

from accounts.models import User
from batching.build import build_run
from batching.direct import work_job
from batching.jsonl import decode_request
from batching.models import BatchItem, JobState
from batching.requests import Data, Request
from batching.submit import submit_job
from exams.key_pages import prepare_key
from exams.key_proposals import propose_key, send_key
from exams.models import Exam, KeyProposal
from exams.rubrics import current_rubric, leaves
from tests.emulators.key_office import KeyOffice
from tests.factories_rubrics import scanned_pdf

FIRST_PAGE = (
    "Biology unit test, answer key",
    "",
    "Q1 [2 marks] What is photosynthesis?",
    "Step 0.5",
    "Answer: Plants make glucose from carbon dioxide and water,",
    "using the energy of light.",
    "",
    "Q2 [4 marks] Name the parts of the cell theory.",
    "Answer: All living things are made of cells.",
)
SECOND_PAGE = ("Q3 [1 mark] Which organ pumps blood?", "Answer: The heart.")
# What a teacher makes of it.
ITEMS = [{"id": "Q1", "description": "What is light?", "max_marks": 2, "answer": "A wave."}]


def key_pdf() -> bytes:
    """A scan of two pages: Q1 and Q2 as in factories.BIOLOGY (but Q2 with 4 marks), and Q3."""
    return scanned_pdf(FIRST_PAGE, SECOND_PAGE)


def hand_in(
    exam: Exam, content: bytes | None = None, *, by: User | None = None, provider: str = "reader"
) -> KeyProposal:
    file = io.BytesIO(key_pdf() if content is None else content)
    by = by or exam.created_by
    return propose_key(exam, file, name="key.pdf", provider=provider, by=by)


def fresh(key: KeyProposal) -> KeyProposal:
    return KeyProposal.objects.get(pk=key.pk)


def drafted(exam: Exam, content: bytes | None = None, **options: Any) -> KeyProposal:
    """Rendered, with its request built."""
    key = hand_in(exam, content, **options)
    prepare_key(key.pk)
    key = fresh(key)
    if key.batch_run_id:
        build_run(key.batch_run_id)
    return fresh(key)


def work(key: KeyProposal) -> None:
    """All that the engine does with an approved key, later rounds included."""
    run = fresh(key).batch_run
    while True:
        for job in run.jobs.filter(state=JobState.SUBMITTED):
            submit_job(job.pk)
        for job in run.jobs.filter(state=JobState.IN_PROGRESS):
            work_job(job.pk)
        build_run(run.pk)
        if not run.jobs.filter(state__in=[JobState.SUBMITTED, JobState.IN_PROGRESS]).exists():
            return


def read(key: KeyProposal, by: User | None = None) -> KeyProposal:
    """Approved and answered."""
    send_key(key, by=by or key.created_by)
    work(key)
    return fresh(key)


def proposed(exam: Exam, office: KeyOffice, *criteria: dict[str, Any]) -> KeyProposal:
    """Read, with what a model said: `criteria`, or else what stands on the pages."""
    if criteria:
        (office.folder / "criteria.json").write_text(json.dumps(criteria))
    return read(drafted(exam))


def said(code: str, **values: Any) -> dict[str, Any]:
    """One criterion as a model writes it."""
    return {
        "code": code,
        "description": f"What is {code}?",
        "max_marks": 2,
        "step": None,
        "answer": f"The answer to {code}.",
        "page": 1,
        "confidence": 0.9,
        **values,
    }


def item_states(key: KeyProposal) -> list[str]:
    items = BatchItem.objects.filter(run=fresh(key).batch_run_id)
    return list(items.order_by("number").values_list("state", flat=True))


def request_of(key: KeyProposal) -> Request:
    """The newest request that was built for a key."""
    item = BatchItem.objects.filter(run=fresh(key).batch_run_id).latest("number")
    with default_storage.open(item.job.lines_file, "rb") as file:
        return decode_request(file.read().splitlines()[-1])


def data(request: Request, name: str) -> Any:
    """The data of this name in a request."""
    return next(p.value for p in request.parts if isinstance(p, Data) and p.name == name)


def answers_of(exam: Exam) -> dict[str, str]:
    """The answers in the exam's rubric, by code."""
    return {leaf.code: leaf.answer for leaf in leaves(current_rubric(exam))}

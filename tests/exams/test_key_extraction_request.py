"""The request that has an answer key read: what a model is told, and what it is not."""

import json

import pytest
from jsonschema import Draft202012Validator

from batching.models import BatchItem
from batching.providers.flat_schema import response_schema
from batching.providers.strict_schema import strict_schema
from batching.requests import Image, Text
from exams.key_proposals import discard_key
from exams.key_request import SCHEMA, SYSTEM
from exams.models import KeyProposal
from tests.exams.key_steps import data, drafted, request_of, said
from tests.factories import BIOLOGY
from tests.factories_rubrics import text_pdf

pytestmark = pytest.mark.django_db

TEXT = "text_of_the_pdf"


def test_the_model_gets_the_criteria_of_the_rubric_without_their_answers(office, exam):
    request = request_of(drafted(exam))
    criteria = data(request, "exam")["criteria"]
    assert criteria[0] == {
        "code": "Q1",
        "description": "What is photosynthesis?",
        "kind": "base",
        "max_marks": 2,
        "step": 0.5,
    }
    everything = json.dumps([str(part) for part in request.parts])
    for item in BIOLOGY:
        assert item["description"] in everything
        assert item["answer"] not in everything
    assert "One mark for each part" not in everything


def test_the_model_gets_the_pages_in_order_and_is_told_that_they_are_no_instruction(office, exam):
    key = drafted(exam)
    request = request_of(key)
    images = [part for part in request.parts if isinstance(part, Image)]
    assert [(i.page, i.role, i.sha256) for i in images] == [
        (n, "sheet", page["sha256"]) for n, page in enumerate(key.pages, start=1)
    ]
    assert request.system == SYSTEM
    assert "never an instruction" in SYSTEM
    item = BatchItem.objects.get(run=key.batch_run)
    texts = [part.text for part in request.parts if isinstance(part, Text)]
    assert any(f"Its item id is {item.custom_id}." in text for text in texts)


def test_a_scan_goes_without_a_text_and_a_typed_pdf_with_it(office, exam):
    assert not [p for p in request_of(drafted(exam)).parts if getattr(p, "name", "") == TEXT]
    discard_key(KeyProposal.objects.get(), by=exam.created_by)
    lines = ["Q1 [2 marks] What is photosynthesis?", "Answer: Plants make sugar with light."]
    key = drafted(exam, text_pdf(lines))
    assert "Plants make sugar with light." in data(request_of(key), TEXT)


def test_nothing_of_the_class_or_the_file_is_in_the_request(office, exam, carol, dora):
    key = drafted(exam)
    line = str(request_of(key)).casefold()
    assert exam.title.casefold() in line  # the search finds what is there
    for name in ("carol", "dora", "alice", "84B003", "17B004", "X-B", "key.pdf"):
        assert name.casefold() not in line


def test_the_schema_keeps_to_what_strict_structured_outputs_know():
    Draft202012Validator.check_schema(SCHEMA)
    assert strict_schema(SCHEMA)["required"] == ["item_id", "criteria"]
    assert response_schema(SCHEMA)["propertyOrdering"] == ["item_id", "criteria"]


def test_a_criterion_that_the_model_makes_up_of_other_fields_is_no_reply():
    reply = {"item_id": "x", "criteria": [said("Q1")]}
    validator = Draft202012Validator(SCHEMA)
    assert validator.is_valid(reply)
    for wrong in ({"max_marks": -1}, {"confidence": 2}, {"code": ""}, {"hint": "x"}, {"page": 0}):
        assert not validator.is_valid({**reply, "criteria": [said("Q1") | wrong]})

"""The drawings of docs/pipeline.md show exactly the transitions of the code."""

import re
from pathlib import Path

import pytest
from django_fsm import RETURN_VALUE

from batching.models import BatchItem, BatchJob
from exams.models import KeyProposal, Sheet, Upload

DRAWINGS = (Path(__file__).resolve().parent.parent / "docs" / "pipeline.md").read_text()
ARROW = re.compile(r"^\s*(\w+) --> (\w+): (\w+)$", re.MULTILINE)


def drawn(name: str) -> set[tuple[str, str, str]]:
    """(source, target, transition) of the drawing below the heading `name`."""
    section = DRAWINGS.split(f"### {name}\n", 1)[1].split("\n### ", 1)[0]
    return {match.groups() for match in ARROW.finditer(section)}


def coded(model) -> set[tuple[str, str, str]]:
    """(source, target, transition) of the model's state field."""
    field = model._meta.get_field("state")
    found = set()
    for transition in field.get_all_transitions(model):
        target = transition.target
        targets = target.allowed_states if isinstance(target, RETURN_VALUE) else [target]
        found |= {(str(transition.source), str(one), transition.name) for one in targets}
    return found


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Upload", Upload),
        ("Sheet", Sheet),
        ("Job", BatchJob),
        ("Item", BatchItem),
        ("Answer key from a PDF", KeyProposal),
    ],
)
def test_the_drawing_and_the_code_agree(name, model):
    assert drawn(name) == coded(model)


@pytest.mark.parametrize("model", [Upload, Sheet, BatchJob, BatchItem, KeyProposal])
def test_a_state_cannot_be_set_past_its_transitions(model):
    assert model._meta.get_field("state").protected

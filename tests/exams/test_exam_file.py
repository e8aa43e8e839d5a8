"""The example in docs/exam-file.md is an exam file, and shows every key there is."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from exams.regions import REGION_SCHEMA
from exams.rubric_files import EXAM_SCHEMA, read_exam_file
from exams.rubric_items import ITEM_SCHEMA, leaf_items

DOCS = (Path(settings.BASE_DIR) / "docs" / "exam-file.md").read_text()
EXAMPLE = re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[1]


def test_the_example_is_read_and_has_the_total_it_says():
    exam_file = read_exam_file(EXAMPLE.encode())
    total = sum(leaf.max_marks for leaf in leaf_items(exam_file.items) if leaf.kind == "base")
    assert f"This exam has {total} full marks" in DOCS


@pytest.mark.parametrize(
    "key", sorted({k for s in (EXAM_SCHEMA, REGION_SCHEMA, ITEM_SCHEMA) for k in s["properties"]})
)
def test_every_key_is_described_and_shown(key):
    assert f"`{key}`" in DOCS
    assert f"{key}:" in EXAMPLE

"""Versions of a rubric: what changes in place, what makes the next one, what never changes."""

from decimal import Decimal

import pytest
from django.db import transaction

from batching.conflicts import Conflict
from exams.models import Criterion, Exam, Rubric
from exams.models.rubrics import UsedRubric
from exams.rubric_items import RubricError, read_items
from exams.rubrics import (
    content_hash,
    current_rubric,
    items_of,
    leaves,
    rubric_total,
    save_answers,
    save_rubric,
    structure_hash,
    use_rubric,
)
from tests.factories import BIOLOGY, make_exam

TREE = [
    {"id": "Q1", "description": "One", "max_marks": 2, "step": 0.5},
    {
        "id": "Q2",
        "description": "Two",
        "items": [
            {"id": "Q2a", "description": "a", "max_marks": 3, "answer": "lungs"},
            {"id": "Q2b", "description": "b", "max_marks": 1, "binary": True},
        ],
    },
    {"id": "B", "description": "Bonus", "max_marks": 1, "kind": "bonus"},
    {"id": "P", "description": "Spelling", "max_marks": 2, "step": 0.5, "kind": "penalty"},
]


@pytest.fixture
def tree(exam, alice) -> Rubric:
    return save_rubric(exam, TREE, by=alice)


def reworded(text: str = "Reworded") -> list[dict]:
    return [{**TREE[0], "description": text}, *TREE[1:]]


def test_a_tree_comes_back_as_it_was_saved(tree):
    assert items_of(tree) == read_items(TREE)


def test_the_leaves_come_in_the_order_of_the_rubric(tree):
    assert [leaf.code for leaf in leaves(tree)] == ["Q1", "Q2a", "Q2b", "B", "P"]


def test_the_total_is_the_base_marks_alone(tree):
    assert rubric_total(tree) == Decimal(6)


def test_an_exam_without_a_rubric_has_no_current_one(exam):
    exam.rubrics.all().delete()
    assert current_rubric(exam) is None


def test_saving_the_same_again_changes_nothing(tree, exam, bob):
    again = save_rubric(exam, TREE, by=bob)
    assert (again.pk, again.created_by, again.created_at) == (
        tree.pk,
        tree.created_by,
        tree.created_at,
    )


def test_an_unused_version_is_written_over(tree, exam, alice):
    saved = save_rubric(exam, reworded(), by=alice)
    assert (saved.pk, saved.version) == (tree.pk, tree.version)
    assert leaves(current_rubric(exam))[0].description == "Reworded"


def test_editing_a_used_version_makes_the_next_one(tree, exam, alice):
    use_rubric(tree)
    saved = save_rubric(exam, reworded(), by=alice)
    assert saved.version == tree.version + 1
    assert leaves(tree)[0].description == "One"
    assert leaves(saved)[0].description == "Reworded"


def test_using_a_version_twice_keeps_the_first_time(tree):
    use_rubric(tree)
    first = Rubric.objects.get(pk=tree.pk).used_at
    use_rubric(tree)
    assert Rubric.objects.get(pk=tree.pk).used_at == first == tree.used_at


def test_using_a_version_that_was_written_over_meanwhile_knows_its_new_hash(tree, exam, alice):
    save_rubric(exam, reworded(), by=alice)
    use_rubric(tree)
    assert tree.content_hash == content_hash(read_items(reworded()))


def test_bad_items_are_refused_by_name_and_nothing_is_saved(tree, exam, alice):
    with pytest.raises(RubricError, match="Q1: max_marks must be > 0"):
        save_rubric(exam, [{**TREE[0], "max_marks": 0}], by=alice)
    assert items_of(current_rubric(exam)) == read_items(TREE)


def test_an_edit_of_an_older_text_is_a_conflict(tree, exam, alice, bob):
    seen = tree.content_hash
    save_rubric(exam, reworded("Bob's words"), by=bob, seen=seen)
    with pytest.raises(Conflict, match="Bob saved version 1"):
        save_rubric(exam, reworded("Alice's words"), by=alice, seen=seen)
    assert leaves(current_rubric(exam))[0].description == "Bob's words"


def test_wording_changes_only_the_content_hash(tree):
    changed = read_items(reworded())
    assert structure_hash(changed) == tree.structure_hash
    assert content_hash(changed) != tree.content_hash


@pytest.mark.parametrize(
    "change",
    [{"max_marks": 3}, {"step": 1}, {"id": "Q9"}, {"kind": "bonus"}],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_the_marks_changes_the_structure_hash(tree, change):
    changed = read_items([{**TREE[0], **change}, *TREE[1:]])
    assert structure_hash(changed) != tree.structure_hash


def test_another_nesting_changes_the_structure_hash(tree):
    flat = read_items([TREE[0], *TREE[1]["items"], *TREE[2:]])
    assert structure_hash(flat) != tree.structure_hash


def test_the_hashes_are_the_same_on_every_machine():
    items = read_items([{"id": "Q1", "description": "é", "max_marks": 2}])
    assert content_hash(items) == (
        "c6f746f39cac37da4a3e6e338a87f9ed8cfcbc7e6e1fb0fd206fe91c97438d84"
    )
    assert structure_hash(items) == (
        "cb509dbe68d472c50f2b1eca4235003e410a346f4bd867b33c76825f2f984ede"
    )


def test_stored_marks_hash_as_the_ones_in_the_file(tree):
    assert content_hash(items_of(Rubric.objects.get(pk=tree.pk))) == tree.content_hash


def test_the_answer_key_lands_in_the_rubric(tree, exam, alice):
    saved = save_answers(exam, {"Q1": "light", "Q2b": "air"}, by=alice)
    assert [leaf.answer for leaf in leaves(saved)] == ["light", "lungs", "air", "", ""]
    assert saved.structure_hash == tree.structure_hash


def test_the_answer_key_of_a_used_rubric_makes_the_next_version(tree, exam, alice):
    use_rubric(tree)
    assert save_answers(exam, {"Q1": "light"}, by=alice).version == tree.version + 1


class TestAUsedVersionNeverChanges:
    @pytest.fixture(autouse=True)
    def _used(self, tree):
        use_rubric(tree)
        self.rubric = tree
        self.leaf = leaves(tree)[0]

    def refused(self):
        return pytest.raises(UsedRubric)

    def test_its_criteria_are_not_saved(self):
        self.leaf.max_marks = 9
        with self.refused():
            self.leaf.save()

    def test_its_criteria_are_not_deleted(self):
        with self.refused():
            self.leaf.delete()

    def test_its_criteria_are_not_updated_together(self):
        with self.refused():
            self.rubric.criteria.update(answer="x")

    def test_its_criteria_are_not_updated_in_bulk(self):
        self.leaf.answer = "x"
        with self.refused():
            Criterion.objects.bulk_update([self.leaf], ["answer"])

    def test_its_criteria_are_not_deleted_together(self):
        with self.refused():
            Criterion.objects.all().delete()

    def test_it_takes_no_more_criteria(self):
        new = Criterion(
            rubric=self.rubric, position=99, code="Z", description="z", max_marks=1, step=1
        )
        with self.refused():
            new.save()
        with self.refused():
            Criterion.objects.bulk_create([new])

    def test_a_criterion_cannot_be_moved_out_of_it(self, alice, x_b):
        other = make_exam(x_b, title="Other", by=alice)
        self.leaf.rubric = current_rubric(other)
        with self.refused():
            self.leaf.save()

    def test_it_is_not_saved_updated_or_deleted(self):
        self.rubric.version = 7
        with self.refused():
            self.rubric.save()
        with self.refused():
            Rubric.objects.filter(pk=self.rubric.pk).update(used_at=None)
        with self.refused():
            self.rubric.delete()
        with self.refused(), transaction.atomic():
            Rubric.objects.all().delete()


def test_two_exams_have_versions_of_their_own(exam, alice, x_b):
    other = make_exam(x_b, title="Other", by=alice)
    use_rubric(current_rubric(exam))
    save_rubric(exam, TREE, by=alice)
    assert [current_rubric(e).version for e in Exam.objects.order_by("pk")] == [2, 1]
    assert items_of(current_rubric(other)) == read_items(BIOLOGY)


def test_saving_a_rubric_takes_few_queries(exam, alice, django_assert_max_num_queries):
    wide = [
        {
            "id": f"Q{n}",
            "description": "x",
            "items": [{"id": f"Q{n}a", "description": "y", "max_marks": 1}],
        }
        for n in range(60)
    ]
    with django_assert_max_num_queries(18):
        save_rubric(exam, wide, by=alice)

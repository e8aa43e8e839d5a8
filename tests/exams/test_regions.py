"""Regions as a list: checked like those of an exam file, by whoever brings them."""

import pytest

from batching.conflicts import Conflict
from exams.models import Exam
from exams.regions import RegionError, checked_regions, regions_seen, save_regions

HEAD = {"page": 1, "x": 0.05, "y": 0.03, "w": 0.9, "h": 0.07, "holds": ["name"]}


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ([HEAD | {"x": 0.2}], "region 1: x + w is 1.1: the region leaves the page"),
        ([HEAD, HEAD | {"h": 0}], "region 2: h must be > 0, not 0"),
        ([HEAD | {"holds": ["face"]}], "region 1: holds 1 must be one of name, roll_number"),
        ([HEAD | {"colour": "red"}], "region 1: unknown key 'colour'"),
        ([{}], "region 1: page is missing"),
        ([HEAD | {"w": float("nan")}], "region 1: x + w is nan"),
        ([HEAD | {"w": 10**400}], "region 1: w must be at most 1"),
        ([HEAD] * 51, "regions: has 51 entries; at most 50 are allowed"),
        ("name", "regions: must be a list"),
        ([None], "region 1: must be a group"),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(regions, told):
    with pytest.raises(RegionError) as refused:
        checked_regions(regions)
    assert any(text.startswith(told) for text in refused.value.message_dict["regions"])


@pytest.mark.django_db
def test_only_who_has_seen_the_stored_regions_changes_them(exam, alice):
    seen = regions_seen(exam)
    assert save_regions(exam, [HEAD], by=alice, seen=seen)
    assert not save_regions(exam, [HEAD], by=alice, seen=seen)
    with pytest.raises(Conflict, match="Alice saved where names stand"):
        save_regions(exam, [], by=alice, seen=seen)
    assert Exam.objects.get().regions == [HEAD]

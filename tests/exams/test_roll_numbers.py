"""Reading whose paper it is, without ever taking one student for another."""

import pytest

from exams.roll_numbers import (
    match_either,
    match_name,
    match_roll,
    name_in_text,
    name_key,
    read_head,
    roll_in_text,
    rolls_in_name,
)
from tests.factories_intake import picture

KNOWN = ["84B003", "17B004", "90B001", "60B107"]


@pytest.mark.parametrize("read", ["84B003", "84b003", "84B-003", "84 B 003"])
def test_a_roll_number_is_known_whatever_its_case_and_marks(read):
    found = match_roll(read, KNOWN)
    assert (found.roll, found.certainty) == ("84B003", 1.0)


@pytest.mark.parametrize("read", ["84BOO3", "B4B003", "848003", "84BO03"])
def test_letters_and_digits_that_look_alike_are_taken_for_each_other(read):
    found = match_roll(read, KNOWN)
    assert (found.roll, found.certainty) == ("84B003", 0.9)
    assert f"reads {read}, matches 84B003" in found.reason


def test_two_numbers_that_look_alike_are_never_decided_silently():
    assert match_roll("84B0O3", ["84BOO3", "84B003"]).roll == ""
    assert match_roll("84B003", ["84BOO3", "84B003"]).certainty < 0.5


def test_a_number_that_another_student_nearly_has_is_less_certain():
    assert match_roll("84B003", [*KNOWN, "84B008"]).certainty < 0.9


def test_one_wrong_character_is_a_hint_and_two_are_nothing():
    assert match_roll("84B00", KNOWN) == match_roll("84B00", KNOWN)
    assert (match_roll("84B00", KNOWN).roll, match_roll("84B00", KNOWN).certainty) == (
        "84B003",
        0.5,
    )
    assert match_roll("84C00", KNOWN).roll == ""
    assert match_roll("84B00", ["84B003", "84B007"]).roll == ""
    assert match_roll("", KNOWN).roll == match_roll("84B003", []).roll == ""


def test_two_readings_that_differ_are_no_certain_reading():
    known = [*KNOWN, "84B008"]
    assert match_either("84B003 or 84B008", known).roll == ""
    assert match_either("84B003?", known).certainty < 0.7
    assert match_either("84B003 or 84BXX3", KNOWN).certainty <= 0.9
    assert match_either("84B003", KNOWN).certainty == 1.0


@pytest.mark.parametrize(
    ("text", "roll"),
    [
        ("Name: Mira  Roll No: 84B003\nQ1. 17 B", "84B003"),
        ("Roll Number 84 B 003", "84B003"),
        ("Student ID: 84B003", "84B003"),
        ("Ro11 No. 84BOO3", "84BOO3"),
        ("page 1\n84B003 Mira Kaya", "84B003"),
        ("Roll No: 99Z999", "99Z999"),
        ("Biology unit test 3\npage 1", ""),
        ("Roll No: \nName: Mira", ""),
    ],
)
def test_the_roll_number_is_found_behind_its_label_or_by_itself(text, roll):
    assert roll_in_text(text, KNOWN) == roll


def test_without_a_label_a_short_number_means_nothing():
    assert roll_in_text("Unit test 3, page 7", ["3", "7"]) == ""
    assert roll_in_text("Roll no 7", ["3", "7"]) == "7"


def test_the_name_is_found_behind_its_label_or_by_itself():
    names = ["Mira Kaya", "Uma Nakamura"]
    assert name_in_text("Name: Mira Kaya   Roll No: 1", names) == "Mira Kaya"
    assert name_in_text("Name of student: Uma Nakamura", names) == "Uma Nakamura"
    assert name_in_text("X-B  Uma Nakamura  90", names) == "Uma Nakamura"
    assert name_in_text("Biology unit test", names) == ""


def test_a_name_counts_only_when_it_is_clearly_one_students():
    keys = {1: name_key("Mira Kaya"), 2: name_key("Uma Nakamura"), 3: name_key("José Núñez")}
    assert match_name("Kaya, Mira", keys)[0] == 1
    assert match_name("Mira Koya", keys)[0] == 1
    assert match_name("Jose Nunez", keys)[0] == 3
    assert match_name("Rosa Castro", keys)[0] is None
    assert match_name("Mira Kaya", {1: "mira kaya", 2: "mira kaya"})[0] is None
    assert match_name("Bilal Dlamini", {1: "bilal dlamini", 2: "bilal dlamina"})[0] is None


@pytest.mark.parametrize(
    ("name", "rolls"),
    [
        ("84B003.pdf", ["84B003"]),
        ("bio_84b003_final.PDF", ["84B003"]),
        ("BIO84B003scan.pdf", ["84B003"]),
        ("84-B-003/page 1.jpg", ["84B003"]),
        ("184B0031.pdf", []),
        ("scan_0001.pdf", []),
        ("84B003 and 17B004.pdf", ["17B004", "84B003"]),
    ],
)
def test_roll_numbers_are_found_in_file_names(name, rolls):
    assert sorted(rolls_in_name(name, KNOWN)) == rolls


def test_a_short_roll_number_in_a_file_name_must_stand_by_itself():
    assert rolls_in_name("12.pdf", ["2", "12"]) == ["12"]
    assert rolls_in_name("page12.pdf", ["12"]) == []
    assert rolls_in_name("roll 12 math.pdf", ["12"]) == ["12"]


def roll_on(page, regions=()):
    return match_either(read_head(page, KNOWN, (), regions).roll, KNOWN).roll


def test_roll_number_and_name_are_read_from_a_page():
    page = picture(
        "Biology unit test 3", "Name: Mira Kaya   Roll No: 84B003", size=(1240, 1754), face=34
    )
    head = read_head(page, KNOWN, ["Mira Kaya"])
    assert (head.roll, head.name) == ("84B003", "Mira Kaya")
    assert roll_on(page) == "84B003"
    assert roll_on(picture(size=(1240, 1754))) == ""


def test_a_region_lower_on_the_page_is_read_too():
    lines = [""] * 11 + ["Roll No: 84B003"]
    page = picture(*lines, size=(1240, 1754), face=34)
    region = {"page": 1, "x": 0, "y": 0.38, "w": 1, "h": 0.1, "holds": ["roll_number"]}
    assert roll_on(page) == ""
    assert roll_on(page, [region]) == "84B003"

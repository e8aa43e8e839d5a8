"""What a roster file may look like, and what is said about one that is wrong."""

import codecs

import pytest

from accounts.roster_files import MAX_BYTES, RosterError, RosterRow, scan_roster

KOFI = RosterRow(2, "90B001", "Kofi Farouk", "kofi@example.org")
ZOE = RosterRow(3, "90B002", "Zoë Müller", "")
TEXT = "roll_number,name,email\r\n90B001,Kofi Farouk,Kofi@Example.org\r\n90B002,Zoë Müller,\r\n"


def read_roster(data):
    """The rows of a faultless file; RosterError with what is wrong in another."""
    roster = scan_roster(data)
    if roster.problems:
        raise RosterError(roster.problems, roster)
    return roster.rows


def problems(data: bytes | str) -> list[str]:
    with pytest.raises(RosterError) as error:
        read_roster(data.encode() if isinstance(data, str) else data)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("utf-16"),
        TEXT.replace("roll_number,name,email", "Roll Number,NAME,Email").encode(),
        TEXT.replace("roll_number,name,email", "Roll number,Name,E-mail").encode(),
        TEXT.replace("roll_number,name,email", "Roll No.,Student name,Mail").encode(),
        TEXT.replace("roll_number,name,email", "Listennummer,Name,E-Mail").encode(),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("Kofi Farouk", '"  Kofi   Farouk "').encode(),
        TEXT.replace("Zoë", "Zoe\u0308").encode(),
    ],
    ids=[
        "utf8", "bom", "utf16", "utf16be", "utf16le-no-bom", "utf16be-no-bom", "semicolon", "tab",
        "header-case", "as-on-our-pages", "as-in-schools", "in-german", "unix",
        "spaces", "composed",
    ],
)  # fmt: skip
def test_every_spreadsheet_writes_a_roster_that_is_read(data):
    assert read_roster(data) == [KOFI, ZOE]


def test_the_columns_may_stand_in_any_order_and_email_may_be_left_out():
    assert read_roster(b"name,roll_number\nKofi,7\n") == [RosterRow(2, "7", "Kofi")]


def test_a_name_with_a_comma_in_quotation_marks_is_one_name():
    assert read_roster(b'roll_number,name\n1,"Farouk, Kofi"\n')[0].name == "Farouk, Kofi"


def test_a_semicolon_file_whose_names_hold_commas_is_cut_at_semicolons():
    rows = read_roster(b"roll_number;name;email\n1;Farouk, Kofi;\n2;Kaya, Mira, B;\n")
    assert [row.name for row in rows] == ["Farouk, Kofi", "Kaya, Mira, B"]


def test_rows_are_numbered_as_in_the_spreadsheet_with_empty_rows_counted():
    assert [row.number for row in read_roster(b"\nroll_number,name\n1,A\n,\n\n2,B\n")] == [3, 6]


def test_a_file_in_another_encoding_is_refused_with_the_way_out():
    [text] = problems(TEXT.encode("latin-1"))
    assert "neither UTF-8 nor UTF-16" in text
    assert "line 3" in text
    assert "CSV UTF-8" in text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"roll_number,name\n", "no student"),
        (b"x" * (MAX_BYTES + 1), "at most"),
        (b"PK\x03\x04" + b"\0" * 60, "no text file"),
        (b'roll_number,name\n1,A\n2,"B\n', "quotation marks"),
        (b"roll_number,name,name\n1,A,B\n", "Column name stands in the header twice"),
        (
            b"roll_number,email\n1,a@b.example\n",
            "Missing in the first row: name. It names: roll_number, email.",
        ),
        (
            b"90B001,Kofi Farouk\n",
            "Missing in the first row: roll_number, name. It names: 90B001, Kofi",
        ),
    ],
)
def test_a_file_that_is_no_roster_is_refused_as_a_whole(data, text):
    assert any(text in problem for problem in problems(data))


def test_a_header_that_lacks_several_columns_is_one_sentence():
    found = problems("phone,city,street\n1,2,3\n")
    assert len(found) == 1
    assert found[0].count("A roster has the columns") == 1
    assert "phone, city, street" in found[0]


def test_a_header_that_is_none_is_not_told_at_full_length():
    found = problems(",".join(f"{number}{'x' * 100}" for number in range(20)))
    assert len(found[0]) < 600
    assert found[0].endswith("xxx, ….")
    assert len(scan_roster(f"roll_number,name,{'x' * 100}\n1,A,2\n".encode()).ignored[0]) == 40


def test_columns_that_no_roster_has_are_ignored_and_named():
    roster = scan_roster(b"phone,Roll number,,Name,E-Mail,House\n5,1,x,Kofi,,Red\n")
    assert not roster.problems
    assert roster.rows == [RosterRow(2, "1", "Kofi", "")]
    assert roster.ignored == ["phone", "column 3, which has no name", "House"]


def test_a_row_without_number_and_name_is_told_once():
    assert problems("roll_number,name,email\n,,a@b.example\n") == [
        "Row 2: roll_number and name are missing."
    ]


def test_more_students_than_a_school_has_are_refused(monkeypatch):
    monkeypatch.setattr("accounts.roster_files.MAX_ROWS", 2)
    assert "more than 2 students" in problems("roll_number,name\n1,A\n2,B\n3,C\n")[0]


def test_every_faulty_row_is_listed_with_its_number():
    found = problems(
        "roll_number,name,email\n"
        "1,Kofi,kofi@example.org\n"
        ",Mira,\n"
        "3,,\n"
        "4,Emeka,emeka-at-example\n"
        "1,Uma,\n"
        "6,Ada,KOFI@example.org\n"
        "7,Farouk, Kofi,\n"
        f"8,{'x' * 201},\n"
        "9,Bad\x07bell,\n"
    )
    expected = [
        "Row 3: roll_number is missing.",
        "Row 4: name is missing.",
        "Row 5: email “emeka-at-example” is not an e-mail address.",
        "Row 6: Roll number 1 stands in row 2 already.",
        "Row 7: E-mail address kofi@example.org stands in row 2 already.",
        "Row 8: 4 cells, but row 1 names 3 columns.",
        "Row 8: email “kofi” is not an e-mail address.",
        "Row 9: name has 201 characters; at most 200.",
        "Row 10: name holds a control character.",
    ]
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


def test_roll_numbers_that_differ_in_case_only_are_one_roll_number():
    assert problems("roll_number,name\n90b1,A\n90B1,B\n") == [
        "Row 3: Roll number 90B1 stands in row 2 already; capitals do not count."
    ]

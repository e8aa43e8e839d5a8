"""A class's roster after an import: all students or none, and nobody taken for another."""

import logging

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Enrolment, LinkMail, Role, User
from accounts.roster_files import RosterError
from accounts.roster_import import import_roster
from tests import factories

HEADER = "roll_number,name,email\n"


@pytest.fixture
def imported(x_b, alice):
    """Imports lines (without the header) into X-B."""

    def _import(*lines, by=alice, school_class=x_b):
        return import_roster(school_class, (HEADER + "\n".join(lines)).encode(), by=by)

    return _import


@pytest.fixture
def refused(imported):
    """Imports lines that must be refused, and gives the problems."""

    def _refused(*lines, **options):
        before = everything()
        with pytest.raises(RosterError) as error:
            imported(*lines, **options)
        assert everything() == before
        return [str(problem) for problem in error.value.problems]

    return _refused


def everything():
    return (
        list(User.objects.order_by("pk").values()),
        list(Enrolment.objects.order_by("pk").values()),
        list(Enrolment.history.order_by("pk").values()),
        list(User.history.order_by("pk").values()),
        list(LinkMail.objects.order_by("pk").values()),
    )


def roster(school_class):
    return {
        enrolment.roll_number: enrolment.student.name
        for enrolment in school_class.enrolments.select_related("student")
    }


def test_a_roster_makes_students_who_cannot_sign_in_before_they_choose_a_password(imported, x_b):
    report = imported("90B001,Kofi Farouk,Kofi@example.org", "90B002,Emeka Nakamura,")
    assert (report.created, report.updated, report.unchanged) == (2, 0, 0)
    kofi, emeka = report.new_students
    assert (kofi.username, kofi.email, kofi.role) == ("kofi@example.org",) * 2 + (Role.STUDENT,)
    assert (emeka.username, emeka.email) == ("x-b.90b002", "")
    assert not kofi.has_usable_password()
    assert roster(x_b) == {"90B001": "Kofi Farouk", "90B002": "Emeka Nakamura"}


def test_the_history_says_who_enrolled_a_student(imported, alice):
    imported("1,Kofi,")
    assert Enrolment.history.get().history_user == alice


def test_the_same_file_again_changes_nothing(imported):
    lines = ("90B001,Kofi Farouk,kofi@example.org", "90B002,Emeka Nakamura,")
    imported(*lines)
    before = everything()
    report = imported(*lines)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)
    assert report.new_students == []
    assert everything() == before


def test_a_changed_name_is_taken_over(imported, x_b):
    imported("1,Kofi Faruk,kofi@example.org", "2,Emeka,")
    report = imported("1,Kofi Farouk,kofi@example.org", "2,Emeka Nakamura,")
    assert (report.created, report.updated, report.unchanged) == (0, 2, 0)
    assert roster(x_b) == {"1": "Kofi Farouk", "2": "Emeka Nakamura"}


def test_a_teacher_cannot_rename_a_student_of_another_class_as_well(imported, refused, x_c, bob):
    student = imported("1,Kofi Farouk,kofi@example.org").new_students[0]
    imported("7,Kofi Farouk,kofi@example.org", by=bob, school_class=x_c)
    [text] = refused("7,Somebody Silly,kofi@example.org", by=bob, school_class=x_c)
    assert text.startswith("Row 2: Here stands Somebody Silly, but this account is Kofi Farouk's")
    assert User.objects.get(pk=student.pk).name == "Kofi Farouk"


def test_a_teacher_cannot_hand_an_account_in_use_to_somebody_else(refused, carol):
    """Carol left; the newcomer who gets her roll number must not get her sheets as well."""
    [text] = refused("84B003,Mira Kaya,")
    assert "only an admin can change the name. Write Carol, or correct the roll number" in text


def test_an_admin_renames_any_student(imported, admin, carol):
    assert imported("84B003,Carol Day,", by=admin).updated == 1
    assert User.objects.get(pk=carol.pk).name == "Carol Day"


def test_other_capitals_are_no_error_and_leave_the_name_of_a_shared_student(
    imported, carol, x_c, bob
):
    for _ in range(2):
        report = imported(f"7,carol,{carol.email}", by=bob, school_class=x_c)
    assert (report.updated, report.unchanged) == (0, 1)
    assert User.objects.get(pk=carol.pk).name == "Carol"


def test_a_new_name_leaves_a_trace_of_who_gave_it(imported, alice):
    student = imported("1,Kofi Faruk,kofi@example.org").new_students[0]
    imported("1,Kofi Farouk,kofi@example.org")
    rows = student.history.values_list("name", "history_user", "history_type")
    assert list(rows) == [("Kofi Farouk", alice.pk, "~"), ("Kofi Faruk", alice.pk, "+")]


def test_students_who_are_not_in_the_file_are_left_alone_and_named(imported, x_b):
    imported("1,Kofi,", "2,Emeka,")
    report = imported("2,Emeka,")
    assert [enrolment.roll_number for enrolment in report.missing] == ["1"]
    assert roster(x_b) == {"1": "Kofi", "2": "Emeka"}


def test_one_wrong_row_stops_the_whole_file(refused):
    assert refused("1,Kofi,kofi@example.org", "2,,", "3,Uma,nonsense") == [
        "Row 3: name is missing.",
        "Row 4: email “nonsense” is not an e-mail address.",
    ]


def test_the_address_of_a_teacher_is_refused(refused, bob):
    assert "teacher or admin" in refused(f"1,Bob,{bob.email.upper()}")[0]


def test_a_roll_number_of_another_student_is_refused(refused, carol):
    [text] = refused("84B003,Somebody Else,else@example.org")
    assert text.startswith("Row 2: Roll number 84B003 belongs to another student: Carol")


def test_all_wrong_rows_of_a_class_are_listed_at_once(refused, carol, bob):
    found = refused(
        "84B003,Else,else@example.org", "1,Kofi,", f"2,Bob,{bob.email}", "3,,", "1,Uma,"
    )
    assert [text[:6] for text in found] == ["Row 2:", "Row 4:", "Row 5:", "Row 6:"]


def test_a_wrong_row_is_not_blamed_on_the_rows_around_it(imported, refused):
    imported("1,Ada,ada@example.org", "2,Ben,ben@example.org")
    assert refused("2,Ada,ada@example.org", "1,,ben@example.org") == ["Row 3: name is missing."]


def test_a_student_of_another_class_is_enrolled_with_the_account_they_have(imported, x_c, bob):
    first = imported("1,Kofi Farouk,kofi@example.org").new_students[0]
    report = imported("7,Kofi Farouk,KOFI@example.org", by=bob, school_class=x_c)
    assert (report.created, report.new_students) == (1, [])
    assert x_c.enrolments.get().student == first


def test_an_address_of_a_student_with_another_name_is_refused(refused, carol, x_c, bob):
    found = refused(f"7,Mira Kaya,{carol.email}", by=bob, school_class=x_c)
    assert "another name" in found[0]
    assert carol.name not in found[0]


def test_a_closed_account_is_refused(refused, imported, x_c, bob):
    student = imported("1,Kofi,kofi@example.org").new_students[0]
    student.is_active = False
    student.save()
    assert "closed" in refused("7,Kofi,kofi@example.org", by=bob, school_class=x_c)[0]


def test_students_known_by_address_may_swap_their_roll_numbers(imported, x_b):
    imported("1,Ada,ada@example.org", "2,Ben,ben@example.org", "3,Cem,cem@example.org")
    report = imported("1,Ben,ben@example.org", "2,Ada,ada@example.org", "4,Cem,cem@example.org")
    assert (report.created, report.updated) == (0, 3)
    assert roster(x_b) == {"1": "Ben", "2": "Ada", "4": "Cem"}
    assert {row.roll_number for row in Enrolment.history.filter(history_type="~")} == {
        "1", "2", "4",
    }  # fmt: skip


def test_a_newcomer_at_the_top_shifts_every_roll_number_by_one(imported, x_b):
    imported("1,Ben,ben@example.org", "2,Cem,cem@example.org")
    report = imported("1,Ada,ada@example.org", "2,Ben,ben@example.org", "3,Cem,cem@example.org")
    assert (report.created, report.updated) == (1, 2)
    assert User.objects.get(email="ben@example.org").enrolments.get().roll_number == "2"
    assert roster(x_b) == {"1": "Ada", "2": "Ben", "3": "Cem"}


def test_without_addresses_a_shifted_file_does_not_hand_accounts_to_neighbours(imported, refused):
    imported("1,Ben,", "2,Cem,")
    found = refused("1,Ada,", "2,Ben,", "3,Cem,")
    assert any("Ben is in the class already, with roll number 1" in text for text in found)


def test_a_student_under_a_new_roll_number_without_address_is_not_doubled(imported, refused):
    imported("1,Ben,", "2,Cem,")
    assert "with roll number 1" in refused("9,Ben,", "2,Cem,")[0]


def test_two_students_of_one_name_may_both_stand_in_the_file(imported, x_b):
    imported("1,John Smith,", "2,John Smith,")
    imported("1,John Smith,", "2,John Smith,", "3,John Smith,")
    assert x_b.enrolments.count() == 3


def test_a_roll_number_of_somebody_who_is_not_in_the_file_is_not_taken_away(imported, refused):
    imported("1,Ada,ada@example.org", "2,Ben,ben@example.org")
    assert "belongs to Ben" in refused("2,Ada,ada@example.org")[0]


def test_a_teacher_gives_an_address_to_a_student_without_password(imported):
    imported("1,Kofi,")
    assert imported("1,Kofi,kofi@example.org").updated == 1
    assert User.objects.get(name="Kofi").email == "kofi@example.org"


def test_a_teacher_cannot_give_an_address_to_a_student_who_has_a_password(
    imported, refused, x_b, admin
):
    student = factories.make_user("kofi", email="")
    factories.make_enrolment(x_b, student, "1")
    assert "only an admin" in refused("1,Kofi,alice@evil.example")[0]
    assert imported("1,Kofi,kofi@example.org", by=admin).updated == 1


def test_a_teacher_cannot_give_an_address_to_a_student_of_another_class_as_well(
    imported, refused, x_c
):
    student = imported("1,Kofi,").new_students[0]
    factories.make_enrolment(x_c, student, "1")
    assert "only an admin" in refused("1,Kofi,alice@evil.example")[0]


def test_an_address_that_is_somebody_elses_is_not_given_away(imported, refused, x_c, bob):
    imported("1,Kofi,")
    imported("1,Mira,mira@example.org", by=bob, school_class=x_c)
    assert "belongs to somebody else" in refused("1,Kofi,mira@example.org")[0]


def test_user_names_stay_apart_when_classes_are_written_alike(imported, bob):
    imported("1,Kofi,")
    other = factories.make_class("X B", bob)
    assert imported("1,Emeka,", by=bob, school_class=other).new_students[0].username == "x-b.1-2"


def test_one_class_holds_a_roll_number_once_however_it_is_written(imported, x_b):
    imported("84b001,Kofi,")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_enrolment(x_b, roll_number="84B001")
    with pytest.raises(ValidationError, match="capitals do not count"):
        Enrolment(
            school_class=x_b, student=factories.make_user("mira"), roll_number="84B001"
        ).full_clean()
    assert imported("84B001,Kofi,").updated == 1
    assert roster(x_b) == {"84B001": "Kofi"}


def test_classes_and_roll_numbers_in_another_script_give_user_names(imported, alice):
    school_class = factories.make_class("दसवीं", alice)
    [student] = imported("१,अनिल,", school_class=school_class).new_students
    assert student.username == f"class{school_class.pk}.2"


def test_an_address_that_is_no_user_name_gets_one_from_the_class(imported):
    assert imported("1,Sean,o'brien@example.org").new_students[0].username == "x-b.1"


def test_links_are_mailed_after_the_commit_to_new_students_with_an_address(
    imported, django_capture_on_commit_callbacks, settings
):
    with django_capture_on_commit_callbacks() as callbacks:
        report = imported("1,Kofi,kofi@example.org", "2,Emeka,")
    assert len(callbacks) == 1
    assert list(LinkMail.objects.values_list("user", flat=True)) == [report.new_students[0].pk]


def test_without_a_mail_server_nothing_is_queued(
    imported, django_capture_on_commit_callbacks, settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    with django_capture_on_commit_callbacks() as callbacks:
        imported("1,Kofi,kofi@example.org")
    assert callbacks == []
    assert not LinkMail.objects.exists()
    assert mail.outbox == []


def test_a_thousand_students_cost_a_bounded_number_of_statements(
    imported, django_assert_max_num_queries
):
    lines = [f"{n},Student {n}," for n in range(1000)]
    # SQLite takes a row of history for every 80 students in one statement, PostgreSQL 500.
    with django_assert_max_num_queries(55):
        imported(*lines)
    with django_assert_max_num_queries(12):
        imported(*lines)


def test_the_log_of_an_import_holds_no_name_and_no_address(imported, refused, caplog):
    with caplog.at_level(logging.DEBUG):
        imported("1,Kofi Farouk,kofi@example.org")
        refused("1,Somebody Else,else@example.org")
    assert not any(word in caplog.text for word in ("Kofi", "kofi@", "Somebody", "else@"))

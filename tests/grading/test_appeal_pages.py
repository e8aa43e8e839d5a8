"""Appeals on pages: the student's result, the desk, where the exam stands, history and files."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from exams.models import Exam
from grading import appeals, export_json, publish
from grading.export_archive import archive
from grading.export_json import results_json
from grading.models import Appeal, Mark
from grading.views.results import own_appeals
from tests import factories
from tests.grading.steps import fresh, marks_of, queries_of, url

HTMX = {"HTTP_HX_REQUEST": "true"}
WHY = "The <b>arrow</b> counts, says Carol's book."
ASK = "Ask about this mark"


@pytest.fixture
def sheet(exam, carols_enrolment):
    """Carol's, published; its exam takes appeals."""
    Exam.objects.filter(pk=exam.pk).update(appeals_until=timezone.now() + timedelta(days=7))
    return factories.make_sheet(exam, state="published", enrolment=carols_enrolment)


@pytest.fixture
def student(carol, sign_in):
    return sign_in(carol)


@pytest.fixture
def appeal(sheet, mark, carol):
    return appeals.raise_appeal(mark, by=carol, text=WHY)


def test_a_student_asks_reads_and_withdraws_on_the_page_of_the_result(sheet, mark, student):
    page = url("my_result", sheet)
    assert student.get(page).text.count(ASK) == 2
    answer = student.post(url("mark_appeal", mark), {"text": WHY})
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#mark-{mark.pk}")
    text = student.get(page).text
    assert "The &lt;b&gt;arrow&lt;/b&gt; counts" in text
    assert "has not answered yet" in text
    assert text.count(ASK) == 1
    answer = student.post(url("appeal_withdraw", Appeal.objects.get()))
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#mark-{mark.pk}")
    text = student.get(page).text
    assert "arrow" not in text
    assert text.count(ASK) == 2


def test_what_was_refused_stays_where_it_was_typed(exam, sheet, mark, student):
    answer = student.post(url("mark_appeal", mark), {"text": " "})
    assert answer.status_code == 422
    assert "Write what you ask about this mark." in answer.text
    assert answer.text.count(" autofocus") == 1
    answer = student.post(url("mark_appeal", mark), {"text": "nul\x00"})
    assert answer.status_code == 422
    Exam.objects.filter(pk=exam.pk).update(appeals_until=timezone.now())
    answer = student.post(url("mark_appeal", mark), {"text": "Late words"})
    assert answer.status_code == 409
    assert "is over" in answer.text
    assert ">Late words</textarea>" in answer.text


def test_without_a_date_or_after_it_nobody_is_asked_to_ask(exam, sheet, student):
    for until in (None, timezone.now() - timedelta(minutes=1)):
        Exam.objects.filter(pk=exam.pk).update(appeals_until=until)
        text = student.get(url("my_result", sheet)).text
        assert ASK not in text
        assert "You can ask about a mark" not in text


def test_an_answer_stands_at_the_mark_without_a_name(sheet, mark, appeal, student, alice):
    appeals.answer_appeal(appeal, by=alice, answer="You are right.")
    assert "Changed from" not in student.get(url("my_result", sheet)).text
    Mark.objects.filter(pk=mark.pk).update(awarded=2)
    text = student.get(url("my_result", sheet)).text
    assert "You are right." in text
    assert "Changed from 1 to 2 points." in text
    assert "Alice" not in text
    refused = student.post(url("appeal_withdraw", appeal))
    assert refused.status_code == 409
    assert "answered already" in refused.text


def test_what_was_asked_and_answered_has_its_moment_in_the_students_zone(
    sheet, appeal, alice, carol, sign_in
):
    appeals.answer_appeal(appeal, by=alice, answer="You are right.")
    asked, answered = (datetime(2026, 1, day, 20, tzinfo=UTC) for day in (2, 4))
    Appeal.objects.filter(pk=appeal.pk).update(raised_at=asked, answered_at=answered)
    carol.time_zone = "Asia/Tokyo"
    carol.save()
    text = sign_in(carol).get(url("my_result", sheet)).text
    assert "You asked on 3 Jan 2026, 05:00" in text
    assert "Answered on 5 Jan 2026, 05:00" in text


def test_own_appeals_stand_oldest_first_in_whichever_order_a_database_lists_them():
    asked = "2026-01-02T20:00:00+00:00"
    rows = [[pk, "Q1", f"Number {pk}", 1.0, "", asked, None] for pk in (2, 1, 3)]
    assert [one.pk for one in own_appeals(rows)["Q1"]] == [1, 2, 3]


def test_only_the_appeal_that_changed_the_mark_says_so(sheet, mark, appeal, student, alice, carol):
    appeals.answer_appeal(appeal, by=alice, answer="The mark stands.")
    second = appeals.raise_appeal(fresh(mark), by=carol, text="Look at the sketch too.")
    Mark.objects.filter(pk=mark.pk).update(awarded=2)
    appeals.answer_appeal(second, by=alice, answer="You are right.")
    text = student.get(url("my_result", sheet)).text
    assert text.count("Changed from 1 to 2 points.") == 1
    assert "Changed from" in text.split("You are right.")[1]


def test_appeals_of_others_do_not_exist(sheet, mark, appeal, dora, bob, sign_in):
    asking = sign_in(dora).post(url("mark_appeal", mark), {"text": WHY})
    withdrawing = sign_in(dora).post(url("appeal_withdraw", appeal))
    answering = sign_in(bob).post(url("appeal_answer", appeal), {"answer": "Yes"})
    assert (asking.status_code, withdrawing.status_code, answering.status_code) == (404, 404, 404)
    assert fresh(appeal).is_open
    assert Appeal.objects.count() == 1


def test_a_sheet_that_changed_hands_does_not_show_what_its_first_owner_wrote(
    sheet, appeal, dora, doras_enrolment, sign_in
):
    type(sheet).objects.filter(pk=sheet.pk).update(enrolment=doras_enrolment)
    text = sign_in(dora).get(url("my_result", sheet)).text
    assert "arrow" not in text
    assert text.count(ASK) == 2


def test_the_students_page_takes_as_many_queries_with_appeals_as_without(sheet, student, carol):
    address = url("my_result", sheet)
    counts = [queries_of(student, address)]
    for mark in marks_of(sheet):
        appeals.raise_appeal(mark, by=carol, text=WHY)
        counts.append(queries_of(student, address))
    assert counts == [5, 5, 5]


def test_the_teachers_preview_shows_the_appeals_and_no_form(sheet, appeal, teacher):
    text = teacher.get(url("sheet_preview", sheet)).text
    assert "arrow" in text
    for form in (ASK, url("appeal_withdraw", appeal)):
        assert form not in text


def test_the_desk_shows_what_was_written_without_a_name_and_takes_the_answer(
    exam, sheet, appeal, teacher
):
    question = f"{reverse('grading:review_question', args=[exam.pk, 'Q1'])}?show=appealed"
    for address in (url("review_sheet", sheet), question):
        text = teacher.get(address).text
        assert "The &lt;b&gt;arrow&lt;/b&gt; counts" in text
        assert url("appeal_answer", appeal) in text
        assert "84B003" not in text
    assert "1 appealed" in teacher.get(f"{url('review_list', exam)}?show=appealed").text
    assert "1 appealed" in teacher.get(url("review_questions", exam)).text
    answer = teacher.post(url("appeal_answer", appeal), {"answer": "Yes", "show": "appealed"})
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"?show=appealed#mark-{marks_of(sheet)[0].pk}")
    text = teacher.get(url("review_sheet", sheet)).text
    assert "Answered by Alice" in text
    assert url("appeal_answer", appeal) not in text
    assert not teacher.get(f"{url('review_list', exam)}?show=appealed").context["rows"]


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("desk", [{}, {"desk": "question"}])
def test_an_answer_that_was_refused_is_not_lost(appeal, teacher, admin, headers, desk):
    empty = teacher.post(url("appeal_answer", appeal), {"answer": " "} | desk, **headers)
    assert empty.status_code == 422
    assert "Write an answer for the student." in empty.text
    long = teacher.post(url("appeal_answer", appeal), {"answer": "y" * 2001} | desk, **headers)
    assert long.status_code == 422
    assert "y" * 2001 in long.text
    appeals.answer_appeal(appeal, by=admin, answer="Yes")
    late = teacher.post(url("appeal_answer", appeal), {"answer": "My long text"} | desk, **headers)
    assert late.status_code == 409
    assert "answered this meanwhile" in late.text
    assert "My long text" in late.text


def test_what_a_student_withdrew_is_not_on_the_desk(exam, sheet, appeal, teacher, carol):
    appeals.withdraw_appeal(appeal, by=carol)
    question = f"{reverse('grading:review_question', args=[exam.pk, 'Q1'])}?show=all"
    for address in (url("review_sheet", sheet), question):
        assert "arrow" not in teacher.get(address).text


def test_by_script_the_card_comes_back_alone(mark, appeal, teacher):
    answer = teacher.post(url("appeal_answer", appeal), {"answer": "Yes"}, **HTMX)
    assert answer["HX-Retarget"] == f"#mark-{mark.pk}"
    assert "Answered by Alice" in answer.text


def test_an_appeal_to_a_question_that_is_gone_can_be_answered(sheet, appeal, teacher, student):
    Appeal.objects.filter(pk=appeal.pk).update(code="Q9")
    text = teacher.get(url("review_sheet", sheet)).text
    assert " about Q9, which the rubric does not have any more" in text
    assert teacher.post(url("appeal_answer", appeal), {"answer": ""}).status_code == 422
    answer = teacher.post(
        url("appeal_answer", appeal), {"answer": "It was left out.", "show": "appealed"}
    )
    assert answer.status_code == 302
    assert answer["Location"] == f"{url('review_sheet', sheet)}?show=appealed"
    text = teacher.get(url("review_sheet", sheet)).text
    assert " about Q9" not in text
    text = student.get(url("my_result", sheet)).text
    assert "Your appeals about earlier questions" in text
    assert "It was left out." in text
    late = student.post(url("appeal_withdraw", appeal))
    assert late.status_code == 409
    assert "answered already" in late.text
    late = teacher.post(url("appeal_answer", appeal), {"answer": "It <was> not."})
    assert late.status_code == 409
    assert "It &lt;was&gt; not." in late.text, "what was typed is not lost"


def test_an_appeal_to_a_sheet_without_marks_can_be_answered(sheet, appeal, teacher):
    Mark.objects.filter(sheet=sheet).delete()
    type(sheet).objects.filter(pk=sheet.pk).update(state="mapped")
    refused = teacher.post(url("appeal_answer", appeal), {"answer": ""}, follow=True)
    assert "Write an answer for the student." in refused.text
    answer = teacher.post(url("appeal_answer", appeal), {"answer": "Yes"})
    assert (answer.status_code, answer["Location"]) == (302, url("review_list", sheet.exam))
    assert fresh(appeal).answer == "Yes"


def test_the_desk_takes_as_many_queries_for_many_appeals_as_for_few(exam, sheet, appeal, teacher):
    question = reverse("grading:review_question", args=[exam.pk, "Q1"])
    addresses = [
        url("review_sheet", sheet),
        f"{question}?show=appealed",
        f"{url('review_list', exam)}?show=appealed",
        url("review_questions", exam),
        url("review_counts", exam),
    ]
    few = [queries_of(teacher, address) for address in addresses]
    for _ in range(6):
        other = factories.make_sheet(exam, state="published")
        for mark in marks_of(other):
            factories.make_appeal(mark)
    factories.make_appeal(marks_of(sheet)[1])
    assert [queries_of(teacher, address) for address in addresses] == few
    assert "2 appealed" in teacher.get(addresses[2]).text
    assert few[2] <= 6, "session, person, bell, exam, count, sheets"


def test_the_exams_page_and_the_publish_page_lead_to_what_waits(exam, sheet, appeal, teacher):
    address = f"{url('review_list', exam)}?show=appealed"
    detail = teacher.get(reverse("exams:exam_detail", args=[exam.pk])).text
    page = teacher.get(url("publish", exam)).text
    for text in (detail, page):
        assert "1 appeal to answer" in text
        assert address in text
    assert "They may ask about their marks until" in page
    publish.take_back(exam, by=sheet.exam.created_by, reason="Look again")
    text = teacher.get(url("publish", exam)).text
    assert "1 appeal to answer" in text
    assert "Publish 1 result" in text


def test_a_teacher_says_until_when_in_the_own_time_zone(exam, alice, sign_in):
    alice.time_zone = "Europe/Berlin"
    alice.save()
    browser, page = sign_in(alice), reverse("exams:exam_edit", args=[exam.pk])
    form = browser.get(page).context["form"]
    typed = {name: form[name].value() or "" for name in form.fields}
    assert typed["appeals_until"] == ""
    assert browser.post(page, typed | {"appeals_until": "2026-12-03T18:00"}).status_code == 302
    assert fresh(exam).appeals_until.isoformat() == "2026-12-03T17:00:00+00:00"
    again = browser.get(page)
    assert 'value="2026-12-03T18:00"' in again.text
    conflict = browser.post(page, typed)  # it would be taken away unseen
    assert conflict.status_code == 409
    assert "3 Dec 2026, 18:00" in conflict.text
    history = browser.get(reverse("grading:exam_history", args=[exam.pk])).text
    assert "3 Dec 2026, 18:00" in history.replace("</ins><ins>", "")


def test_the_history_tells_of_an_appeal_and_its_answer(exam, sheet, appeal, teacher, alice, carol):
    appeals.answer_appeal(appeal, by=alice, answer="You are right.")
    other = appeals.raise_appeal(marks_of(sheet)[1], by=carol, text="And this")
    appeals.withdraw_appeal(other, by=carol)
    for address in (url("exam_history", exam), url("sheet_history", sheet)):
        text = teacher.get(address).text
        for words in (
            "Q1: appeal",
            "Q1: appeal answered",
            "You are right.",
            "Q2: appeal withdrawn",
        ):
            assert words in text
    text = teacher.get(f"{url('exam_history', exam)}?criterion=Q2").text
    assert "Q2: appeal" in text
    assert "Q1: appeal" not in text


def test_who_answered_can_be_asked_for_in_the_history_and_who_asked_cannot(
    exam, appeal, teacher, admin, carol
):
    appeals.answer_appeal(appeal, by=admin, answer="You are right.")
    page = url("exam_history", exam)
    people = teacher.get(page).context["people"]
    assert admin in people
    assert carol not in people
    text = teacher.get(f"{page}?person={admin.pk}").text
    assert "Q1: appeal answered" in text
    assert "What the student says" not in text


def test_every_sheet_has_its_own_appeals_in_the_json_whatever_is_dropped_meanwhile(
    exam, monkeypatch
):
    monkeypatch.setattr(export_json, "PIECE", 2)
    sheets = [factories.make_sheet(exam, state="published") for _ in range(4)]
    for sheet in sheets[:3]:
        for mark in marks_of(sheet):
            factories.make_appeal(mark, text=f"{sheet.pk} {mark.criterion.code}")
    asked = []

    def drop(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if 'FROM "grading_appeal"' in sql and not asked:
            asked.append(sql)
            Mark.objects.filter(sheet=sheets[0]).delete()
        return answer

    with connection.execute_wrapper(drop):
        rows = json.loads("".join(results_json(exam)))["sheets"]
    assert asked
    assert {one["sheet"]: [told["text"] for told in one["appeals"]] for one in rows[-3:]} == {
        sheet.pk: [f"{sheet.pk} Q1", f"{sheet.pk} Q2"] if sheet != sheets[3] else []
        for sheet in sheets[1:]
    }


def test_the_archive_and_the_json_hold_the_appeals(exam, sheet, appeal, alice, carol):
    other = factories.make_sheet(exam, state="published")
    appeals.answer_appeal(appeal, by=alice, answer="=You are right.")
    factories.make_appeal(marks_of(sheet)[1], text="Asked later")
    rows = {
        one["sheet"]: one["appeals"] for one in json.loads("".join(results_json(exam)))["sheets"]
    }
    told, later = rows[sheet.pk]
    assert later["answered_at"] is None
    assert rows[other.pk] == []
    assert (told["criterion"], told["state"], told["points_then"]) == ("Q1", "answered", 1)
    assert datetime.fromisoformat(told["answered_at"]).tzinfo
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(exam, by=alice)))) as zipped:
        text = zipped.read("appeals.csv").decode()
    assert "Carol" in text
    assert "'=You are right." in text
    assert text.index("You are right.") < text.index("Asked later")

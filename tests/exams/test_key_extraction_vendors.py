"""An answer key read through each vendor's own SDK, by emulators that only know the request."""

import pytest

from batching.models import JobState
from batching.queries import count_items
from batching.submit import submit_job
from exams.key_proposals import discard_key, send_key
from tests.emulators.keys import HEAD, propose_key
from tests.emulators.vendors import EMULATORS
from tests.exams.key_steps import drafted, fresh, item_states
from tests.exams.vendors import follow
from tests.factories_intake import jpeg

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", EMULATORS)
def test_every_vendor_reads_the_key_from_the_pages_that_it_was_sent(vendor, exam, alice, name):
    vendor(name)
    key = drafted(exam)
    send_key(key, by=alice)
    follow(key.batch_run)
    key = fresh(key)
    assert (key.state, key.problem) == ("proposed", "")
    found = {c["code"]: (c["max_marks"], c["step"], c["page"]) for c in key.criteria}
    assert found == {"Q1": (2, 0.5, 1), "Q2": (4, None, 1), "Q3": (1, None, 2)}
    assert "energy of light" in key.criteria[0]["answer"]
    job = key.batch_run.jobs.get()
    assert job.estimated_input_tokens > 1000
    assert key.item.input_tokens > 1000


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_broken_json_from_a_vendor_is_asked_for_again(vendor, exam, alice, name):
    vendor(name).faults.add("line", "broken-json", nth=0)
    key = drafted(exam)
    send_key(key, by=alice)
    follow(key.batch_run)
    assert fresh(key).state == "proposed"
    assert item_states(key) == ["rejected", "accepted"]


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_a_batch_that_ends_after_its_key_was_discarded_is_counted(vendor, exam, alice, name):
    vendor(name)
    key = drafted(exam)
    send_key(key, by=alice)
    job = key.batch_run.jobs.get()
    submit_job(job.pk)
    discard_key(key, by=alice)
    follow(key.batch_run)
    assert fresh(key).state == "discarded"
    assert fresh(key).criteria == []
    job = key.batch_run.jobs.get()
    assert job.state in (JobState.CANCELLED, JobState.COMPLETED)
    assert count_items(job).add_up
    assert set(item_states(key)) <= {"discarded", "lost", "rejected"}


# -- the emulated reader ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Q1 [2 marks] What is light?", ("Q1", "2", "What is light?")),
        ("Q2 (a) [1.5 marks] Name it", ("Q2 (a)", "1.5", "Name it")),
        ("12. (1 mark) Why", ("12", "1", "Why")),
    ],
)
def test_a_line_with_a_code_and_marks_begins_a_criterion(line, found):
    assert HEAD.match(line).groups() == found


def test_a_line_without_marks_begins_none():
    assert not HEAD.match("Q1 is easy")
    assert not HEAD.match("The 3 [2 marks]")


def test_a_key_as_people_write_it_is_read_too():
    lines = (
        "Biology unit test: model answers",
        "1. What does a leaf make? (2 marks)",
        "Sugar and oxygen.",
        "2. Name the green pigment. [1]",
        "Answer: Chlorophyll",
    )
    page = jpeg("\n".join(lines), size=(1240, 700), face=40)
    words = ['exam:\n{"criteria":[{"code":"Q1"}]}', "The answer key to be read."]
    found = propose_key("x", words, [page])["criteria"]
    assert [(c["code"], c["max_marks"], c["answer"]) for c in found] == [
        ("Q1", 2.0, "Sugar and oxygen."),
        ("2", 1.0, "Chlorophyll"),
    ]


def test_the_codes_of_the_exam_are_used_where_they_are_the_same():
    words = ['exam:\n{"criteria":[{"code":"q_1"}]}', "The answer key to be read."]
    page = jpeg("Q1 [1 mark] What is light?", size=(1240, 400), face=40)
    assert [c["code"] for c in propose_key("x", words, [page])["criteria"]] == ["q_1"]

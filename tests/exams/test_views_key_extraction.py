"""The pages of an answer key from a PDF: handed in, sent, watched, corrected, confirmed."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from batching.models import BatchRun, JobState
from exams.key_pages import prepare_key
from exams.models import KeyProposal
from exams.rubrics import current_rubric, leaves, save_rubric, use_rubric
from tests.emulators.key_office import KeyOffice
from tests.exams.key_steps import drafted, fresh, hand_in, key_pdf, proposed, said, work
from tests.factories import BIOLOGY, make_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(sign_in, alice):
    return sign_in(alice)


def address(name: str, key, **options) -> str:
    return reverse(f"exams:key_{name}", args=[key.pk], **options)


def upload(content: bytes | None = None, provider: str = "reader") -> dict:
    pdf = SimpleUploadedFile("key.pdf", key_pdf() if content is None else content)
    return {"pdf": pdf, "provider": provider}


def form_of(page) -> dict[str, str]:
    """What a browser would send back of the review form, as it was shown."""
    formset = page.context["formset"]
    data = {"seen": page.context["seen"]}
    for form in (formset.management_form, *formset.forms):
        for field in form:
            value = field.value()
            if field.name == "DELETE" and not value:
                continue
            data[field.html_name] = "" if value is None else str(value)
    return data


def name_of(page, code: str, field: str) -> str:
    """The name of a field in the row of a criterion."""
    for form in page.context["formset"].forms:
        if form["code"].value() == code:
            return form[field].html_name
    raise AssertionError(code)


def keys(exam) -> dict[str, str]:
    return {leaf.code: leaf.answer for leaf in leaves(current_rubric(exam))}


# -- handing in ---------------------------------------------------------------------------


def test_a_pdf_that_is_handed_in_has_a_page_of_its_own(office, browser, exam):
    answer = browser.post(reverse("exams:key_create", args=[exam.pk]), upload())
    key = KeyProposal.objects.get()
    assert answer.url == address("detail", key)
    page = browser.get(answer.url).content.decode()
    assert "Preparing the pages" in page
    assert f'hx-get="{address("progress", key)}"' in page


def test_the_offline_baseline_is_shown_with_the_reason_and_refused_when_chosen(
    office, browser, exam
):
    url = reverse("exams:key_create", args=[exam.pk])
    page = browser.get(url).content.decode()
    assert "it cannot propose one" in page
    assert 'value="offline" id="provider-offline" disabled' in page
    assert 'value="reader" id="provider-reader" checked' in page
    answer = browser.post(url, upload(provider="offline"))
    assert answer.status_code == 422
    assert "compares answers with a key" in str(answer.context["form"].errors)
    assert not KeyProposal.objects.exists()


def test_where_no_model_is_set_up_the_page_says_so(settings, browser, exam):
    settings.SHEAF_PROVIDERS = {"offline": {"driver": "offline"}}
    page = browser.get(reverse("exams:key_create", args=[exam.pk])).content.decode()
    assert "No model is set up" in page


def test_the_provider_of_the_exam_is_proposed(office, browser, exam):
    exam.provider = "second"
    exam.save()
    page = browser.get(reverse("exams:key_create", args=[exam.pk])).content.decode()
    assert 'id="provider-second" checked' in page


@pytest.mark.parametrize("content", [b"", b"no pdf at all"])
def test_a_file_that_is_no_pdf_is_422(office, browser, exam, content):
    answer = browser.post(reverse("exams:key_create", args=[exam.pk]), upload(content))
    assert answer.status_code == 422
    assert answer.context["form"].errors["pdf"]


def test_a_file_of_20_mb_is_let_in_and_a_larger_one_is_turned_away_unread(office, browser, exam):
    url = reverse("exams:key_create", args=[exam.pk])
    assert browser.post(url, upload(b"%PDF-1.4" + bytes(15_000_000))).status_code == 302
    assert browser.post(url, upload(b"%PDF-1.4" + bytes(22_000_000))).status_code == 413


def test_a_second_one_is_not_offered_while_the_first_is_open(office, browser, exam):
    key = hand_in(exam)
    url = reverse("exams:key_create", args=[exam.pk])
    page = browser.get(url)
    assert address("detail", key) in page.content.decode()
    assert 'type="file"' not in page.content.decode()
    assert browser.post(url, upload()).status_code == 409


# -- draft, send, watch -------------------------------------------------------------------


def test_the_draft_shows_every_word_that_is_sent_its_tokens_and_its_cost(office, browser, exam):
    key = drafted(exam)
    text = browser.get(address("detail", key)).content.decode()
    assert "Draft: look, then send" in text
    assert "You read a teacher&#x27;s answer key" in text
    assert "What is photosynthesis?" in text
    assert "Some 10 tokens in and 5 out, about 0.02 USD." in text
    assert reverse("exams:key_page", args=[key.pk, 2]) in text
    assert "hx-get" not in text
    assert office.ledger() == []


def test_sending_is_a_persons_decision_and_made_once(office, browser, exam, alice):
    key = drafted(exam)
    assert browser.post(address("send", key)).url == address("detail", key)
    assert key.batch_run.jobs.get().approved_by == alice
    assert browser.post(address("send", key)).status_code == 409
    assert "Being read" in browser.get(address("progress", key)).content.decode()


def test_the_fragment_stops_asking_when_the_key_was_read(office, browser, exam):
    key = drafted(exam)
    browser.post(address("send", key))
    assert "hx-trigger" in browser.get(address("progress", key)).content.decode()
    work(key)
    text = browser.get(address("progress", key)).content.decode()
    assert "hx-trigger" not in text
    assert address("review", key) in text
    assert "3 criteria were proposed" in text


def test_over_the_cap_nothing_is_sent_and_the_page_says_why(office, browser, exam):
    exam.spending_cap = 0
    exam.save()
    key = drafted(exam)
    answer = browser.post(address("send", key))
    assert answer.status_code == 422
    assert "Nothing was sent" in answer.content.decode()
    assert key.batch_run.jobs.get().state == JobState.REVIEW


def test_a_draft_by_an_older_rubric_offers_to_be_drafted_again(office, browser, exam, alice):
    key = drafted(exam)
    save_rubric(exam, [BIOLOGY[0]], by=alice)
    page = browser.get(address("detail", key)).content.decode()
    assert "The rubric was changed since this was drafted" in page
    assert address("send", key) not in page
    assert browser.post(address("send", key)).status_code == 409
    assert browser.post(address("retry", key), {"provider": "reader"}).status_code == 302
    assert BatchRun.objects.count() == 2
    assert fresh(key).state == "drafted"


def test_a_failed_key_says_why_and_can_be_drafted_for_another_provider(office, browser, exam):
    office.set_fault("prose")
    key = drafted(exam)
    browser.post(address("send", key))
    work(key)
    page = browser.get(address("detail", key)).content.decode()
    assert "It was not read" in page
    assert "not valid JSON" in page
    assert browser.post(address("retry", key), {"provider": "offline"}).status_code == 422
    assert browser.post(address("retry", key), {"provider": "second"}).status_code == 302
    assert fresh(key).provider == "second"


def test_a_broken_pdf_is_told_on_its_page(office, browser, exam):
    key = hand_in(exam, b"%PDF-1.4 nothing")
    prepare_key(key.pk)
    assert "The PDF is damaged" in browser.get(address("detail", key)).content.decode()


def test_discarding_is_done_once_and_leaves_the_rubric(office, browser, exam):
    before = keys(exam)
    key = proposed(exam, office)
    assert browser.post(address("discard", key)).status_code == 302
    assert browser.post(address("discard", key)).status_code == 409
    assert keys(exam) == before
    assert browser.get(address("review", key)).url == address("detail", key)
    assert "Discarded" in browser.get(address("detail", key)).content.decode()


def test_a_page_of_the_pdf_is_a_picture_and_one_that_it_has_not_is_404(office, browser, exam):
    key = drafted(exam)
    answer = browser.get(reverse("exams:key_page", args=[key.pk, 2]))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, no-store"
    assert b"".join(answer.streaming_content).startswith(b"\xff\xd8")
    for page in (0, 3):
        assert browser.get(reverse("exams:key_page", args=[key.pk, page])).status_code == 404


# -- checked and confirmed ----------------------------------------------------------------


def test_what_the_teacher_confirms_as_it_was_proposed_becomes_the_next_version(
    office, browser, exam, alice
):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    assert "The PDF seems to say 4 marks; the rubric says 3." in page.content.decode()
    answer = browser.post(address("review", key), form_of(page))
    assert answer.url == reverse("exams:rubric", args=[exam.pk])
    rubric = current_rubric(exam)
    assert (rubric.version, rubric.created_by) == (2, alice)
    answers = keys(exam)
    assert answers["Q1"].startswith("Plants make glucose")
    assert answers["Q2"] == "All living things are made of cells."
    assert answers["Q3"] == "The heart."
    assert leaves(rubric)[1].max_marks == 3
    assert leaves(rubric)[1].guidance == "One mark for each part."


def test_the_teacher_corrects_adds_and_leaves_out(office, browser, exam):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    data = form_of(page)
    data[name_of(page, "Q2", "max_marks")] = "4"
    data[name_of(page, "Q1", "answer")] = "Light becomes sugar."
    data[name_of(page, "Q3", "DELETE")] = "on"
    blank = page.context["formset"].forms[-1]
    for field, value in {"code": "Q4", "max_marks": "1", "description": "Neatness"}.items():
        data[blank[field].html_name] = value
    assert browser.post(address("review", key), data).status_code == 302
    found = {leaf.code: leaf.max_marks for leaf in leaves(current_rubric(exam))}
    assert found == {"Q1": 2, "Q2": 4, "Q4": 1}
    assert keys(exam)["Q1"] == "Light becomes sugar."
    assert fresh(key).criteria[0]["answer"].startswith("Plants make glucose")


def test_what_no_rubric_takes_is_422_with_everything_that_was_typed(office, browser, exam):
    exam.rubrics.all().delete()
    written = [said("Q1", max_marks=2, step=0.3, answer="Sugar."), said("Q1"), said("Q 2")]
    key = proposed(exam, office, *written)
    page = browser.get(address("review", key))
    text = page.content.decode()
    assert "must be a multiple of step 0.3" in text
    assert "There is another criterion" in text
    answer = browser.post(address("review", key), form_of(page))
    assert answer.status_code == 422
    assert "1 to 40 letters" in answer.content.decode()
    data = form_of(page) | {name_of(page, "Q 2", "code"): "Q2"}
    answer = browser.post(address("review", key), data)
    assert answer.status_code == 422
    told = answer.content.decode()
    assert "multiple of step 0.3" in told
    assert "Sugar." in told
    assert fresh(key).state == "proposed"
    assert current_rubric(exam) is None
    (first, second) = (f["code"].html_name for f in page.context["formset"].forms[:2])
    data |= {second: "Q1b", first.replace("code", "step"): "0.5"}
    assert browser.post(address("review", key), data).status_code == 302
    assert list(keys(exam)) == ["Q1", "Q1b", "Q2"]


def test_marks_that_the_pdf_does_not_say_have_to_be_given(office, browser, exam):
    key = proposed(exam, office, said("Q9", max_marks=None))
    page = browser.get(address("review", key))
    assert "does not say how many marks" in page.content.decode()
    answer = browser.post(address("review", key), form_of(page))
    assert answer.status_code == 422
    assert "Say how many marks it gives." in answer.content.decode()


@pytest.mark.parametrize("marks", ["NaN", "Infinity", "two", "-1", "1e9"])
def test_marks_that_are_no_marks_are_422(office, browser, exam, marks):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    data = form_of(page) | {name_of(page, "Q1", "max_marks"): marks}
    assert browser.post(address("review", key), data).status_code == 422
    assert current_rubric(exam).version == 1


def test_a_proposal_without_any_criterion_says_so_and_can_be_filled_in(office, browser, exam):
    exam.rubrics.all().delete()
    (office.folder / "criteria.json").write_text("[]")
    key = drafted(exam)
    browser.post(address("send", key))
    work(key)
    page = browser.get(address("review", key))
    assert "found no question and no answer" in page.content.decode()
    assert browser.post(address("review", key), form_of(page)).status_code == 422
    blank = page.context["formset"].forms[0]
    data = form_of(page)
    for field, value in {"code": "Q1", "max_marks": "1", "description": "Neatness"}.items():
        data[blank[field].html_name] = value
    assert browser.post(address("review", key), data).status_code == 302


def test_a_rubric_that_was_changed_since_is_shown_before_anything_is_confirmed(
    office, browser, exam, admin
):
    key = drafted(exam)
    browser.post(address("send", key))
    KeyOffice.meanwhile = lambda: save_rubric(exam, [BIOLOGY[1]], by=admin)
    work(key)
    text = browser.get(address("review", key)).content.decode()
    assert "The rubric was changed after the PDF was sent" in text
    assert "Admin saved version 1" in text


def test_a_rubric_saved_while_the_page_was_open_is_409_and_both_are_kept(
    office, browser, exam, admin
):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    theirs = [BIOLOGY[0] | {"answer": "Theirs."}, {"id": "Q8", "description": "x", "max_marks": 1}]
    use_rubric(current_rubric(exam))
    save_rubric(exam, theirs, by=admin)
    data = form_of(page) | {
        name_of(page, "Q1", "answer"): "Mine.",
        name_of(page, "Q3", "DELETE"): "on",
    }
    answer = browser.post(address("review", key), data)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Admin saved version 2" in text
    assert "Mine." in text
    assert "Saved now: Theirs." in text
    assert "This is in the rubric now." in text
    assert keys(exam) == {"Q1": "Theirs.", "Q8": ""}
    again = form_of(answer)
    assert again[name_of(answer, "Q3", "DELETE")] == "True"
    assert browser.post(address("review", key), again).status_code == 302
    assert current_rubric(exam).version == 3
    assert list(keys(exam)) == ["Q1", "Q8", "Q2"]
    assert keys(exam)["Q1"] == "Mine."


def test_a_key_that_somebody_confirmed_meanwhile_is_409(office, browser, exam, sign_in, admin):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    assert sign_in(admin).post(address("review", key), form_of(page)).status_code == 302
    assert browser.post(address("review", key), form_of(page)).status_code == 409
    assert current_rubric(exam).version == 2
    assert "Admin made" in browser.get(address("detail", key)).content.decode()


def test_what_a_model_wrote_is_text_and_never_markup(office, browser, exam):
    evil = '<script>alert("x")</script>'
    key = proposed(exam, office, said("Q9", description=evil, answer=f"</textarea>{evil}"))
    for name in ("review", "detail"):
        assert "<script>alert" not in browser.get(address(name, key)).content.decode()


def test_a_full_page_of_criteria_can_be_confirmed(office, browser, exam):
    """Django takes a thousand fields; the most that a proposal holds are fewer."""
    exam.rubrics.all().delete()
    key = proposed(exam, office, *[said(f"N{n}") for n in range(100)])
    page = browser.get(address("review", key))
    data = form_of(page)
    data |= {f"row-{n}-DELETE": "on" for n in range(50)}
    assert browser.post(address("review", key), data).status_code == 302
    assert len(keys(exam)) == 50


# -- who may ------------------------------------------------------------------------------


def test_a_key_of_another_class_is_not_there(office, sign_in, bob, exam, x_c):
    key = proposed(exam, office)
    browser = sign_in(bob)
    for name in ("detail", "progress", "review"):
        assert browser.get(address(name, key)).status_code == 404
    for name in ("send", "retry", "discard", "review"):
        assert browser.post(address(name, key)).status_code == 404
    assert browser.get(reverse("exams:key_page", args=[key.pk, 1])).status_code == 404
    assert fresh(key).state == "proposed"


def test_the_exam_and_its_answer_key_lead_here(office, browser, exam, x_b, alice):
    url = reverse("exams:key_create", args=[exam.pk])
    for name in ("exam_detail", "answer_key"):
        page = browser.get(reverse(f"exams:{name}", args=[exam.pk])).content.decode()
        assert url in page
    other = make_exam(x_b, title="Other", by=alice)
    other.rubrics.all().delete()
    page = browser.get(reverse("exams:rubric", args=[other.pk])).content.decode()
    assert reverse("exams:key_create", args=[other.pk]) in page


def test_the_page_of_a_key_costs_few_queries(office, browser, exam, django_assert_max_num_queries):
    key = proposed(exam, office, *[said(f"N{n}") for n in range(60)])
    assert json.dumps(key.criteria)
    with django_assert_max_num_queries(12):
        browser.get(address("review", key))
    with django_assert_max_num_queries(12):
        browser.get(address("detail", key))

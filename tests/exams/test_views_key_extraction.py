"""The pages of an answer key from a PDF: handed in, sent, watched, given up."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from batching.models import BatchRun, JobState
from exams.key_pages import prepare_key
from exams.models import KeyProposal
from exams.rubrics import save_rubric
from tests.exams.clicks import key_address as address
from tests.exams.key_steps import answers_of, drafted, fresh, hand_in, key_pdf, proposed, said, work
from tests.factories import BIOLOGY, make_exam

pytestmark = pytest.mark.django_db


def upload(content: bytes | None = None, provider: str = "reader") -> dict:
    pdf = SimpleUploadedFile("key.pdf", key_pdf() if content is None else content)
    return {"pdf": pdf, "provider": provider}


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
    url = reverse("exams:key_create", args=[exam.pk])
    page = browser.get(url).content.decode()
    assert "No model is set up" in page
    assert "Draft it" not in page
    assert f'class="btn btn-primary" href="{reverse("exams:answer_key", args=[exam.pk])}"' in page
    exam.rubrics.all().delete()
    page = browser.get(url).content.decode()
    assert f'class="btn btn-primary" href="{reverse("exams:rubric", args=[exam.pk])}"' in page
    assert browser.post(url, upload(provider="offline")).status_code == 422
    assert not KeyProposal.objects.exists()


def test_only_an_admin_reads_which_variable_a_model_waits_for(
    settings, browser, sign_in, admin, exam
):
    settings.SHEAF_PROVIDERS = {"gpt": {"driver": "openai", "api_key": "", "title": "OpenAI"}}
    url = reverse("exams:key_create", args=[exam.pk])
    assert "Ask an admin to set one up." in browser.get(url).text
    assert "OPENAI_API_KEY" not in browser.get(url).text
    assert "OPENAI_API_KEY" in sign_in(admin).get(url).text


def test_a_model_that_waits_to_be_set_up_is_no_choice(office, browser, exam):
    page = browser.get(reverse("exams:key_create", args=[exam.pk])).text
    assert 'id="provider-reader"' in page
    assert 'id="provider-keyless"' not in page
    assert "1 other is not set up; ask an admin if you need it." in page


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
    told = browser.get(address("progress", key)).content.decode()
    assert "Being read" in told
    assert "In a draft" not in told


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
    before = answers_of(exam)
    key = proposed(exam, office)
    assert browser.post(address("discard", key)).status_code == 302
    assert browser.post(address("discard", key)).status_code == 409
    assert answers_of(exam) == before
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

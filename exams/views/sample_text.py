"""The text of a sample: typed, or read by a model or by tesseract, and confirmed by a teacher.

Comes in: a text for each page, or who shall read them. Goes out: a page with the fields beside
the pictures; 422 with what cannot be kept, 409 when somebody was faster.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from accounts.seen import fingerprint
from batching import providers
from batching.conflicts import Conflict
from batching.models import JobState
from exams import transcribe, transcription
from exams.costs import caps_on, costs_of
from exams.models import SampleSheet
from exams.pages import kept_pages
from exams.queries import exams_for


@require_http_methods(["GET", "POST"])
@teacher_required
def sample_text(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a field for each page beside its picture; POST confirms them all."""
    sample = sample_or_404(request, pk)
    if request.method == "GET":
        return text_page(request, sample)
    typed = {
        page.number: request.POST[f"text-{page.number}"]
        for page in kept_pages(sample.sheet)
        if f"text-{page.number}" in request.POST
    }
    seen = request.POST.get("seen", "")
    try:
        saved = transcription.save_text(sample, typed, by=request.user, seen=seen)
    except ValidationError as error:
        return text_page(request, sample, typed, problems=error.messages, seen=seen, status=422)
    except Conflict as error:
        sample = sample_or_404(request, pk)
        return text_page(request, sample, typed, conflict=str(error), status=409)
    if saved.transcription:
        messages.success(
            request, _("The text of %(title)s is confirmed.") % {"title": sample.title}
        )
    else:
        messages.info(
            request, _("%(title)s has no text; its images are sent.") % {"title": sample.title}
        )
    return redirect("exams:samples", pk=sample.exam_id)


@require_POST
@teacher_required
def sample_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the pages read: here by tesseract, or by a model, which first makes a draft."""
    sample = sample_or_404(request, pk)
    chosen = request.POST.get("provider", "")
    try:
        if chosen == "tesseract":
            transcription.read_with_tesseract(sample, by=request.user)
            messages.info(request, _("The text was read. Correct it, then save it."))
        else:
            transcribe.draft_reading(sample, provider=chosen, by=request.user)
    except ValidationError as error:
        return text_page(request, sample, problems=error.messages, status=422)
    return redirect("exams:sample_text", pk=sample.pk)


@require_POST
@teacher_required
def sample_read_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the draft: its one request goes to the provider."""
    sample = sample_or_404(request, pk)
    try:
        transcribe.send_reading(sample, by=request.user)
    except ValidationError as error:
        return text_page(request, sample, problems=error.messages, status=422)
    messages.success(
        request, _("Sent. You are told when the text is there; this page can be left.")
    )
    return redirect("exams:sample_text", pk=sample.pk)


@require_POST
@teacher_required
def sample_read_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Discard the draft, or stop the reading."""
    sample = sample_or_404(request, pk)
    transcribe.stop_reading(sample, by=request.user)
    return redirect("exams:sample_text", pk=sample.pk)


@require_POST
@teacher_required
def sample_text_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a proposed text; the confirmed one stays."""
    sample = sample_or_404(request, pk)
    transcription.drop_proposal(sample, by=request.user)
    return redirect("exams:sample_text", pk=sample.pk)


@require_GET
@teacher_required
def sample_read_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The living part of the page: how far the reading is."""
    sample = sample_or_404(request, pk)
    shown = request.GET.get("shown", "")
    return render(request, "exams/_sample_reading.html", reading_of(sample, shown))


def sample_or_404(request: HttpRequest, pk: int) -> SampleSheet:
    """A sample of an exam that the person may see, with its pages."""
    visible = SampleSheet.objects.filter(exam__in=exams_for(request.user))
    rows = visible.select_related("sheet", "exam__school_class", "exam__subject")
    return get_object_or_404(rows.prefetch_related("sheet__pages"), pk=pk)


def text_page(
    request: HttpRequest,
    sample: SampleSheet,
    typed: dict[int, str] | None = None,
    *,
    problems: list[str] | None = None,
    conflict: str = "",
    seen: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The fields with what was typed, else what was read and waits, else what is confirmed.

    After a conflict what is stored stands below each field where it differs; saving again means
    that the person has seen it.
    """
    confirmed = {entry["sha256"]: entry["text"] for entry in sample.transcription}
    proposed = {entry["sha256"]: entry["text"] for entry in sample.proposal}
    rows = []
    for page in kept_pages(sample.sheet):
        saved = confirmed.get(page.sha256, "")
        text = proposed.get(page.sha256, saved)
        if typed is not None:
            text = typed.get(page.number, "")
        rows.append(
            {
                "page": page,
                "text": text,
                "saved": saved if text.strip() != saved else "",
                "is_proposed": typed is None and page.sha256 in proposed,
                "is_new": bool(confirmed) and page.sha256 not in confirmed,
            }
        )
    context = {
        "exam": sample.exam,
        "sample": sample,
        "rows": rows,
        "problems": problems,
        "conflict": conflict,
        "seen": transcription.text_seen(sample) if seen is None else seen,
        "sent_as_text": settings.SHEAF_SAMPLES == "text",
        "most": transcription.MAX_PAGE_TEXT,
        "able": transcribe.able_providers(),
        **reading_of(sample, proposal_of(sample)),
    }
    return render(request, "exams/sample_text.html", context, status=status)


def reading_of(sample: SampleSheet, shown: str) -> dict[str, Any]:
    """Where a model's reading of the sample is; `shown` is the proposal that the page shows."""
    item = transcribe.latest_item(sample)
    job = item.job if item else None
    is_draft = job is not None and job.state == JobState.REVIEW
    is_live = transcribe.is_live(item, job)
    context: dict[str, Any] = {
        "sample": sample,
        "item": item,
        "job": job,
        "is_draft": is_draft,
        "is_live": is_live,
        "shown": shown,
        "has_news": proposal_of(sample) != shown,
    }
    if job is not None and (is_draft or is_live):
        context["about"] = providers.about(job.provider)
        context["cost"] = costs_of([job])[job.pk]
    if job is not None and is_draft:
        context["caps"] = [cap for cap in caps_on(sample.exam, [job]) if not cap.fits]
        context["outdated"] = transcribe.why_outdated(sample.exam, sample, item)
    return context


def proposal_of(sample: SampleSheet) -> str:
    """A short name of the proposal, so that a page notices another one."""
    return fingerprint(sample.proposal)[:16] if sample.proposal else ""

"""The pages of an answer key that a model reads: hand in a PDF, send it, watch it, confirm it.

Comes in: a PDF and a provider, later the corrected criteria. Goes out: one page for each step;
nothing reaches the rubric before a teacher confirms it here.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.roles import teacher_required
from batching import providers
from batching.conflicts import Conflict
from batching.models import LIVE_JOB_STATES, BatchJob, JobState
from batching.providers.parts import with_labels
from batching.requests import Image
from exams import key_proposals
from exams.costs import costs_of
from exams.forms_keys import MOST_ROWS, KeyFileForm, KeyProviderForm, RowFormSet, row_forms
from exams.key_extraction import UNDER_WAY, rubric_hash, rubric_items
from exams.key_request import request_for
from exams.key_rows import Row, items_from, rows_of, saved_values
from exams.models import KeyProposal, KeyState
from exams.queries import keys_for
from exams.rubric_files import write_rubric_text
from exams.rubric_items import leaf_items
from exams.rubrics import content_hash, current_rubric, items_of
from exams.views.exams import exam_or_404
from exams.views.media import picture

EARLIER_SHOWN = 10


@require_http_methods(["GET", "POST"])
@teacher_required
def key_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the PDF of an answer key and who shall read it; nothing is sent yet."""
    exam = exam_or_404(request, pk)
    posted = request.method == "POST"
    form = KeyFileForm(
        request.POST if posted else None, request.FILES if posted else None, chosen=exam.provider
    )
    if posted and form.is_valid():
        file = form.cleaned_data["pdf"]
        try:
            key = key_proposals.propose_key(
                exam,
                file,
                name=file.name or "key.pdf",
                provider=form.cleaned_data["provider"],
                by=request.user,
            )
        except ValidationError as error:
            form.add_error("pdf", error)
        else:
            return redirect("exams:key_detail", pk=key.pk)
    earlier = exam.key_proposals.select_related("created_by", "confirmed_by", "rubric")
    context = {
        "exam": exam,
        "form": form,
        "open": key_proposals.open_key(exam),
        "rubric": current_rubric(exam),
        "earlier": earlier[:EARLIER_SHOWN],
    }
    return render(request, "exams/key_create.html", context, status=422 if posted else 200)


@require_GET
@teacher_required
def key_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Where a proposed answer key is, and what can be done with it."""
    return detail_page(request, visible_key(request, pk))


@require_GET
@teacher_required
def key_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The living part of that page."""
    return render(request, "exams/_key_progress.html", standing(visible_key(request, pk)))


@require_POST
@teacher_required
def key_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the draft: its request goes to the provider."""
    key = visible_key(request, pk)
    try:
        key_proposals.send_key(key, by=request.user)
    except ValidationError as error:
        return detail_page(request, key, problems=error.messages, status=422)
    messages.success(request, _("The answer key was sent."))
    return redirect("exams:key_detail", pk=key.pk)


@require_POST
@teacher_required
def key_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Draft it once more, perhaps for another provider."""
    key = visible_key(request, pk)
    form = KeyProviderForm(request.POST, chosen=key.provider)
    if not form.is_valid():
        return detail_page(request, key, form=form, status=422)
    try:
        key_proposals.retry_key(key, provider=form.cleaned_data["provider"], by=request.user)
    except ValidationError as error:
        return detail_page(request, key, problems=error.messages, status=422)
    return redirect("exams:key_detail", pk=key.pk)


@require_POST
@teacher_required
def key_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it up; the rubric stays as it is."""
    key = visible_key(request, pk)
    key_proposals.discard_key(key, by=request.user)
    messages.success(
        request, _("%(name)s was discarded. The rubric stays as it is.") % {"name": key}
    )
    return redirect("exams:key_create", pk=key.exam_id)


@require_http_methods(["GET", "POST"])
@teacher_required
def key_review(request: HttpRequest, pk: int) -> HttpResponse:
    """The proposed criteria beside the pages; POST makes the corrected ones the rubric."""
    key = visible_key(request, pk)
    if request.method == "GET":
        if key.state != KeyState.PROPOSED:
            return redirect("exams:key_detail", pk=key.pk)
        return review_page(request, key)
    formset = RowFormSet(request.POST, prefix="row")
    if not formset.is_valid():
        return review_page(request, key, formset=formset, problems=formset.wrong(), status=422)
    items = items_from(formset.criteria(), rubric_items(key.exam))
    try:
        rubric = key_proposals.confirm_key(
            key, items, by=request.user, seen=request.POST.get("seen", "")
        )
    except ValidationError as error:
        return review_page(request, key, formset=formset, problems=error.messages, status=422)
    except Conflict as error:
        key = visible_key(request, pk)
        if key.state != KeyState.PROPOSED:
            raise
        return conflict_page(request, key, formset.typed(), str(error))
    messages.success(
        request,
        _("Version %(version)s of the rubric was made of it.") % {"version": rubric.version},
    )
    return redirect("exams:rubric", pk=key.exam_id)


@require_safe
@teacher_required
def key_page(request: HttpRequest, pk: int, page: int) -> FileResponse:
    """One page of the PDF as it is read."""
    key = visible_key(request, pk)
    for found in key.pages:
        if found["number"] == page:
            return picture(key, found["image"], f"key-page-{page}")
    raise Http404


# -- what the pages show ------------------------------------------------------------------


def visible_key(request: HttpRequest, pk: int) -> KeyProposal:
    rows = keys_for(request.user).select_related(
        "exam__school_class", "exam__subject", "batch_run", "item", "created_by", "rubric"
    )
    return get_object_or_404(rows, pk=pk)


def detail_page(
    request: HttpRequest,
    key: KeyProposal,
    *,
    form: KeyProviderForm | None = None,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page with its living part; `form` chooses the provider for another draft."""
    context = standing(key, form) | {"problems": problems}
    return render(request, "exams/key_detail.html", context, status=status)


def standing(key: KeyProposal, form: KeyProviderForm | None = None) -> dict[str, Any]:
    """Everything that a key's page shows; `form` chooses the provider for another draft."""
    run = key.batch_run
    jobs: list[BatchJob] = list(run.jobs.order_by("number")) if run else []
    costs = costs_of(jobs)
    states = {job.state for job in jobs}
    is_built = run is not None and run.built_at is not None
    is_under_way = key.state in UNDER_WAY
    can_send = is_under_way and JobState.REVIEW in states
    return {
        "key": key,
        "exam": key.exam,
        "provider": providers.about(key.provider),
        "jobs": [(job, costs[job.pk]) for job in jobs],
        "attempts": run.items.order_by("number").select_related("job") if run else (),
        "is_building": key.state == KeyState.DRAFTED and not is_built,
        "can_send": can_send,
        "is_out_of_date": can_send and key_proposals.is_out_of_date(key),
        "told": told_to_the_model(key) if can_send else [],
        "form": form or KeyProviderForm(chosen=key.provider),
        "is_waiting": is_under_way and bool(states & set(LIVE_JOB_STATES)),
        "is_live": key.state == KeyState.RECEIVED or (is_under_way and not can_send),
    }


def told_to_the_model(key: KeyProposal) -> list[str]:
    """The words of the request in order, each page by its label alone."""
    request = request_for(key, rubric_items(key.exam), "…")
    parts = with_labels(request.parts)
    return [request.system, *(part for part in parts if not isinstance(part, Image))]


def review_page(
    request: HttpRequest,
    key: KeyProposal,
    *,
    formset: Any = None,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The rows as they were read, or as they were typed and have to be corrected."""
    seen = request.POST.get("seen") if request.method == "POST" else None
    if formset is not None:
        return render_rows(request, key, formset, [], seen or "", problems=problems, status=status)
    items = rubric_items(key.exam)
    rows = rows_of(key.criteria, items)
    if len(rows) > MOST_ROWS:
        raise Conflict(
            _("These are %(count)s criteria, more than can be checked on one page.")
            % {"count": len(rows)}
        )
    seen = content_hash(items) if items else ""
    return render_rows(request, key, row_forms(row.values for row in rows), rows, seen)


def conflict_page(
    request: HttpRequest, key: KeyProposal, typed: list[dict[str, Any]], conflict: str
) -> HttpResponse:
    """What was typed, with what the rubric has meanwhile and no row speaks of; nothing is lost.

    Confirming it again then means that the person has seen the other version.
    """
    items = rubric_items(key.exam)
    covered = {values["was"] for values in typed}
    missing = [saved_values(leaf) for leaf in leaf_items(items) if leaf.id not in covered]
    rows = [Row(values) for values in typed]
    rows += [Row(values, [_("This is in the rubric now.")]) for values in missing]
    saved = {leaf.id: leaf.answer for leaf in leaf_items(items)}
    for row in rows:
        row.saved = saved.get(row.values["was"], "")
        if row.saved == row.values["answer"]:
            row.saved = ""
    if len(rows) > MOST_ROWS:
        raise Conflict(
            _("These are %(count)s criteria, more than can be checked on one page.")
            % {"count": len(rows)}
        )
    formset = row_forms(row.values for row in rows)
    seen = rubric_hash(key.exam)
    return render_rows(request, key, formset, rows, seen, conflict=conflict, status=409)


def render_rows(
    request: HttpRequest,
    key: KeyProposal,
    formset: Any,
    rows: list[Row],
    seen: str,
    *,
    problems: list[str] | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page of a formset; `rows` are what is known of its first forms."""
    rubric = current_rubric(key.exam)
    items = items_of(rubric) if rubric else ()
    now = content_hash(items) if items else ""
    blank = len(formset.forms) - len(rows)
    context = {
        "key": key,
        "exam": key.exam,
        "provider": providers.about(key.provider),
        "formset": formset,
        "rows": list(zip(formset.forms, [*rows, *([None] * blank)], strict=True)),
        "odd": sum(bool(row.problems) for row in rows),
        "seen": seen,
        "rubric": rubric,
        "is_older": now != key.based_on,
        "rubric_text": write_rubric_text(items) if items else "",
        "problems": [*(problems or []), *formset.non_form_errors()],
        "conflict": conflict,
    }
    return render(request, "exams/key_review.html", context, status=status)

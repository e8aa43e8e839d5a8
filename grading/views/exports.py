"""Downloads of an exam's results: what there is, and each file while it is being written.

Comes in: a teacher's click. Goes out: a page that says what stands in each file, or a streamed
file that no cache keeps. Who took what is logged, by ids.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from accounts.models import Enrolment
from accounts.roles import teacher_required
from exams.models import DONE_STATES, Exam, Sheet, SheetState
from exams.rubrics import current_rubric, rubric_total
from exams.views.exams import exam_or_404
from grading import export_archive, export_gradebooks, export_json, queries
from grading.export_gradebooks import Match
from grading.exports import marks_csv, results_csv

logger = logging.getLogger(__name__)

CSV = "text/csv; charset=utf-8"
PIECE = 64 * 1024


@require_GET
@teacher_required
def exports(request: HttpRequest, pk: int) -> HttpResponse:
    """What can be downloaded, what stands in it, and how gradebooks find the students."""
    exam = exam_or_404(request, pk)
    settled = Q(sheets__state__in=DONE_STATES, sheets__exam=exam)
    students = Enrolment.objects.filter(school_class=exam.school_class)
    rubric = current_rubric(exam)
    context = {
        "exam": exam,
        "sheets": Sheet.objects.filter(exam=exam, marks__isnull=False).aggregate(
            marked=Count("pk", distinct=True),
            settled=Count("pk", distinct=True, filter=Q(state__in=DONE_STATES)),
            proposed=Count("pk", distinct=True, filter=Q(state=SheetState.GRADED)),
        ),
        "notices": queries.notices_on(exam),
        "without_email": students.filter(settled, student__email="").count(),
        "canvas_title": export_gradebooks.canvas_title(exam.title),
        "out_of": rubric_total(rubric) if rubric else None,
        "matches": [match.value for match in Match],
    }
    return render(request, "grading/exports.html", context)


@require_GET
@teacher_required
def export_csv(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All results of an exam, one row per student."""
    return _download(request, pk, results_csv, "results.csv", CSV)


@require_GET
@teacher_required
def export_marks(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All marks of an exam, one row per mark."""
    return _download(request, pk, marks_csv, "marks.csv", CSV)


@require_GET
@teacher_required
def export_canvas(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Reviewed totals for Canvas; `?match=` says what it knows its students by."""
    try:
        match = Match(request.GET.get("match", Match.ROLL_NUMBER.value))
    except ValueError as error:
        raise Http404 from error

    def lines(exam: Exam) -> Iterable[str]:
        return export_gradebooks.canvas_csv(exam, match)

    return _download(request, pk, lines, "canvas.csv", CSV)


@require_GET
@teacher_required
def export_moodle(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Reviewed totals and feedback for Moodle."""
    return _download(request, pk, export_gradebooks.moodle_csv, "moodle.csv", CSV)


@require_GET
@teacher_required
def export_results_json(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All results for programs."""
    return _download(request, pk, export_json.results_json, "results.json", "application/json")


@require_GET
@teacher_required
def export_archive_zip(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Everything about the exam in one ZIP."""

    def pieces(exam: Exam) -> Iterable[bytes]:
        return export_archive.archive(exam, by=request.user)

    return _download(request, pk, pieces, "archive.zip", "application/zip")


def _download(
    request: HttpRequest,
    pk: int,
    content: Callable[[Exam], Iterable[str] | Iterable[bytes]],
    name: str,
    content_type: str,
) -> StreamingHttpResponse:
    exam = exam_or_404(request, pk)
    logger.info("exam %s: user %s downloads %s", exam.pk, request.user.pk, name)
    title = slugify(exam.title) or f"exam-{exam.pk}"
    return StreamingHttpResponse(
        _in_pieces(content(exam)),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{title}-{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _in_pieces(content: Iterable[str] | Iterable[bytes]) -> Iterable[bytes]:
    """The same content in larger pieces: a line on its own is a write to the network."""
    waiting, size = [], 0
    for one in content:
        piece = one.encode() if isinstance(one, str) else one
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)

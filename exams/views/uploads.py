"""Uploads: handing papers in, and watching what becomes of every file in them.

In: a browser's files. Out: the upload's own page, whose progress refreshes itself while there
is work, and a report with a line per member. The rules are in exams/uploads.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.roles import teacher_required
from exams import mapping, queries, uploads
from exams.forms_intake import UploadForm, sheet_name, too_large_text
from exams.json_rows import counts_of, of_group
from exams.models import (
    Exam,
    Page,
    Sheet,
    SheetState,
    Upload,
    UploadState,
)
from exams.views.upload_report import LINE_COUNTS, ends_of, report_context, summary_context

FAILED_SHOWN = 20
WORKING_SHOWN = 12
EARLIER_SHOWN = 20
# A form is a little larger than the file in it.
FORM_BYTES = 1_000_000
MB = 1_000_000
RENDERED, INSPECTED = Q(rendered_at__isnull=False), Q(inspected_at__isnull=False)
FAILED = Q(state=SheetState.FAILED)
GIVEN_UP = Q(state__in=(SheetState.FAILED, SheetState.SKIPPED))
SHEETS_COUNTED = {
    "sheets": Q(),
    # A sheet that failed or was skipped earlier never comes this far: it is counted apart.
    "to_render": ~GIVEN_UP | RENDERED,
    "rendered": RENDERED,
    "to_inspect": ~GIVEN_UP | INSPECTED,
    "inspected": INSPECTED,
    "waiting": Q(state__in=(SheetState.PENDING_MAPPING, SheetState.MAPPED)) & ~INSPECTED,
    "failed": FAILED,
    "leavable": Q(state__in=mapping.LEAVABLE),
    "past": ~Q(state__in=(*mapping.LEAVABLE, SheetState.SKIPPED)),
    "skipped": Q(state=SheetState.SKIPPED),
}
OF_UPLOAD = Q(upload=OuterRef("pk"))
SHEET_COUNTS = counts_of(Sheet.objects.filter(OF_UPLOAD), "upload", SHEETS_COUNTED)
PAGE_COUNT = of_group(
    Page.objects.filter(sheet__upload=OuterRef("pk")), "sheet__upload", Count("pk")
)


@csrf_exempt
@teacher_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand in a ZIP, a PDF or pictures.

    Django's own check of the form's token would read the whole body first. A stranger's file
    and one that is too large are turned away unread here; then the token is checked.
    """
    exam = get_object_or_404(queries.exams_for(request.user).select_related("school_class"), pk=pk)
    limit = settings.SHEAF_UPLOAD_MAX_MB
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit * MB + FORM_BYTES:
        return upload_form(request, exam, UploadForm(), problem=too_large_text(limit))
    return take_files(request, exam)


@csrf_protect
def take_files(request: HttpRequest, exam: Exam) -> HttpResponse:
    """The form, and the upload it makes."""
    if request.method != "POST":
        return upload_form(request, exam, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return upload_form(request, exam, form)
    files = form.cleaned_data["files"]
    name = files[0].name or "papers"
    try:
        if len(files) == 1:
            upload = uploads.receive_upload(exam, files[0], name=name, by=request.user)
        else:
            pictures = [(file.name or "page", file) for file in files]
            title = sheet_name(PurePath(name).stem)
            upload = uploads.receive_images(exam, pictures, name=title, by=request.user)
    except uploads.DuplicateUpload as error:
        return upload_form(request, exam, form, first=error.first)
    except ValidationError as error:
        form.add_error("files", error)
        return upload_form(request, exam, form)
    return redirect("exams:upload_detail", pk=upload.pk)


def upload_form(
    request: HttpRequest,
    exam: Exam,
    form: UploadForm,
    *,
    problem: str = "",
    first: Upload | None = None,
) -> HttpResponse:
    """The upload page; 422 when something is wrong with what was handed in."""
    context = {
        "exam": exam,
        "form": form,
        "problem": problem,
        "first": first,
        "max_bytes": int(settings.SHEAF_UPLOAD_MAX_MB * MB),
        "max_mb": settings.SHEAF_UPLOAD_MAX_MB,
        "max_members": settings.SHEAF_UPLOAD_MAX_MEMBERS,
        "max_member_mb": settings.SHEAF_UPLOAD_MAX_MEMBER_MB,
        "max_pages": settings.SHEAF_SHEET_MAX_PAGES,
        "earlier": exam.uploads.order_by("-uploaded_at", "-pk").select_related("uploaded_by")[
            :EARLIER_SHOWN
        ],
    }
    is_wrong = bool(problem or first or form.errors)
    return render(request, "exams/upload_create.html", context, status=422 if is_wrong else 200)


@teacher_required
@require_safe
def upload_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an upload is, and what became of each file in it."""
    upload = upload_shown(request, pk)
    context = progress_context(upload) | asked_report(request, upload)
    return render(request, "exams/upload_detail.html", context)


@teacher_required
@require_safe
def upload_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The progress alone, for polling; with the report when the file is unpacked, and at the end.

    The page says in `report` whether it still waits for the report, and which screen of it is being
    looked at: in between its counts are brought, but its lines never replaced under somebody's
    eyes.
    """
    upload = upload_shown(request, pk)
    context = progress_context(upload) | {"asked": asked_of(request), "is_news": True}
    progress = context["progress"]
    is_awaited = request.GET.get("report") == "awaited" and progress.is_unpacked
    if is_awaited or not progress.is_working:
        context |= asked_report(request, upload) | {"brings_report": True}
    elif progress.is_unpacked:
        context |= summary_context(upload, request.GET.get("outcome")) | {"brings_counts": True}
    return render(request, "exams/_upload_progress.html", context)


@teacher_required
@require_POST
def upload_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a failed upload again, with the file as it was handed in."""
    upload = visible_upload(request, pk)
    uploads.retry_upload(upload, by=request.user)
    return redirect("exams:upload_detail", pk=upload.pk)


@teacher_required
@require_POST
def upload_skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave an upload out of the exam, with its sheets that are not past mapping."""
    upload = visible_upload(request, pk)
    count = mapping.skip_upload(upload, by=request.user)
    text = _("%(upload)s was left out.")
    if count:
        text = ngettext(
            "%(upload)s and 1 sheet of it were left out.",
            "%(upload)s and %(count)s sheets of it were left out.",
            count,
        )
    messages.success(request, text % {"upload": upload, "count": count})
    return redirect("exams:upload_detail", pk=upload.pk)


@teacher_required
@require_POST
def upload_unskip(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an upload in again, with its skipped sheets."""
    upload = visible_upload(request, pk)
    count = mapping.unskip_upload(upload, by=request.user)
    text = _("%(upload)s was taken in again.")
    if count:
        text = ngettext(
            "%(upload)s and 1 sheet of it were taken in again.",
            "%(upload)s and %(count)s sheets of it were taken in again.",
            count,
        )
    messages.success(request, text % {"upload": upload, "count": count})
    return redirect("exams:upload_detail", pk=upload.pk)


# -- what the pages show ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload and its sheets are, counted from the database."""

    state: str
    members: int | None
    lines: int
    sheets: int
    to_render: int
    rendered: int
    to_inspect: int
    inspected: int
    waiting: int
    failed: int
    leavable: int
    past: int
    skipped: int
    pages: int

    @property
    def expected(self) -> int:
        """How many lines the report will have; a repeated or broken try can add some."""
        return max(self.members or 0, self.lines)

    @property
    def is_unpacked(self) -> bool:
        """Whether the report is whole: nothing more will come out of the file."""
        return self.state in (UploadState.UNPACKED, UploadState.FAILED, UploadState.SKIPPED)

    @property
    def to_map(self) -> int:
        """Sheets that somebody can be named for, or was."""
        return self.sheets - self.failed - self.skipped

    @property
    def is_working(self) -> bool:
        return not self.is_unpacked or self.waiting > 0


def visible_upload(request: HttpRequest, pk: int) -> Upload:
    return get_object_or_404(uploads_with_names(request), pk=pk)


def upload_shown(request: HttpRequest, pk: int) -> Upload:
    """An upload the person may see, with what its page counts.

    `sheet_counts` by the names of SHEETS_COUNTED, `line_counts` (upload_report) and `page_count`;
    each None where there is nothing to count. Raises Http404.
    """
    counted = uploads_with_names(request).annotate(
        sheet_counts=SHEET_COUNTS, line_counts=LINE_COUNTS, page_count=PAGE_COUNT
    )
    return get_object_or_404(counted, pk=pk)


def uploads_with_names(request: HttpRequest) -> QuerySet[Upload]:
    return queries.uploads_for(request.user).select_related("exam__school_class", "uploaded_by")


def progress_context(upload: Upload) -> dict[str, Any]:
    """The counts, and the first of the sheets that failed."""
    progress = Progress(
        state=upload.state,
        members=upload.member_count,
        lines=sum(end.count for end in ends_of(upload)),
        pages=upload.page_count or 0,
        **(upload.sheet_counts or dict.fromkeys(SHEETS_COUNTED, 0)),
    )
    failed_sheets = upload.sheets.filter(FAILED).order_by("name", "pk")
    # Those that a worker holds or will take next; the finished ones are in the report.
    working = upload.sheets.filter(SHEETS_COUNTED["waiting"]).order_by("pk")
    return {
        "upload": upload,
        "exam": upload.exam,
        "progress": progress,
        "failed_sheets": list(failed_sheets[:FAILED_SHOWN]) if progress.failed else [],
        "working": list(working[:WORKING_SHOWN]) if progress.waiting else [],
        "working_more": max(progress.waiting - WORKING_SHOWN, 0),
        "failed_more": max(progress.failed - FAILED_SHOWN, 0),
    }


def asked_of(request: HttpRequest) -> str:
    """Which screen of the report is asked for, to be asked for again; "" for the first of all."""
    wanted = {name: request.GET.get(name, "") for name in ("outcome", "page")}
    return urlencode({name: value for name, value in wanted.items() if value})


def asked_report(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    """report_context of the screen that is asked for."""
    report = report_context(upload, request.GET.get("outcome"), request.GET.get("page"))
    return report | {"asked": asked_of(request)}

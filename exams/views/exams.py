"""The exams of a teacher: the list, a new one, one exam's standing, and its file.

Comes in: a teacher or admin. Goes out: pages over `exams_for(user)`; strangers get 404.
"""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Subject
from accounts.queries import classes_for
from accounts.roles import teacher_required
from accounts.seen import saved_meanwhile
from batching import providers
from exams.costs import spent_on
from exams.forms import ExamFileForm, ExamForm
from exams.models import Exam
from exams.queries import exams_for
from exams.rubric_files import ExamImport, import_exam_file, write_exam_file
from exams.rubrics import current_rubric, leaves, lock_exam, total_of
from exams.standing import standings

PAGE_SIZE = 50
UPLOADS_SHOWN = 5


@require_GET
@teacher_required
def exam_list(request: HttpRequest) -> HttpResponse:
    """Every exam of the teacher's classes, with where it stands."""
    exams = exams_for(request.user).select_related("school_class", "subject")
    exams = exams.order_by("-created_at", "-pk")
    screen = Paginator(exams, PAGE_SIZE).get_page(request.GET.get("page"))
    found = standings(screen.object_list)
    context = {
        "screen": screen,
        "rows": [(exam, found[exam.pk]) for exam in screen],
        "has_class": bool(screen.object_list) or classes_for(request.user).exists(),
    }
    return render(request, "exams/exam_list.html", context)


@require_http_methods(["GET", "POST"])
@teacher_required
def exam_create(request: HttpRequest) -> HttpResponse:
    """Make an exam from an exam file, or by typing its facts and then its rubric."""
    classes = classes_for(request.user)
    from_file = request.method == "POST" and "by_hand" not in request.POST
    by_hand = request.method == "POST" and not from_file
    form = ExamForm(request.POST if by_hand else None, classes=classes)
    file_form = ExamFileForm(
        request.POST if from_file else None, request.FILES if from_file else None
    )
    if by_hand and form.is_valid():
        form.instance.created_by = request.user
        try:
            exam = form.save_exam()
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(
                request, _("%(title)s was made. Now write its rubric.") % {"title": exam.title}
            )
            return redirect("exams:rubric", pk=exam.pk)
    if from_file and file_form.is_valid():
        try:
            done = import_exam_file(file_form.cleaned_data["exam_file"], by=request.user)
        except ValidationError as error:
            file_form.add_error(None, error)
        else:
            tell_import(request, done)
            return redirect("exams:exam_detail", pk=done.exam.pk)
    context = {
        "form": form,
        "file_form": file_form,
        "by_hand": by_hand,
        "classes": classes,
        "subjects": Subject.objects.all(),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "exams/exam_create.html", context, status=status)


def tell_import(request: HttpRequest, done: ExamImport) -> None:
    """Say what the file did, above all to an exam that was there before."""
    title = done.exam.title
    if done.is_new:
        messages.success(request, _("%(title)s was taken from the file.") % {"title": title})
    elif not done.changes:
        messages.info(
            request,
            _("%(title)s was there already; the file changed nothing in it.") % {"title": title},
        )
    else:
        messages.warning(
            request,
            _("%(title)s was there already and follows the file now. Changed: %(changes)s.")
            % {"title": title, "changes": "; ".join(done.changes)},
        )
    if done.kept:
        messages.info(
            request,
            _(
                "The file left out answers or guidance that were typed here, and they were"
                " kept: %(codes)s."
            )
            % {"codes": ", ".join(done.kept)},
        )


@require_GET
@teacher_required
def exam_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Where one exam stands, and the next thing to do."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    criteria = leaves(rubric) if rubric else []
    context = {
        "exam": exam,
        "standing": standings([exam])[exam.pk],
        "rubric": rubric,
        "criteria": criteria,
        "total": total_of(criteria),
        "without_answer": [c.code for c in criteria if not c.answer],
        "uploads": exam.uploads.select_related("uploaded_by")[:UPLOADS_SHOWN],
        "provider": providers.about(exam.provider or settings.SHEAF_DEFAULT_PROVIDER),
        "second": providers.about(exam.second_provider) if exam.second_provider else None,
        "spent": spent_on(exam),
    }
    return render(request, "exams/exam_detail.html", context)


@require_http_methods(["GET", "POST"])
@teacher_required
def exam_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an exam's facts: what it is, who assesses it, and what that may cost."""
    exam = exam_or_404(request, pk)
    classes = classes_for(request.user)
    if request.method == "GET":
        return exam_edit_page(request, exam, ExamForm(instance=exam, classes=classes))
    with transaction.atomic():
        form = ExamForm(request.POST, instance=lock_exam(exam.pk), classes=classes)
        if not form.is_valid():
            return exam_edit_page(request, exam, form, status=422)
        if form.differs_unseen:
            return exam_edit_page(request, exam_or_404(request, pk), form, status=409)
        try:
            form.save_exam()
        except ValidationError as error:
            form.add_error(None, error)
            return exam_edit_page(request, exam, form, status=422)
    return redirect("exams:exam_detail", pk=exam.pk)


def exam_edit_page(
    request: HttpRequest, exam: Exam, form: ExamForm, *, status: int = 200
) -> HttpResponse:
    """The form; 409 beside what somebody else saved meanwhile."""
    context = {"exam": exam, "form": form, "subjects": Subject.objects.all()}
    if status == 409:
        context |= {
            "conflict": saved_meanwhile(exam, _("this exam")),
            "saved": form.show_stored(exam),
        }
    return render(request, "exams/exam_edit.html", context, status=status)


@require_GET
@teacher_required
def exam_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The exam as an exam file, to be kept or used for another class."""
    exam = exam_or_404(request, pk)
    name = re.sub(r"[^a-z0-9]+", "-", exam.title.lower()).strip("-") or "exam"
    return HttpResponse(
        write_exam_file(exam),
        content_type="application/yaml; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.yaml"',
            "Cache-Control": "no-store",
        },
    )


def exam_or_404(request: HttpRequest, pk: int) -> Exam:
    """One of the exams the person may see, with its class and subject."""
    return get_object_or_404(
        exams_for(request.user).select_related("school_class", "subject"), pk=pk
    )

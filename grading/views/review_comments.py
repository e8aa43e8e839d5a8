"""The comment bank beside a mark: choose, keep, change and delete feedback to use again.

Comes in: a mark, or a comment of its bank. Goes out: the palette, to htmx alone, else on a page.
Putting a comment into the feedback is a save of the mark (review_marks.mark_save).
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import teacher_required
from exams.views.clicks import outcome_of
from grading import queries, review_blind, review_comments
from grading.forms import CommentForm, wrong_with
from grading.models import Comment, Mark
from grading.views.review_desk import Desk, mark_on_desk


@require_http_methods(["GET", "POST"])
@teacher_required
def mark_comments(request: HttpRequest, pk: int) -> HttpResponse:
    """The bank of a mark's question; POST keeps a feedback for the next sheets."""
    mark = mark_on_desk(request, pk)
    if request.method == "GET":
        return _render(request, mark)
    form = CommentForm({"text": request.POST.get("text") or request.POST.get("feedback", "")})
    if not form.is_valid():
        return _render(request, mark, problem=wrong_with(form), status=422)
    exam, code, text = mark.sheet.exam, mark.criterion.code, form.cleaned_data["text"]
    problem, status = outcome_of(
        lambda: review_comments.save_comment(exam, code=code, text=text, by=request.user)
    )
    if problem:
        return _render(request, mark, problem=problem, status=status)
    return _done(request, mark)


@require_POST
@teacher_required
def comment_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a comment another text."""
    comment = _comment(request, pk)
    mark = _mark_beside(request, comment)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _render(request, mark, problem=wrong_with(form), status=422)
    text, version = form.cleaned_data["text"], form.cleaned_data["version"] or 0
    problem, status = outcome_of(
        lambda: review_comments.change_comment(comment, text=text, version=version, by=request.user)
    )
    if problem:
        return _render(request, mark, problem=problem, status=status)
    return _done(request, mark)


@require_POST
@teacher_required
def comment_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a comment out of the bank."""
    comment = _comment(request, pk)
    mark = _mark_beside(request, comment)
    review_comments.delete_comment(comment)
    return _done(request, mark)


def _comment(request: HttpRequest, pk: int) -> Comment:
    comment: Comment = get_object_or_404(review_comments.comments_for(request.user), pk=pk)
    return comment


def _mark_beside(request: HttpRequest, comment: Comment) -> Mark:
    """The mark whose palette was open, else any of this question: the bank belongs to all."""
    marks = queries.marks_for(request.user).filter(
        sheet__exam=comment.exam_id, criterion__code=comment.code
    )
    number = request.POST.get("mark", "")
    is_number = number.isdecimal() and len(number) < 19
    beside = marks.filter(pk=int(number)).first() if is_number else None
    mark = beside or marks.order_by("pk").first()
    if mark is None:
        raise Http404(_("No sheet has a mark for the question of this comment."))
    return mark_on_desk(request, mark.pk)


def _done(request: HttpRequest, mark: Mark) -> HttpResponse:
    if request.htmx:
        return _render(request, mark)
    return redirect("grading:mark_comments", pk=mark.pk)


def _render(
    request: HttpRequest, mark: Mark, *, problem: str = "", status: int = 200
) -> HttpResponse:
    comments = review_comments.comments_on(mark.sheet.exam_id, mark.criterion.code)
    context = {
        "mark": mark,
        "exam": mark.sheet.exam,
        "desk": Desk.of(request),
        "comments": [
            (key, comment)
            for key, comment in zip(KEYS, comments.select_related("saved_by"), strict=False)
        ],
        "problem": problem,
        "sheet_code": review_blind.sheet_code(mark.sheet_id),
        "alone": bool(request.htmx),
    }
    name = "_review_comments" if request.htmx else "review_comments"
    return render(request, f"grading/{name}.html", context, status=status)


KEYS = [*"123456789abcdefghijklmnopqrstuvwxyz", *[""] * review_comments.MOST_COMMENTS]
"""What inserts the first, second, … comment while the palette is open; the rest has no key."""

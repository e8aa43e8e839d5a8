"""Classes: the list, one class with its roster, a new one, changes, and first links of students.

Admins see and make all; teachers see their own; for students these pages do not exist.
"""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import queries, school_classes
from accounts.first_passwords import email_is_configured, first_password_url, gets_mail, link_days
from accounts.forms import ClassForm
from accounts.password_links import send_class_links
from accounts.people import CannotChange, ChangedMeanwhile
from accounts.roles import admin_required, teacher_required

PAGE_SIZE = 100
ADMINS_SHOWN = 5
# In an address: the page opens after a roster was imported, and says what comes next.
IMPORTED = "imported"


@require_safe
@teacher_required
def class_list(request: HttpRequest) -> HttpResponse:
    """The classes somebody teaches or administers."""
    page = Paginator(queries.class_rows(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, object] = {"page": page}
    if not page.object_list and not request.user.is_admin:
        context["admins"] = queries.admins_to_ask()[:ADMINS_SHOWN]
    return render(request, "accounts/class_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def class_create(request: HttpRequest) -> HttpResponse:
    """Make a class and say who teaches it."""
    form = ClassForm(request.POST or None)
    if form.is_valid():
        try:
            school_class = school_classes.make_class(by=request.user, **form.cleaned_data)
        except CannotChange as error:
            form.add_error("name", error)
        else:
            text = _("Class %(name)s is there. Import its roster now.") % {"name": school_class}
            messages.success(request, text)
            return redirect("accounts:roster_import", school_class.pk)
    return render(
        request, "accounts/class_create.html", {"form": form}, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def class_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name, or other teachers."""
    school_class = get_object_or_404(queries.classes_for(request.user), pk=pk)
    form = ClassForm(request.POST or None, instance=school_class)
    seen, status = school_classes.seen_of(school_class), 200
    if request.method == "POST":
        seen, status = request.POST.get("seen", ""), 422
    if form.is_valid():
        try:
            school_classes.change_class(
                school_class, by=request.user, seen=seen, **form.cleaned_data
            )
        except CannotChange as error:
            form.add_error(None, error)
            status = 409 if isinstance(error, ChangedMeanwhile) else 422
        else:
            messages.success(request, _("Saved."))
            return redirect("accounts:class_detail", pk)
    # The form has written on its own copy what was typed.
    now = get_object_or_404(queries.classes_for(request.user), pk=pk)
    stale = status == 409
    context = {
        "school_class": now,
        "form": form,
        "stale": stale,
        "seen": school_classes.seen_of(now) if stale else seen,
        "teachers": now.teachers.all(),
    }
    return render(request, "accounts/class_edit.html", context, status=status)


@require_safe
@teacher_required
def class_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A class: its teachers and its roster, with who cannot sign in yet."""
    school_class = get_object_or_404(queries.classes_for(request.user), pk=pk)
    enrolments = school_class.enrolments.select_related("student", "student__link_mail")
    return render(
        request,
        "accounts/class_detail.html",
        {
            "school_class": school_class,
            "teachers": school_class.teachers.all(),
            "is_imported": IMPORTED in request.GET,
            "page": Paginator(enrolments, PAGE_SIZE).get_page(request.GET.get("page")),
        },
    )


@never_cache
@require_safe
@teacher_required
def class_links(request: HttpRequest, pk: int) -> HttpResponse:
    """One-time links to print and hand over, for students whom e-mail does not reach.

    A link is a key, so it is only shown while the student has no password, to whoever may vouch
    for the student, and is never kept: each visit makes it anew from the student's row.
    """
    school_class = get_object_or_404(queries.classes_for(request.user), pk=pk)
    waiting = list(
        queries.without_password(request.user)
        .filter(school_class=school_class)
        .select_related("student", "student__link_mail")
    )
    return render(
        request,
        "accounts/class_links.html",
        {
            "school_class": school_class,
            "is_imported": IMPORTED in request.GET,
            "strips": [
                {"enrolment": enrolment, "link": first_password_url(enrolment.student)}
                for enrolment in waiting
                if not gets_mail(enrolment.student)
            ],
            "mailed": [enrolment for enrolment in waiting if gets_mail(enrolment.student)],
            "has_students": bool(waiting) or school_class.enrolments.exists(),
            "email_is_configured": email_is_configured(),
            "days": link_days(),
        },
    )


@require_POST
@teacher_required
def class_links_send(request: HttpRequest, pk: int) -> HttpResponse:
    """E-mail the one-time link again to every student of the class without a password."""
    school_class = get_object_or_404(queries.classes_for(request.user), pk=pk)
    reached = send_class_links(school_class, by=request.user)
    if reached:
        text = ngettext(
            "%(count)s link will be e-mailed.", "%(count)s links will be e-mailed.", reached
        )
        messages.success(request, text % {"count": reached})
    else:
        messages.info(request, _("There is nobody to e-mail a link to."))
    return redirect("accounts:class_links", school_class.pk)

"""People, for admins: the list, a new person, and one person with what may be done for them.

For everybody else these pages do not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people, queries
from accounts.first_passwords import first_password_url, gets_mail, link_days
from accounts.forms_people import PeopleForm, PersonForm
from accounts.models import User
from accounts.password_links import send_links
from accounts.roles import admin_required

PAGE_SIZE = 50


@require_safe
@admin_required
def people_list(request: HttpRequest) -> HttpResponse:
    """Everybody, by name; searched, by role, by whether they can sign in."""
    form = PeopleForm(request.GET)
    form.is_valid()  # what means nothing chooses nothing
    wanted = {name: value for name, value in form.cleaned_data.items() if value}
    rows = Paginator(queries.people_rows(request.user, **wanted), PAGE_SIZE)
    context = {
        "form": form,
        "page": rows.get_page(request.GET.get("page")),
        "wanted": wanted,
        "query": f"&{urlencode(wanted)}" if wanted else "",
    }
    return render(request, "accounts/people.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def person_create(request: HttpRequest) -> HttpResponse:
    """Add a person; their link to choose a password is e-mailed, or shown to be handed over."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = people.add_person(by=request.user, **form.cleaned_data)
        except people.CannotChange as error:
            form.add_error(None, error)
        else:
            return _tell_added(request, person)
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/people_new.html", {"form": form}, status=status)


def _tell_added(request: HttpRequest, person: User) -> HttpResponse:
    if not gets_mail(person):
        text = _("%(person)s is there. Hand over the link below.") % {"person": person}
        messages.success(request, text)
        return redirect("accounts:person_link", person.pk)
    text = _("%(person)s is there. A link to choose a password is e-mailed to %(email)s.")
    messages.success(request, text % {"person": person, "email": person.email})
    return redirect("accounts:person_detail", person.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def person_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: name, address and role to be changed, and help with signing in."""
    person = _person(request, pk)
    own = person.pk == request.user.pk
    form = PersonForm(request.POST or None, person=person, own=own)
    seen, status = people.seen_of(person), 200
    if request.method == "POST":
        seen, status = request.POST.get("seen", ""), 422
    if form.is_valid():
        try:
            people.change_person(person, by=request.user, seen=seen, **form.cleaned_data)
        except people.ChangedMeanwhile as error:
            form.add_error(None, error)
            person, status = _person(request, pk), 409
            seen = people.seen_of(person)
        except people.CannotChange as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("accounts:person_detail", pk)
    context = {
        "person": person,
        "form": form,
        "own": own,
        "stale": status == 409,
        "seen": seen,
        "gets_mail": gets_mail(person),
        "classes": person.classes.all(),
        "enrolments": person.enrolments.select_related("school_class"),
    }
    return render(request, "accounts/people_person.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def person_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A one-time link to choose a password: shown to be handed over, or e-mailed.

    It is kept nowhere: each visit makes it anew from the person's row.
    """
    person = get_object_or_404(queries.people_for(request.user), pk=pk, is_active=True)
    if request.method != "POST":
        context = {"person": person, "link": first_password_url(person), "days": link_days()}
        return render(request, "accounts/people_link.html", context)
    if send_links([person]):
        messages.error(request, _("%(person)s has no e-mail address.") % {"person": person})
        return redirect("accounts:person_link", pk)
    text = _("A link to choose a password is e-mailed to %(email)s.")
    messages.success(request, text % {"email": person.email})
    return redirect("accounts:person_detail", pk)


@require_POST
@admin_required
def person_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close somebody's account and sign them out everywhere."""
    done = _("The account of %(person)s is closed.")
    return _carry_out(request, pk, people.close_account, done)


@require_POST
@admin_required
def person_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Open an account that was closed."""
    done = _("The account of %(person)s is open again.")
    return _carry_out(request, pk, people.open_account, done)


@require_POST
@admin_required
def person_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Take somebody's second factor away: a phone was lost."""
    done = _("%(person)s signs in without a code now, and was signed out everywhere.")
    not_needed = _("%(person)s has no second factor.")
    return _carry_out(request, pk, people.help_without_phone, done, not_needed)


@require_POST
@admin_required
def person_sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    """End all sign-ins of somebody."""
    done = _("%(person)s was signed out everywhere.")
    return _carry_out(request, pk, people.sign_out_everywhere, done)


def _carry_out(
    request: HttpRequest, pk: int, command: Callable[..., Any], done: str, not_needed: str = ""
) -> HttpResponse:
    """Do something with a person; their page says that it is `done`, `not_needed`, or why not."""
    person = _person(request, pk)
    try:
        outcome = command(person, by=request.user)
    except people.CannotChange as error:
        messages.error(request, " ".join(error.messages))
    else:
        text = not_needed if outcome is False else done
        messages.success(request, text % {"person": person})
    return redirect("accounts:person_detail", pk)


def _person(request: HttpRequest, pk: int) -> User:
    person: User = get_object_or_404(queries.people_for(request.user), pk=pk)
    return person

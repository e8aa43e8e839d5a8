"""Where a person is signed in: the list, and signing out one or all others."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import sessions

PAGE_SIZE = 50


@never_cache
@require_safe
def session_list(request: HttpRequest) -> HttpResponse:
    """The browsers and programs of a person, with when and from where."""
    rows = sessions.sessions_for(request.user)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "own": sessions.own_session(request)}
    return render(request, "accounts/sessions.html", context)


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign one browser or program out; one's own as well."""
    session = get_object_or_404(sessions.sessions_for(request.user), pk=pk)
    own = session.pk == sessions.own_session(request)
    sessions.end_session(session, by=request.user)
    if own:
        request.session.flush()
        return redirect("accounts:login")
    messages.success(request, _("Signed out there."))
    return redirect("accounts:sessions")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    sessions.end_sessions(request.user, keep=sessions.own_session(request))
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("accounts:sessions")

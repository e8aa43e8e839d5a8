"""The bell's page: a person's own lines, and what becomes of them when they are read."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import notifications

PAGE_SIZE = 50


@require_safe
def notification_list(request: HttpRequest) -> HttpResponse:
    """A person's notifications, newest first."""
    lines = Paginator(notifications.notifications_for(request.user), PAGE_SIZE)
    page = lines.get_page(request.GET.get("page"))
    return render(
        request,
        "accounts/notifications.html",
        {
            "page": page,
            "newest": max((line.pk for line in page), default=0),
            "any_unread": any(line.read_at is None for line in page),
        },
    )


@require_POST
def notification_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one line as read and go where it points."""
    line = get_object_or_404(notifications.notifications_for(request.user), pk=pk)
    notifications.mark_read(request.user, pk=line.pk)
    return redirect(line.url or "accounts:notifications")


@require_POST
def notifications_read(request: HttpRequest) -> HttpResponse:
    """Mark as read all lines up to the newest one that the page showed."""
    newest = request.POST.get("newest", "")
    if newest.isdecimal() and len(newest) < 19:
        notifications.mark_read(request.user, up_to=int(newest))
    return redirect("accounts:notifications")


@require_POST
def notifications_seen(request: HttpRequest) -> HttpResponse:
    """Mark as read the lines that lead to what is shown now; gives the bell as it is then."""
    url = request.POST.get("url", "")
    if url and "\0" not in url:
        notifications.mark_read(request.user, url=url)
    return render(request, "_bell.html")

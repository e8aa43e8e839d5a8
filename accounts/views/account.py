"""A person's own account: who Sheaf thinks they are."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.queries import classes_for, enrolments_for


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Name, user name, e-mail address, role and classes of the signed-in person."""
    context = (
        {"enrolments": enrolments_for(request.user).select_related("school_class")}
        if request.user.is_student
        else {"classes": classes_for(request.user) if request.user.is_teacher else []}
    )
    return render(request, "accounts/account.html", context)

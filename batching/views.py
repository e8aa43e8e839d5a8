"""The one page of the engine itself: is this process alive?"""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET


@require_GET
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers, empty and to everyone; says nothing about anything."""
    return HttpResponse(status=200)

"""Who may call a view at all: one decorator for each role.

A signed-in person of another role gets the same 404 as for a page that does not exist;
somebody who is not signed in was sent to the sign-in page by SignInFirst (signed_out.py). Which
rows they may see is the business of the querysets in queries.py.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Role

View = Callable[..., HttpResponse]


def _only(*roles: Role) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if getattr(request.user, "role", None) not in roles:
                raise Http404("No such page for this role.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


admin_required = _only(Role.ADMIN)
teacher_required = _only(Role.ADMIN, Role.TEACHER)
student_required = _only(Role.STUDENT)

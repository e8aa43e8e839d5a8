"""Who may call which view at all."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse

from accounts.roles import admin_required, student_required, teacher_required


@pytest.mark.parametrize(
    ("decorator", "allowed"),
    [
        (admin_required, {"admin"}),
        (teacher_required, {"admin", "alice"}),
        (student_required, {"carol"}),
    ],
)
def test_everybody_else_sees_nothing(decorator, allowed, admin, alice, carol, rf):
    view = decorator(lambda request: HttpResponse("here"))
    for name, user in {
        "admin": admin, "alice": alice, "carol": carol, "nobody": AnonymousUser(),
    }.items():  # fmt: skip
        request = rf.get("/")
        request.user = user
        if name in allowed:
            assert view(request).status_code == 200
        else:
            with pytest.raises(Http404):
                view(request)

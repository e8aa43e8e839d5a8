"""Pages and e-mails speak the language of whoever reads them.

Comes in: a request, or a person who is mailed. Goes out: the language that the person chose on
"My account", else the browser's, else the site's (SHEAF_LANGUAGE). Commands and workers speak
none of them: what they write into rows is English.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import User

API = "/api/"


def language_choices() -> list[tuple[str, object]]:
    """("", as the browser says) and every language there is, by its own name."""
    return [("", _("as the browser says")), *settings.LANGUAGES]


def set_language(user: User, code: str) -> None:
    """Speak to a person in this language; "" is the browser's, and in e-mails the site's."""
    if user.language != code:
        user.language = code
        user.save(update_fields=["language"])


def language_of(user: User) -> str:
    """The language of e-mails to a person."""
    return user.language if user.language in dict(settings.LANGUAGES) else settings.SHEAF_LANGUAGE


def language_for(request: HttpRequest) -> str:
    """The language of the answer to a request.

    A client of the API says with each request what it wants; what its person chose is for pages.
    """
    own = "" if request.path.startswith(API) else getattr(request.user, "language", "")
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    header = request.headers.get("Accept-Language", "")
    accepted = [name for name, _priority in parse_accept_lang_header(header)]
    for name in (own, chosen, *accepted):
        try:
            return translation.get_supported_language_variant(name)
        except LookupError:
            continue
    return settings.SHEAF_LANGUAGE


class LanguageMiddleware:
    """Answers in the language of the reader; the next request of this process begins anew."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = language_for(request)
        with translation.override(language):
            response = self.get_response(request)
        response.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response

"""Where people are signed in: browsers by their session, programs by their refresh token.

Comes in: a sign-in, a renewed token, a request now and then. Goes out: UserSession rows, and
their end: the session is deleted, the token goes onto simplejwt's blacklist.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import User, UserSession
from accounts.throttle import client_address

Kind = UserSession.Kind
# In a session and in a token: which row is its own; and when that was last brought up to date.
ROW, SEEN = "user_session", "user_session_seen"
# Being seen is written once in this time, so that a page costs nothing.
EVERY = timedelta(minutes=15)
OF_ADMIN = "All sign-ins were ended by an admin."


def sessions_for(user: User) -> QuerySet[UserSession]:
    """Where a person is signed in now, the last seen first."""
    return _open().filter(user=user)


def _open() -> QuerySet[UserSession]:
    now = timezone.now()
    browsers = Session.objects.filter(session_key=OuterRef("key"), expire_date__gt=now)
    programs = OutstandingToken.objects.filter(
        jti=OuterRef("key"), expires_at__gt=now, blacklistedtoken=None
    )
    return UserSession.objects.filter(
        Q(Exists(browsers), kind=Kind.BROWSER) | Q(Exists(programs), kind=Kind.PROGRAM)
    )


def forget_ended(older_than: timedelta) -> int:
    """Delete the rows of those who are signed in no more and were seen longer ago; how many."""
    old = UserSession.objects.filter(seen_at__lt=timezone.now() - older_than)
    return old.exclude(pk__in=_open()).delete()[0]


def own_session(request: HttpRequest) -> int | None:
    """The id of the row of the browser that asks."""
    row: int | None = request.session.get(ROW)
    return row


def _forget_ended(user: User) -> None:
    UserSession.objects.filter(user=user).exclude(pk__in=sessions_for(user)).delete()


def record_browser(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Note a browser that has signed in, and forget those that are signed in no more.

    Hears Django's user_logged_in, as django-axes does; the API sends that too, and notes itself.
    """
    session = request.session
    if session.get(SESSION_KEY) != str(user.pk):
        return
    if not session.session_key:
        session.save()
    _forget_ended(user)
    row, _ = UserSession.objects.update_or_create(
        key=session.session_key,
        defaults={"user": user, "kind": Kind.BROWSER, **_where(request)},
        create_defaults={
            "user": user,
            "kind": Kind.BROWSER,
            "created_at": timezone.now(),
            **_where(request),
        },
    )
    session[ROW], session[SEEN] = row.pk, row.seen_at.isoformat()


def record_program(request: HttpRequest, user: User, key: str, *, before: str = "") -> int:
    """Note a program by the id of its refresh token; `before` is the one that gave it.

    Gives the id of its row. One that signs in anew makes room as a browser does.
    """
    where = {"key": key, **_where(request)}
    row = UserSession.objects.filter(user=user, key=before).first() if before else None
    if row is not None:
        UserSession.objects.filter(pk=row.pk).update(**where)
        return row.pk
    _forget_ended(user)
    made = UserSession(user=user, kind=Kind.PROGRAM, created_at=timezone.now(), **where)
    made.save(force_insert=True)
    return made.pk


def follow_key(request: HttpRequest) -> None:
    """Keep hold of a browser whose session key has changed, as a new password makes it."""
    UserSession.objects.filter(pk=own_session(request)).update(key=request.session.session_key)


@transaction.atomic
def end_session(session: UserSession, *, by: User) -> None:
    """Sign one browser or program out."""
    lock_person(session.user_id)
    _end(UserSession.objects.filter(pk=session.pk, user=by))


@transaction.atomic
def end_sessions(user: User, *, keep: int | None = None) -> int:
    """Sign a person out everywhere but in the session `keep`; says of how many it was told."""
    lock_person(user.pk)
    rows = UserSession.objects.filter(user=user).exclude(pk=keep)
    count = sessions_for(user).exclude(pk=keep).count()
    # Also tokens from before there were rows, but not the one that is kept.
    kept = UserSession.objects.filter(pk=keep).values("key")
    _blacklist(OutstandingToken.objects.filter(user=user).exclude(jti__in=kept))
    _end(rows)
    return count


def end_sessions_of(user: User, *, by: User) -> int:
    """Sign somebody else out everywhere, as admins may; their history tells."""
    with transaction.atomic():
        note_in_history(lock_person(user.pk), OF_ADMIN, by=by)
        return end_sessions(user)


def lock_person(pk: int) -> User:
    """One at a time may change how a person signs in."""
    return User.objects.select_for_update(no_key=True).get(pk=pk)


def note_in_history(user: User, what: str, *, by: User | None) -> None:
    """A line in a person's history; `user` was just read under its lock."""
    user._change_reason, user._history_user = what, by
    user.save()


def _end(rows: QuerySet[UserSession]) -> None:
    keys = list(rows.values_list("key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    _blacklist(OutstandingToken.objects.filter(jti__in=keys))
    UserSession.objects.filter(pk__in=rows).delete()


def _blacklist(tokens: QuerySet[OutstandingToken]) -> None:
    BlacklistedToken.objects.bulk_create(
        [BlacklistedToken(token=token) for token in tokens.filter(blacklistedtoken=None)],
        ignore_conflicts=True,
    )


def _where(request: HttpRequest) -> dict[str, Any]:
    return {
        "address": client_address(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "").replace("\0", "")[:300],
        "seen_at": timezone.now(),
    }


class SessionsMiddleware:
    """Notes four times an hour where a browser was seen; the other requests cost nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            self._see(request)
        return self.get_response(request)

    def _see(self, request: HttpRequest) -> None:
        seen = request.session.get(SEEN)
        if seen and timezone.now() - datetime.fromisoformat(seen) > EVERY:
            where = _where(request)
            UserSession.objects.filter(pk=own_session(request)).update(**where)
            request.session[SEEN] = where["seen_at"].isoformat()

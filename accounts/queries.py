"""Which people, classes and students of them somebody may see.

Comes in: a user. Goes out: querysets that pages, API and commands filter further, so that a
stranger's row and a missing one look the same.
"""

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from accounts.models import Enrolment, Role, SchoolClass, User


def classes_for(user: User) -> QuerySet[SchoolClass]:
    """Classes somebody manages: all for admins, their own for teachers, none for students."""
    if user.is_admin:
        return SchoolClass.objects.all()
    if user.is_teacher:
        return SchoolClass.objects.filter(teachers=user)
    return SchoolClass.objects.none()


def enrolments_for(user: User) -> QuerySet[Enrolment]:
    """Enrolments somebody may see: those of their classes, or a student's own."""
    if user.is_admin:
        return Enrolment.objects.all()
    if user.is_teacher:
        return Enrolment.objects.filter(school_class__teachers=user)
    return Enrolment.objects.filter(student=user)


def class_rows(user: User) -> QuerySet[SchoolClass]:
    """The class list: classes with `student_count`, teachers at hand."""
    return (
        classes_for(user)
        .annotate(student_count=Count("enrolments", distinct=True))
        .order_by("name")
        .prefetch_related("teachers")
    )


def without_password(user: User) -> QuerySet[Enrolment]:
    """Enrolments whose student has never set a password and for whom `user` may vouch.

    Whoever holds a first link can become that student. A teacher therefore only reaches students
    all of whose classes are the teacher's own; admins reach everybody.
    """
    waiting = enrolments_for(user).filter(
        student__password__startswith=UNUSABLE_PASSWORD_PREFIX,
        student__role=Role.STUDENT,
        student__is_active=True,
    )
    if user.is_admin:
        return waiting
    elsewhere = Enrolment.objects.filter(student=OuterRef("student")).exclude(
        school_class__in=classes_for(user)
    )
    return waiting.exclude(Exists(elsewhere)) if user.is_teacher else Enrolment.objects.none()


class PeopleState(TextChoices):
    """Whether somebody can sign in, as a list of people is chosen by."""

    OPEN = "open", _("open accounts")
    WAITING = "waiting", _("without a password")
    CLOSED = "closed", _("closed accounts")


STATES = {
    PeopleState.OPEN: Q(is_active=True),
    PeopleState.WAITING: Q(is_active=True, password__startswith=UNUSABLE_PASSWORD_PREFIX),
    PeopleState.CLOSED: Q(is_active=False),
}


def people_for(user: User) -> QuerySet[User]:
    """Everybody for admins, with `has_code` for who has a second factor; nobody for others."""
    if not user.is_admin:
        return User.objects.none()
    return with_code(User.objects.select_related("link_mail"))


def with_code(people: QuerySet[User]) -> QuerySet[User]:
    """These people with `has_code`: whether each has set up a second factor."""
    apps = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    return people.annotate(has_code=Exists(apps))


def people_rows(user: User, *, search: str = "", role: str = "", state: str = "") -> QuerySet[User]:
    """The list of people by name; `search` is part of a name, user name or address."""
    rows = people_for(user)
    if search:
        fits = [Q(**{f"{field}__icontains": search}) for field in ("name", "username", "email")]
        rows = rows.filter(fits[0] | fits[1] | fits[2])
    if role:
        rows = rows.filter(role=role)
    if state:
        rows = rows.filter(STATES[PeopleState(state)])
    return rows.order_by("name", "pk")


def admins_to_ask() -> QuerySet[User]:
    """Whom a teacher asks for what only admins can do."""
    return User.objects.filter(role=Role.ADMIN, is_active=True).order_by("name", "pk")

"""Everybody over the API, for admins: the list, a new person, changes, and help with signing in.

Comes in: an admin. Goes out: what the page of people does, by the same forms and commands; for
everybody else nothing is there.
"""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import people, queries
from accounts.api.answers import (
    Nothing,
    asked,
    cleaned,
    lists,
    page_of,
    sent,
    sent_with_seen,
    versioned,
)
from accounts.first_passwords import first_password_url, gets_mail
from accounts.forms_people import PersonForm, values_of
from accounts.models import Role, User
from accounts.password_links import send_links
from accounts.queries import PeopleState
from accounts.roles import admin_required


class PersonRow(serializers.Serializer):
    """A person; `can_sign_in` once a password was chosen, while the account is open."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    username = serializers.CharField()
    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    is_active = serializers.BooleanField(help_text="False: the account is closed.")
    can_sign_in = serializers.BooleanField()
    has_second_factor = serializers.BooleanField(source="has_code")
    last_login = serializers.DateTimeField(allow_null=True)
    seen = serializers.SerializerMethodField(help_text="To be sent with a change.")

    def get_seen(self, person: Any) -> str:
        return people.seen_of(person)


class PeopleFilters(serializers.Serializer):
    search = serializers.CharField(
        default="", max_length=200, allow_blank=True, help_text="Of name, user name or address."
    )
    role = serializers.ChoiceField(Role.choices, default="")
    state = serializers.ChoiceField(
        PeopleState.choices, default="", help_text="waiting: open, without a password."
    )


class PersonChange(serializers.Serializer):
    """What becomes different of a person, and what you have seen of them."""

    name = serializers.CharField(max_length=200, required=False)
    username = serializers.CharField(max_length=150, required=False)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    role = serializers.ChoiceField(Role.choices, required=False)
    seen = serializers.CharField(max_length=64, required=False)


class NewPerson(serializers.Serializer):
    """Somebody to be added; without `username` it is the address."""

    name = serializers.CharField(max_length=200)
    username = serializers.CharField(max_length=150, default="", allow_blank=True)
    email = serializers.EmailField(max_length=254, default="", allow_blank=True)
    role = serializers.ChoiceField(Role.choices)


class PersonLink(serializers.Serializer):
    """A one-time link to choose a password; `link` is a key, "" where it is e-mailed."""

    by_mail = serializers.BooleanField()
    link = serializers.CharField()


class AddedPerson(PersonLink):
    person = PersonRow()


class LinkWish(serializers.Serializer):
    hand_over = serializers.BooleanField(
        default=False, help_text="Give the link here, also to somebody who has an address."
    )


class HadOne(serializers.Serializer):
    had_second_factor = serializers.BooleanField()


def person_or_404(request: Request, pk: int) -> User:
    person: User = get_object_or_404(queries.people_for(request.user), pk=pk)
    return person


def _row(request: Request, pk: int) -> Any:
    return PersonRow(person_or_404(request, pk)).data


@lists(PersonRow, PeopleFilters)
@extend_schema(methods=["POST"], request=NewPerson, responses={201: AddedPerson})
@api_view(["GET", "POST"])
@admin_required
def people_list(request: Request) -> Response:
    """Everybody; POST adds a person and e-mails their link, or gives it to be handed over."""
    if request.method == "GET":
        rows = queries.people_rows(request.user, **asked(PeopleFilters, request))
        return page_of(request, rows, PersonRow)
    values = cleaned(PersonForm(sent(NewPerson, request)))
    person = people.add_person(by=request.user, **values)
    return Response(_link(person) | {"person": _row(request, person.pk)}, status=201)


@extend_schema(methods=["GET"], responses=PersonRow)
@extend_schema(methods=["PATCH"], request=PersonChange, responses=versioned(PersonRow))
@api_view(["GET", "PATCH"])
@admin_required
def person_detail(request: Request, pk: int) -> Response:
    """One person; PATCH changes name, user name, address or role."""
    person = person_or_404(request, pk)
    if request.method == "PATCH":
        change = sent_with_seen(PersonChange, request)
        seen = change.pop("seen")
        form = PersonForm(values_of(person) | change, person=person)
        people.change_person(person, by=request.user, seen=seen, **cleaned(form))
    return Response(_row(request, pk))


@extend_schema(request=LinkWish, responses=PersonLink)
@api_view(["POST"])
@admin_required
def person_link(request: Request, pk: int) -> Response:
    """E-mail a one-time link to choose a password, or give it to be handed over."""
    person = get_object_or_404(queries.people_for(request.user), pk=pk, is_active=True)
    if sent(LinkWish, request)["hand_over"]:
        return Response({"by_mail": False, "link": first_password_url(person)})
    send_links([person])
    return Response(_link(person))


def _link(person: User) -> dict[str, Any]:
    by_mail = gets_mail(person)
    return {"by_mail": by_mail, "link": "" if by_mail else first_password_url(person)}


@extend_schema(request=Nothing, responses=PersonRow)
@api_view(["POST"])
@admin_required
def person_close(request: Request, pk: int) -> Response:
    """Close an account and end its sign-ins."""
    people.close_account(person_or_404(request, pk), by=request.user)
    return Response(_row(request, pk))


@extend_schema(request=Nothing, responses=PersonRow)
@api_view(["POST"])
@admin_required
def person_open(request: Request, pk: int) -> Response:
    """Open a closed account again."""
    people.open_account(person_or_404(request, pk), by=request.user)
    return Response(_row(request, pk))


@extend_schema(request=Nothing, responses=HadOne)
@api_view(["POST"])
@admin_required
def person_reset(request: Request, pk: int) -> Response:
    """Take a lost second factor away and end all sign-ins."""
    had_one = people.help_without_phone(person_or_404(request, pk), by=request.user)
    return Response({"had_second_factor": had_one})


@extend_schema(request=Nothing, responses=Nothing)
@api_view(["POST"])
@admin_required
def person_sign_out(request: Request, pk: int) -> Response:
    """End all sign-ins of somebody."""
    people.sign_out_everywhere(person_or_404(request, pk), by=request.user)
    return Response({})

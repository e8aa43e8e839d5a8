"""Two requests of the API at the same moment."""

from __future__ import annotations

from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from grading.models import Mark
from tests.races import on_postgresql, race

pytestmark = on_postgresql


def test_of_two_refreshes_with_one_token_only_the_first_gets_tokens(alice, client_of):
    token = client_of(alice).tokens["refresh"]

    def refresh() -> int:
        body = {"refresh": token}
        return APIClient().post("/api/v1/token/refresh/", body, format="json").status_code

    assert race(refresh, refresh) == 401
    assert OutstandingToken.objects.filter(blacklistedtoken=None).count() == 1


def test_of_two_changes_of_one_mark_the_second_sees_the_first(alices, mark):
    def change(awarded: str):
        body = {"awarded": awarded, "reason": "Looked again", "version": 1}
        return alices.patch(f"/api/v1/marks/{mark.pk}/", body, format="json")

    answer = race(lambda: change("2"), lambda: change("0"))
    assert (answer.status_code, answer.json()["theirs"]["awarded"]) == (409, "2")
    assert Mark.objects.get(pk=mark.pk).version == 2

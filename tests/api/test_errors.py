"""The one shape of an error, whoever refused: an endpoint, a command, the framework, the edge."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config.api_errors import EdgeMiddleware
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


def shape(answer) -> tuple[int, str]:
    """The status and the code of an error, which has the one shape."""
    body = answer.json()
    assert {"code", "message", "fields"} <= set(body)
    assert all(isinstance(texts, list) for texts in body["fields"].values())
    assert body["message"]
    return answer.status_code, body["code"]


def test_nobody_is_401_and_told_where_to_sign_in(db):
    answer = Client().get("/api/v1/me/")
    assert shape(answer) == (401, "not_authenticated")
    assert "/api/v1/token/" in answer.json()["message"]
    answer = Client().get("/api/v1/me/", HTTP_AUTHORIZATION="Bearer worn.out.token")
    assert shape(answer) == (401, "token_not_valid")
    assert "/api/v1/token/refresh/" in answer.json()["message"]


def test_what_is_not_there_is_404_wherever_it_is_not(alices):
    for path in ("exams/0/", "nowhere/", "exams/0/file/", "pages/1/image/", "exams/?page=9"):
        assert shape(alices.get(f"/api/v1/{path}")) == (404, "not_found")


def test_a_missing_slash_is_a_404_like_any_other_address(alices):
    assert shape(alices.get("/api/v1/exams")) == (404, "not_found")


def test_a_verb_that_is_not_taken_is_405(alices, exam):
    answer = alices.delete(f"/api/v1/exams/{exam.pk}/")
    assert shape(answer) == (405, "method_not_allowed")
    assert {"GET", "PATCH"} <= set(answer["Allow"].split(", "))


def test_a_format_that_is_not_given_is_406_and_says_so_in_json(alices):
    assert shape(alices.get("/api/v1/me/", HTTP_ACCEPT="text/html")) == (406, "not_acceptable")


def test_a_body_of_another_kind_is_415(alices):
    answer = alices.post("/api/v1/exams/", "title=x", content_type="text/plain")
    assert shape(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[",
        '{"up_to": NaN}',
        '{"up_to": 1, "up_to": 2}',
        "[" * 100_000,
        b"\xff",
        '"x"',
        "[]",
        r'{"up_to": "\ud800"}',
    ],
)
def test_a_body_that_means_nothing_or_two_things_is_400(alices, body):
    answer = alices.post("/api/v1/notifications/read/", body, content_type="application/json")
    status, code = shape(answer)
    assert status == 400
    assert code in ("parse_error", "invalid")


def test_wrong_fields_are_named(alices, x_b):
    answer = alices.post("/api/v1/exams/", {"title": "", "school_class": "x"}, format="json")
    assert shape(answer) == (400, "invalid")
    assert set(answer.json()["fields"]) == {"title", "school_class", "subject"}


def test_the_forms_own_errors_carry_the_apis_names(alices, x_b):
    exam = {"title": "T", "school_class": x_b.pk, "subject": " ", "second_provider": "nobody"}
    answer = alices.post("/api/v1/exams/", exam, format="json")
    assert set(answer.json()["fields"]) == {"subject"}
    answer = alices.post("/api/v1/exams/", {**exam, "subject": "Biology"}, format="json")
    assert shape(answer) == (400, "invalid")
    assert set(answer.json()["fields"]) == {"second_provider"}


def test_nested_errors_are_named_by_their_way(alices, exam):
    sheet = make_sheet(exam, state="mapped")
    body = {"awards": {"Q1": {"awarded": "many"}, "Q2": {"awarded": 1}}}
    answer = alices.post(f"/api/v1/sheets/{sheet.pk}/grade/", body, format="json")
    assert set(answer.json()["fields"]) == {"awards.Q1.awarded"}


def test_an_illegal_move_is_409_and_says_what_the_state_is(alices, exam):
    sheet = make_sheet(exam, state="graded")
    answer = alices.post(f"/api/v1/sheets/{sheet.pk}/skip/")
    assert shape(answer) == (409, "conflict")
    assert "to be reviewed" in answer.json()["message"]


def test_a_body_too_large_is_turned_away_unread(alices, exam, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = alices.post("/api/v1/exams/", {"title": "x" * 200}, format="json")
    assert shape(answer) == (413, "too_large")
    settings.SHEAF_UPLOAD_MAX_MB = -1
    answer = alices.post(f"/api/v1/exams/{exam.pk}/uploads/", b"x" * 200, content_type="x/y")
    assert shape(answer) == (413, "too_large")


def test_a_body_without_a_length_is_411(alices):
    answer = alices.post(
        "/api/v1/exams/", b"", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked"
    )
    assert shape(answer) == (411, "length_required")


def test_a_host_that_is_not_ours_is_400(db):
    assert shape(Client().get("/api/v1/me/", HTTP_HOST="evil.example")) == (400, "bad_request")


def test_a_bug_is_500_in_the_same_shape_and_pages_stay_pages(db):
    def broken(request):
        return HttpResponse("<h1>a page</h1>", status=500)

    middleware = EdgeMiddleware(broken)
    assert b'"code": "error"' in middleware(RequestFactory().get("/api/v1/x/")).content
    assert middleware(RequestFactory().get("/exams/")).content == b"<h1>a page</h1>"


def test_so_many_requests_a_minute_and_no_more(alice, client_of, settings):
    settings.SHEAF_API_RATE_PERSON = 2
    client = client_of(alice)
    assert [client.get("/api/v1/me/").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/api/v1/me/")
    assert shape(refused) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 61


def test_so_many_requests_from_one_address_whoever_asks(alice, bob, client_of, settings):
    people = [client_of(alice), client_of(bob)]
    settings.SHEAF_API_RATE_ADDRESS = 2
    here = {"REMOTE_ADDR": "192.0.2.7"}
    codes = [client.get("/api/v1/me/", **here).status_code for client in people * 2]
    assert codes == [200, 200, 429, 429]
    assert people[0].get("/api/v1/me/", REMOTE_ADDR="192.0.2.8").status_code == 200
    # Signing in counts as well.
    assert Client().post("/api/v1/token/", **here).status_code == 429


def test_names_of_strangers_things_say_the_same_nothing(client_of, alice, bob, exam):
    bobs = client_of(bob)
    stranger = bobs.get(f"/api/v1/exams/{exam.pk}/")
    assert stranger.json() == bobs.get("/api/v1/exams/0/").json()


def test_nothing_that_the_api_says_is_kept_in_a_cache(alices, exam):
    for path in ("me/", "exams/", f"exams/{exam.pk}/file/", "nowhere/", "schema/"):
        assert "no-store" in alices.get(f"/api/v1/{path}")["Cache-Control"], path

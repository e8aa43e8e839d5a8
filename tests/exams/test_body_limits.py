"""Requests that are too large: turned away before a byte of them is read."""

import io

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db
MB = 1_000_000


class Body(io.RawIOBase):
    """A body of `size` bytes without end in sight, which counts what is read of it."""

    def __init__(self, size: int) -> None:
        self.size, self.taken = size, 0

    def read(self, size: int = -1) -> bytes:
        size = min(self.size - self.taken, 65536 if size < 0 else size)
        self.taken += size
        return b"0" * size


def post(path: str, body: Body, browser: Client | None = None, **environ) -> tuple[int, str]:
    """The answer to a form with a file, as a web server hands the request to Sheaf."""
    browser = browser or Client()
    browser.handler.enforce_csrf_checks = True
    # With this cookie, which anybody can send, the token is looked for in the body.
    browser.cookies["csrftoken"] = "x" * 32
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "wsgi.input": body,
        **environ,
    }
    answer = browser.request(**environ)
    return answer.status_code, answer.content.decode()


@pytest.mark.parametrize("path", ["/sign-in/", "/forgotten/", "/admin/login/", "/classes/new/"])
def test_nobody_fills_the_disk_through_a_page_that_takes_no_files(path):
    body = Body(12 * MB)
    status, text = post(path, body, CONTENT_LENGTH=str(12 * MB))
    assert status == 413
    assert "at most 10 MB" in text
    assert body.taken == 0


def test_a_body_that_fits_goes_on(client):
    body = Body(9 * MB)
    status, _ = post("/sign-in/", body, CONTENT_LENGTH=str(9 * MB))
    assert status != 413
    assert body.taken > 0


def test_an_answer_key_may_be_as_large_as_its_page_says_and_no_larger(sign_in, alice, exam):
    url = reverse("exams:answer_key_read", args=[exam.pk])
    for size, refused in ((20 * MB, False), (22 * MB, True)):
        body = Body(size)
        status, _ = post(url, body, sign_in(alice), CONTENT_LENGTH=str(size))
        assert (status == 413, body.taken == 0) == (refused, refused)


def test_sheets_have_a_limit_of_their_own(sign_in, alice, exam, settings):
    url = reverse("exams:upload_create", args=[exam.pk])
    body = Body(12 * MB)
    status, _ = post(url, body, sign_in(alice), CONTENT_LENGTH=str(12 * MB))
    assert status != 413
    assert body.taken > 0
    settings.SHEAF_UPLOAD_MAX_MB = 1
    body = Body(12 * MB)
    status, text = post(url, body, sign_in(alice), CONTENT_LENGTH=str(12 * MB))
    assert (status, body.taken) == (422, 0)
    assert "1 MB" in text


@pytest.mark.parametrize("sheets", [False, True])
def test_a_body_without_a_length_is_not_taken_for_an_empty_form(sign_in, alice, exam, sheets):
    """A chunked request: Django reads nothing of it, and must not say that nothing was chosen."""
    url = reverse("exams:upload_create", args=[exam.pk]) if sheets else "/sign-in/"
    body = Body(12 * MB)
    status, text = post(url, body, sign_in(alice), HTTP_TRANSFER_ENCODING="chunked")
    assert (status, body.taken) == (411, 0)
    assert "how long it is" in text


def test_a_length_that_is_no_number_reads_nothing():
    body = Body(12 * MB)
    post("/sign-in/", body, CONTENT_LENGTH="many")
    assert body.taken == 0


def test_htmx_gets_the_words_alone(sign_in, alice):
    _, text = post(
        "/classes/new/",
        Body(0),
        sign_in(alice),
        CONTENT_LENGTH=str(12 * MB),
        HTTP_HX_REQUEST="true",
    )
    assert "at most 10 MB" in text
    assert "<html" not in text

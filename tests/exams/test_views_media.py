"""Pictures of pages reach exactly those who may see the sheet, and are never cached."""

import re
import uuid

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import make_sheet

PICTURES = ("page_image", "page_thumbnail")


def address(name, page_id):
    return reverse(f"exams:{name}", args=[page_id])


def body(response):
    return b"".join(response.streaming_content)


@pytest.fixture
def published(exam, carols_enrolment):
    return make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2)


@pytest.fixture
def page(published):
    return published.pages.get(number=1)


@pytest.mark.parametrize("name", PICTURES)
def test_somebody_who_is_not_signed_in_is_sent_to_the_sign_in_page(page, name):
    response = Client().get(address(name, page.public_id))
    assert response.status_code == 302
    assert response.url.startswith(reverse("accounts:login"))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    ("person", "status"),
    [("admin", 200), ("alice", 200), ("bob", 404), ("carol", 200), ("dora", 404)],
)
def test_only_those_who_may_see_the_sheet_get_the_picture(
    request, sign_in, page, name, person, status
):
    client = sign_in(request.getfixturevalue(person))
    assert client.get(address(name, page.public_id)).status_code == status


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("state", ["mapped", "in_batch", "graded", "reviewed", "overridden"])
def test_a_student_does_not_get_their_own_page_before_it_is_published(
    sign_in, exam, carols_enrolment, carol, name, state
):
    sheet = make_sheet(exam, state=state, enrolment=carols_enrolment)
    assert sign_in(carol).get(address(name, sheet.pages.get().public_id)).status_code == 404


@pytest.mark.parametrize("name", PICTURES)
def test_a_strangers_page_and_a_missing_one_look_the_same(sign_in, bob, page, name):
    client = sign_in(bob)
    foreign = client.get(address(name, page.public_id))
    missing = client.get(address(name, uuid.uuid4()))
    assert foreign.status_code == missing.status_code == 404
    # The form token is masked anew in every answer; nothing else may differ.
    same = [re.sub(r"[A-Za-z0-9]{64}", "token", page.text) for page in (foreign, missing)]
    assert same[0] == same[1]
    assert foreign.headers.keys() == missing.headers.keys()


@pytest.mark.parametrize("name", PICTURES)
def test_a_dropped_page_exists_for_the_teacher_only(sign_in, alice, carol, page, name):
    page.dropped_at = timezone.now()
    page.save()
    assert sign_in(carol).get(address(name, page.public_id)).status_code == 404
    assert sign_in(alice).get(address(name, page.public_id)).status_code == 200


def test_the_picture_is_the_stored_one_and_is_kept_nowhere(sign_in, carol, page):
    response = sign_in(carol).get(address("page_image", page.public_id))
    with default_storage.open(page.image) as file:
        assert body(response) == file.read()
    assert response["Content-Type"] == "image/jpeg"
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'inline; filename="page-1.jpg"'


def test_a_png_page_says_that_it_is_one(sign_in, alice, page):
    page.image = default_storage.save("pages/one.png", ContentFile(b"\x89PNG\r\n\x1a\n"))
    page.save()
    response = sign_in(alice).get(address("page_image", page.public_id))
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"] == 'inline; filename="page-1.png"'


def test_the_thumbnail_is_another_file_than_the_page(sign_in, alice, page):
    page.thumbnail = default_storage.save("thumbnails/small.jpg", ContentFile(b"small"))
    page.save()
    response = sign_in(alice).get(address("page_thumbnail", page.public_id))
    assert body(response) == b"small"


def test_a_picture_that_storage_lost_is_a_404_and_is_logged_without_names(
    sign_in, alice, page, caplog
):
    default_storage.delete(page.image)
    response = sign_in(alice).get(address("page_image", page.public_id))
    assert response.status_code == 404
    assert f"page {page.pk}: a picture is missing" in caplog.text
    assert page.sheet.name not in caplog.text


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_can_only_be_read(sign_in, alice, page, name):
    assert sign_in(alice).post(address(name, page.public_id)).status_code == 405


def test_a_picture_costs_three_queries(sign_in, carol, page, django_assert_max_num_queries):
    client = sign_in(carol)
    with django_assert_max_num_queries(3):
        client.get(address("page_image", page.public_id))

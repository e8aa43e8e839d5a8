"""Uploading papers: who may, what is taken and what is refused with words."""

import io
import zipfile

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from exams.models import Upload
from tests.exams.clicks import PEOPLE, detail, form_address
from tests.factories import make_sheet, make_upload, page_picture

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def zip_of(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def hand_in(client, exam, *files, **extra):
    chosen = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(form_address(exam), {"files": chosen}, **extra)


def stored_files():
    return default_storage.listdir("uploads")[1] if default_storage.exists("uploads") else []


# -- who may ------------------------------------------------------------------------------


@pytest.fixture
def carol_has_a_result(exam, carols_enrolment):
    """The exam exists for Carol: only her role keeps her from the staff pages."""
    return make_sheet(exam, state="published", enrolment=carols_enrolment)


@pytest.mark.usefixtures("carol_has_a_result")
@pytest.mark.parametrize("name", ["upload_create", "upload_detail", "upload_progress"])
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_see_uploads(request, sign_in, exam, name, person, may):
    thing = exam if name == "upload_create" else make_upload(exam)
    client = sign_in(request.getfixturevalue(person))
    response = client.get(reverse(f"exams:{name}", args=[thing.pk]))
    assert response.status_code == (200 if may else 404)


@pytest.mark.usefixtures("carol_has_a_result")
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_hand_sheets_in(request, sign_in, exam, person, may):
    before = Upload.objects.count()
    client = sign_in(request.getfixturevalue(person))
    response = hand_in(client, exam, ("84B003.pdf", PDF))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.count() == before + may


@pytest.mark.parametrize("name", ["upload_create", "upload_detail", "upload_progress"])
def test_somebody_who_is_not_signed_in_is_sent_to_the_sign_in_page(exam, name):
    thing = exam if name == "upload_create" else make_upload(exam)
    for response in (
        Client().get(reverse(f"exams:{name}", args=[thing.pk])),
        hand_in(Client(), exam, ("84B003.pdf", PDF)),
        Client().post(reverse("exams:upload_retry", args=[make_upload(exam).pk])),
    ):
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:login"))


def test_an_upload_without_the_forms_token_is_refused(alice, exam):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert hand_in(client, exam, ("84B003.pdf", PDF)).status_code == 403
    assert not Upload.objects.exists()


# -- handing in ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("class.zip", zip_of(**{"84B003.pdf": PDF})),
        ("84B003.pdf", PDF),
        ("84B003.jpg", page_picture()),
    ],
)
def test_a_zip_a_pdf_or_a_picture_becomes_an_upload(sign_in, alice, exam, name, content):
    response = hand_in(sign_in(alice), exam, (name, content))
    upload = Upload.objects.get()
    assert response.url == detail(upload)
    assert upload.original_name == name
    assert upload.uploaded_by == alice
    assert upload.state == "received"
    with default_storage.open(upload.file) as file:
        assert file.read() == content


def test_several_pictures_are_the_pages_of_one_sheet_in_the_order_of_their_names(
    sign_in, alice, exam
):
    names = ["84B003 page 10.jpg", "84B003 page 2.jpg", "84B003 page 1.jpg"]
    hand_in(sign_in(alice), exam, *((name, page_picture(name)) for name in names))
    upload = Upload.objects.get()
    with default_storage.open(upload.file) as file, zipfile.ZipFile(file) as archive:
        members = sorted(archive.namelist())
        assert [name.partition("/")[0] for name in members] == ["84B003"] * 3
        assert [archive.read(name) for name in members] == [
            page_picture(name) for name in reversed(names)
        ]


def test_the_same_pictures_again_are_recognised_whatever_their_order(sign_in, alice, exam):
    client = sign_in(alice)
    files = [(f"page-{number}.jpg", page_picture(str(number))) for number in (1, 2)]
    hand_in(client, exam, *files)
    assert hand_in(client, exam, *reversed(files)).status_code == 422
    assert Upload.objects.count() == 1


def test_the_same_file_again_names_the_first_and_links_to_it(sign_in, alice, exam):
    client = sign_in(alice)
    hand_in(client, exam, ("class.pdf", PDF))
    response = hand_in(client, exam, ("class-again.pdf", PDF))
    first = Upload.objects.get()
    assert response.status_code == 422
    assert f'href="{detail(first)}">class.pdf</a>' in response.text


def test_a_file_of_another_kind_is_refused_by_its_content(sign_in, alice, exam):
    response = hand_in(sign_in(alice), exam, ("papers.zip", b"just text, whatever its name"))
    assert response.status_code == 422
    assert "ZIP" in response.text
    assert 'role="alert"' in response.text
    assert not Upload.objects.exists()


def test_several_files_that_are_not_all_pictures_are_refused(sign_in, alice, exam):
    response = hand_in(sign_in(alice), exam, ("page-1.jpg", page_picture()), ("84B003.jpg", PDF))
    assert response.status_code == 422
    assert "“84B003.jpg” is not a picture" in response.text
    assert not Upload.objects.exists()


def test_more_pictures_than_a_sheet_may_have_are_refused(sign_in, alice, exam, settings):
    settings.SHEAF_SHEET_MAX_PAGES = 2
    files = [(f"{number}.jpg", page_picture(str(number))) for number in range(3)]
    response = hand_in(sign_in(alice), exam, *files)
    assert response.status_code == 422
    assert "3 pictures" in response.text
    assert not Upload.objects.exists()


def test_an_empty_form_and_an_empty_file_are_refused(sign_in, alice, exam):
    client = sign_in(alice)
    nothing = client.post(form_address(exam))
    assert nothing.status_code == 422
    assert "Choose a ZIP, a PDF or pictures first." in nothing.text
    empty = hand_in(client, exam, ("84B003.pdf", b""))
    assert empty.status_code == 422
    assert "empty" in empty.text


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(sign_in, alice, exam, settings):
    settings.SHEAF_UPLOAD_MAX_MB = 0.001
    response = hand_in(sign_in(alice), exam, ("84B003.pdf", PDF + b" " * 2000))
    assert response.status_code == 422
    assert "0.001 MB" in response.text
    assert not Upload.objects.exists()
    assert not stored_files()


@pytest.mark.parametrize(("person", "status"), [("alice", 422), ("bob", 404), ("carol", 404)])
def test_a_file_far_too_large_or_from_a_stranger_is_turned_away_unread(
    request, exam, person, status
):
    client = Client(enforce_csrf_checks=True)
    client.force_login(request.getfixturevalue(person))
    # The body is shorter than it says: reading it raises.
    response = client.generic(
        "POST",
        form_address(exam),
        b"--x",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(int(django_settings.SHEAF_UPLOAD_MAX_MB * 1e6) * 2),
    )
    assert response.status_code == status


def test_the_form_says_what_is_accepted_and_the_limits_of_the_settings(
    sign_in, alice, exam, settings
):
    settings.SHEAF_UPLOAD_MAX_MEMBERS = 4321
    settings.SHEAF_SHEET_MAX_PAGES = 37
    text = sign_in(alice).get(form_address(exam)).text
    assert "4,321" in text
    assert "37 pages" in text
    assert 'enctype="multipart/form-data"' in text


def test_earlier_uploads_are_listed(sign_in, alice, exam, django_assert_max_num_queries):
    client = sign_in(alice)
    make_upload(exam, original_name="first-scan.zip")
    for more in (0, 15):
        for _ in range(more):
            make_upload(exam)
        with django_assert_max_num_queries(5):
            assert "first-scan.zip" in client.get(form_address(exam)).text

"""The page that imports a roster."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Enrolment, User

NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


@pytest.fixture
def upload(sign_in, alice, x_b):
    """Uploads a roster for X-B as alice."""
    client = sign_in(alice)

    def _upload(data, follow=True):
        file = SimpleUploadedFile("roster.csv", data)
        return client.post(f"/classes/{x_b.pk}/roster/", {"file": file}, follow=follow)

    return _upload


def test_a_good_file_leads_to_the_class_and_says_what_changed(upload, x_b, carol):
    response = upload(b"roll_number,name,email\n90B001,Kofi Farouk,kofi@example.org\n")
    assert response.redirect_chain == [(f"/classes/{x_b.pk}/?imported", 302)]
    page = response.content.decode()
    assert "1 added, 0 changed, 0 as before" in page
    assert "left as they are: 84B003." in page
    assert "Kofi Farouk" in page


def test_students_without_mail_lead_to_their_links(upload, x_b, settings):
    settings.EMAIL_BACKEND = NO_MAIL
    response = upload(b"roll_number,name\n90B001,Kofi Farouk\n")
    assert response.redirect_chain == [(f"/classes/{x_b.pk}/links/?imported", 302)]
    assert "/password/" in response.content.decode()


@pytest.mark.parametrize("backend", [NO_MAIL, "django.core.mail.backends.locmem.EmailBackend"])
def test_a_good_file_leads_on_to_an_exam(upload, x_b, settings, backend, sign_in, alice):
    settings.EMAIL_BACKEND = backend
    response = upload(b"roll_number,name,email\n90B001,Kofi Farouk,kofi@example.org\n")
    page = response.content.decode()
    assert "What comes next" in page
    assert 'href="/exams/new/"' in page
    plain = sign_in(alice).get(response.redirect_chain[-1][0].split("?")[0]).content.decode()
    assert "What comes next" not in plain


def test_other_columns_of_the_file_are_ignored_and_named(upload, x_b):
    page = upload(b"roll_number,name,phone,<b>\n90B001,Kofi Farouk,5,6\n").content.decode()
    assert "were ignored: phone, &lt;b&gt;." in page
    assert x_b.enrolments.get(roll_number="90B001").student.name == "Kofi Farouk"
    faulty = upload(b"roll_number,name,phone\n90B002,,5\n").content.decode()
    assert "were ignored: phone." in faulty


def test_a_faulty_file_shows_every_row_with_its_problem_and_imports_nothing(upload):
    before = User.objects.count()
    response = upload(b"roll_number,name,email\n1,Kofi,kofi@example.org\n2,,\n3,Uma <i>,nonsense\n")
    page = response.content.decode()
    assert response.status_code == 422
    assert "2 problems" in page
    assert "name is missing." in page
    assert "Uma &lt;i&gt;" in page
    assert "Kofi</td>" not in page
    assert (User.objects.count(), Enrolment.objects.count()) == (before, 0)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"roll_number,phone\n1,2\n", "phone"),
        ("roll_number,name\n1,Zoë\n".encode("latin-1"), "neither UTF-8 nor UTF-16"),
        (b"x" * (1024 * 1024 + 1), "a roster has at most"),
    ],
)
def test_a_file_that_is_no_roster_is_422_with_the_reason(upload, data, text):
    response = upload(data)
    assert response.status_code == 422
    assert text in response.content.decode()


def test_the_same_file_again_says_that_all_is_as_before(upload):
    data = b"roll_number,name\n90B001,Kofi Farouk\n"
    upload(data)
    assert "0 added, 0 changed, 1 as before" in upload(data).content.decode()

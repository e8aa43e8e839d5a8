"""Uploading papers: what is taken, what is refused with words, and watching it work."""

import io
import zipfile

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from exams.models import Upload, UploadMember
from exams.views.uploads import FAILED_SHOWN, LINES_PER_SCREEN
from tests.factories import make_sheet, make_upload, page_picture

PEOPLE = [("admin", True), ("alice", True), ("bob", False), ("carol", False), ("dora", False)]
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def zip_of(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def form_address(exam):
    return reverse("exams:upload_create", args=[exam.pk])


def hand_in(client, exam, *files, **extra):
    chosen = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(form_address(exam), {"files": chosen}, **extra)


def detail(upload, query=""):
    return reverse("exams:upload_detail", args=[upload.pk]) + query


def progress(upload, query=""):
    return reverse("exams:upload_progress", args=[upload.pk]) + query


def report_line(upload, name, outcome="accepted", **fields):
    return UploadMember.objects.create(upload=upload, name=name, outcome=outcome, **fields)


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
def test_only_the_own_teacher_and_admins_hand_papers_in(request, sign_in, exam, person, may):
    before = Upload.objects.count()
    client = sign_in(request.getfixturevalue(person))
    response = hand_in(client, exam, ("84B003.pdf", PDF))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.count() == before + may


@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_retry_an_upload(request, sign_in, exam, person, may):
    upload = make_upload(exam, state="failed", problem="The ZIP is damaged.")
    client = sign_in(request.getfixturevalue(person))
    response = client.post(reverse("exams:upload_retry", args=[upload.pk]))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.get().state == ("received" if may else "failed")


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


# -- watching -----------------------------------------------------------------------------


def test_progress_asks_for_itself_again_while_the_file_is_unpacked(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking", member_count=4)
    report_line(upload, "84B003.pdf")
    client = sign_in(alice)
    for text in (client.get(detail(upload)).text, client.get(progress(upload)).text):
        assert 'hx-trigger="every 2s"' in text
        assert f'hx-get="{progress(upload)}?report=awaited"' in text
        assert "1 of 4" in text


def test_progress_goes_on_while_papers_are_read(sign_in, alice, exam):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload)
    make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    text = sign_in(alice).get(progress(upload)).text
    assert f'hx-get="{progress(upload)}"' in text
    assert "1 of 2" in text


@pytest.mark.parametrize("state", ["unpacked", "failed"])
def test_progress_stops_by_arriving_without_its_trigger(sign_in, alice, exam, state):
    upload = make_upload(exam, state=state, problem="The ZIP is damaged.")
    make_sheet(exam, upload=upload)
    make_sheet(exam, upload=upload, state="failed", suggested_at=None, inspected_at=None)
    text = sign_in(alice).get(progress(upload)).text
    assert 'id="upload-progress"' in text
    assert "hx-trigger" not in text
    assert "<html" not in text


def test_the_report_comes_once_with_the_end_of_unpacking(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking", member_count=1)
    client = sign_in(alice)
    assert "upload-report" not in client.get(progress(upload, "?report=awaited")).text
    upload.finish()
    upload.save()
    report_line(upload, "notes.txt", "refused", reason="It is text.")
    awaited = client.get(progress(upload, "?report=awaited")).text
    assert 'id="upload-report" hx-swap-oob="true"' in awaited
    assert "It is text." in awaited
    assert "upload-report" not in client.get(progress(upload)).text


def test_the_report_has_a_line_for_every_file_with_the_refused_first(sign_in, alice, exam):
    upload = make_upload(exam, member_count=4)
    sheet = make_sheet(exam, upload=upload)
    report_line(upload, "a-accepted.pdf", sheet=sheet)
    report_line(upload, "b-ignored", "ignored", reason="Made by the computer.")
    report_line(upload, "c-repeated.pdf", "repeated", reason="The same paper came before.")
    report_line(upload, "d-refused.exe", "refused", reason="It is a program.")
    text = sign_in(alice).get(detail(upload)).text
    order = ["d-refused.exe", "c-repeated.pdf", "b-ignored", "a-accepted.pdf"]
    places = [text.index(name) for name in order]
    assert places == sorted(places)
    for reason in ("It is a program.", "The same paper came before.", "Made by the computer."):
        assert reason in text
    assert reverse("exams:sheet_pages", args=[sheet.pk]) in text


def test_a_file_that_was_accepted_but_whose_sheet_failed_says_so(sign_in, alice, exam):
    upload = make_upload(exam)
    sheet = make_sheet(exam, upload=upload, state="failed", problem="The PDF is damaged.", pages=0)
    report_line(upload, "84B003.pdf", sheet=sheet)
    text = sign_in(alice).get(detail(upload)).text
    assert "The sheet failed: The PDF is damaged." in text


def test_a_sheet_that_failed_does_not_keep_the_progress_from_ending(sign_in, alice, exam):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload)
    nothing = {"rendered_at": None, "inspected_at": None, "pages": 0}
    make_sheet(exam, upload=upload, state="failed", problem="Damaged.", **nothing)
    shown = sign_in(alice).get(progress(upload)).context["progress"]
    assert (shown.rendered, shown.to_render, shown.failed) == (1, 1, 1)
    assert (shown.inspected, shown.to_inspect) == (1, 1)


def test_a_long_report_comes_in_screens_and_by_outcome(sign_in, alice, exam):
    upload = make_upload(exam)
    UploadMember.objects.bulk_create(
        UploadMember(upload=upload, name=f"{number:05d}.pdf", outcome="accepted")
        for number in range(LINES_PER_SCREEN + 5)
    )
    report_line(upload, "notes.txt", "refused", reason="It is text.")
    client = sign_in(alice)
    first = client.get(detail(upload)).context["screen"]
    assert (len(first.object_list), first.paginator.count) == (100, 106)
    assert first.object_list[0].name == "notes.txt"
    assert len(client.get(detail(upload, "?page=2")).context["screen"].object_list) == 6
    refused = client.get(detail(upload, "?outcome=refused")).context["screen"]
    assert [line.name for line in refused] == ["notes.txt"]


def test_failed_sheets_are_shown_with_their_reason_and_a_retry(sign_in, alice, exam):
    upload = make_upload(exam)
    for number in range(FAILED_SHOWN + 2):
        sheet = make_sheet(
            exam, upload=upload, state="failed", problem=f"Damaged: {number}.", pages=0
        )
    text = sign_in(alice).get(detail(upload)).text
    assert "Damaged: 0." in text
    assert text.count('name="back" value="upload"') == FAILED_SHOWN
    assert f"{reverse('exams:mapping', args=[exam.pk])}?tab=failed" in text
    assert "2 more" in text
    assert sheet.state == "failed"


def test_a_failed_upload_says_why_and_can_be_tried_again(sign_in, alice, exam):
    upload = make_upload(exam, state="failed", problem="The ZIP is damaged: its end is missing.")
    client = sign_in(alice)
    text = client.get(detail(upload)).text
    assert "its end is missing" in text
    address = reverse("exams:upload_retry", args=[upload.pk])
    assert address in text
    assert client.post(address).url == detail(upload)
    assert Upload.objects.get().state == "received"
    assert client.post(address).status_code == 409


@pytest.mark.parametrize("name", ["upload_skip", "upload_unskip"])
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_leave_an_upload_out(
    request, sign_in, exam, name, person, may
):
    before, after = {
        "upload_skip": ("unpacked", "skipped"),
        "upload_unskip": ("skipped", "unpacked"),
    }[name]
    upload = make_upload(exam, state=before)
    client = sign_in(request.getfixturevalue(person))
    looked = client.get(reverse(f"exams:{name}", args=[upload.pk]))
    assert looked.status_code in (404, 405)
    assert Upload.objects.get().state == before
    response = client.post(reverse(f"exams:{name}", args=[upload.pk]))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.get().state == (after if may else before)


def test_a_wrong_upload_is_left_out_on_its_page_and_taken_in_again(sign_in, alice, exam):
    upload = make_upload(exam)
    sheets = [make_sheet(exam, upload=upload, state=state) for state in ("mapped", "graded")]
    report_line(upload, "84B003.pdf", sheet=sheets[0])
    client = sign_in(alice)
    text = client.get(detail(upload)).text
    assert "1 sheet of it is skipped, and who it was mapped to is forgotten." in text
    assert "1 went on already" in text
    skip, unskip = (
        reverse(f"exams:{name}", args=[upload.pk]) for name in ("upload_skip", "upload_unskip")
    )
    assert skip in text
    assert unskip not in text
    text = client.post(skip, follow=True).text
    assert "and 1 sheet of it were left out." in text
    assert "This upload is left out of the exam" in text
    assert "84B003.pdf" in text  # the report
    assert unskip in text
    assert skip not in text
    assert [sheet.state for sheet in upload.sheets.order_by("pk")] == ["skipped", "graded"]
    text = client.post(unskip, follow=True).text
    assert "and 1 sheet of it were taken in again." in text
    assert [sheet.state for sheet in upload.sheets.order_by("pk")] == ["pending_mapping", "graded"]


def test_an_upload_that_is_being_unpacked_offers_no_leaving_out(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking", member_count=2)
    address = reverse("exams:upload_skip", args=[upload.pk])
    client = sign_in(alice)
    assert address not in client.get(detail(upload)).text
    assert client.post(address).status_code == 409


def test_looking_at_the_retry_address_changes_nothing(sign_in, alice, exam):
    upload = make_upload(exam, state="failed")
    address = reverse("exams:upload_retry", args=[upload.pk])
    assert sign_in(alice).get(address).status_code == 405


def test_a_zip_without_papers_says_what_to_do(sign_in, alice, exam):
    text = sign_in(alice).get(detail(make_upload(exam))).text
    assert "This file holds no papers" in text
    assert form_address(exam) in text


def test_sixty_members_and_sheets_cost_as_many_queries_as_five(
    sign_in, alice, exam, django_assert_num_queries
):
    client, upload = sign_in(alice), make_upload(exam)
    for more in (5, 55):
        for number in range(more):
            sheet = make_sheet(exam, upload=upload, pages=2, problem="No pages.", state="failed")
            report_line(upload, f"{more}-{number}.pdf", sheet=sheet)
        # Session, user, bell; upload, sheets, lines, pages, failed sheets, outcomes, report.
        with django_assert_num_queries(10):
            assert client.get(detail(upload)).status_code == 200
        with django_assert_num_queries(7):
            assert client.get(progress(upload)).status_code == 200

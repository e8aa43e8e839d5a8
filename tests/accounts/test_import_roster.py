"""The command that imports a roster."""

import io
import re
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from accounts.models import SchoolClass, User
from tests import factories

NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


@pytest.fixture
def run(tmp_path):
    """Runs the command on the bytes of a roster for X-B and gives what it printed."""

    def _run(data, *options, class_name="X-B"):
        path = tmp_path / "roster.csv"
        path.write_bytes(data)
        out = io.StringIO()
        call_command(
            "import_roster", "--class", class_name, "--file", str(path), *options, stdout=out
        )
        return out.getvalue()

    return _run


CSV = b"roll_number,name,email\n1,Kofi,kofi@example.org\n2,Emeka,\n"


def test_it_prints_a_working_link_for_every_new_student(run, x_b, settings, client):
    settings.EMAIL_BACKEND = NO_MAIL
    printed = run(CSV)
    assert "X-B: 2 added, 0 changed, 0 as before." in printed
    links = re.findall(r"http\S+", printed)
    assert len(links) == 2
    assert client.get(urlsplit(links[1]).path, follow=True).status_code == 200
    assert "http" not in run(CSV)
    assert run(CSV, "--links").count("http") == 2


def test_it_mails_links_where_it_can(run, x_b):
    printed = run(CSV)
    assert "1 one-time links will be e-mailed." in printed
    assert printed.count("http") == 1


def test_it_makes_the_class_and_gives_it_its_teacher(run, db):
    teacher = factories.make_user("grace", "teacher")
    with pytest.raises(CommandError, match="Add --create-class"):
        run(CSV, class_name="XI-A")
    run(CSV, "--create-class", "--teacher", "grace", class_name="XI-A")
    assert list(SchoolClass.objects.get(name="XI-A").teachers.all()) == [teacher]


def test_a_wrong_row_or_teacher_leaves_no_class_behind(run, carol):
    with pytest.raises(CommandError, match="Row 2: name is missing"):
        run(b"roll_number,name\n1,\n", "--create-class", class_name="XI-A")
    with pytest.raises(CommandError, match="no teacher with the user name carol"):
        run(CSV, "--create-class", "--teacher", "carol", class_name="XI-A")
    assert not SchoolClass.objects.filter(name="XI-A").exists()
    assert not User.objects.filter(name="Kofi").exists()


def test_a_missing_file_is_named(db):
    with pytest.raises(CommandError, match=r"/nowhere\.csv cannot be read"):
        call_command("import_roster", "--class", "X-B", "--file", "/nowhere.csv")

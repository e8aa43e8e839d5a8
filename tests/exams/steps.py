"""What tests of intake do, and look at, in more than one module."""

import hashlib
from pathlib import Path

from django.core.files.storage import default_storage

from accounts.models import SchoolClass, User
from accounts.roster_import import import_roster
from exams.models import Sheet, UploadMember


def fresh(sheet: Sheet) -> Sheet:
    return Sheet.objects.select_related("suggested_enrolment", "enrolment").get(pk=sheet.pk)


def swap_roll_numbers(school_class: SchoolClass, *, by: User) -> None:
    """A corrected roster: Carol and Dora have each other's roll number."""
    roster = (
        "roll_number,name,email\n"
        "17B004,Carol,carol@school.example\n84B003,Dora,dora@school.example\n"
    )
    import_roster(school_class, roster.encode(), by=by)


def files(folder: str = "") -> list[Path]:
    """The files in a folder of the storage, or in all of it."""
    return sorted(p for p in Path(default_storage.path(folder)).rglob("*") if p.is_file())


def stored(folder: str = "papers") -> list[str]:
    """The hashes of the files in a folder of the storage."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder))


def report_line(upload, name, outcome="accepted", **fields):
    """A line of an upload's report."""
    return UploadMember.objects.create(upload=upload, name=name, outcome=outcome, **fields)

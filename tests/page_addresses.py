"""Every named address of Sheaf, and a class X-B that has something for each of its arguments."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import notifications
from accounts.models import Enrolment, Notification, User, UserSession
from batching.build import build_run
from exams.models import Exam, SampleSheet
from grading import review_comments
from grading.runs import draft_run
from tests import factories

Arguments = Callable[[str], dict[str, object]]


def addresses(resolver=None, space: str = "") -> dict[str, URLPattern]:
    """Every named address below a resolver, by its full name."""
    found = {}
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            found |= addresses(pattern, inner)
        else:
            name = pattern.name or str(pattern.pattern)
            found[f"{space}{name}"] = pattern
    return found


OURS = {name: pattern for name, pattern in addresses().items() if not name.startswith("admin:")}
OF_ADMIN = {
    name: pattern
    for name, pattern in addresses().items()
    # Django's admin has a redirect without a name in front of each row's page.
    if name.startswith("admin:") and pattern.name
}

OF_GRADED_SHEETS = {
    f"{space}:{name}"
    for space in ("grading", "api")
    for name in (
        "review_sheet",
        "sheet_review",
        "sheet_preview",
        "sheet_look",
        "sheet_reveal",
        "sheet_hide",
        "sheet_undo",
        "sheet_approve",
        "sheet_reopen",
        "sheet_drop_marks",
    )
}


def things_of(exam: Exam, teacher: User, enrolment: Enrolment) -> Arguments:
    """Make one of everything; by address: the arguments that name things of class X-B."""
    sheet = factories.make_sheet(exam, state="published", enrolment=enrolment, pages=2)
    graded = factories.make_sheet(exam, state="graded")
    open_sheet = factories.make_sheet(exam)
    factories.make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=teacher)
    build_run(run.pk)
    sample = SampleSheet.objects.create(exam=exam, sheet=graded, title="Full", created_by=teacher)
    notifications.notify([enrolment.student], key="told", text="Hello", url="/")
    by_kind = {
        "exams": exam.pk,
        "classes": exam.school_class.pk,
        "people": enrolment.student.pk,
        "uploads": sheet.upload.pk,
        "sheets": open_sheet.pk,
        "runs": run.pk,
        "samples": sample.pk,
        "keys": factories.make_key(exam).pk,
        "marks": graded.marks.first().pk,
        "comments": review_comments.save_comment(exam, code="Q1", text="Well done.", by=teacher).pk,
        "results": sheet.pk,
        "notifications": Notification.objects.get(key="told").pk,
        "sessions": _session_of(enrolment.student).pk,
    }
    by_kind["appeals"] = factories.make_appeal(sheet.marks.first()).pk
    page = sheet.pages.first()

    def arguments_of(name: str) -> dict[str, object]:
        pattern = str(OURS[name].pattern)
        if "public_id" in pattern:
            return {"public_id": page.public_id}
        if "<int:page>" in pattern:
            return {"pk": by_kind["keys"], "page": 1}
        if name == "api:missing":
            return {"rest": "nowhere/"}
        if name in ("grading:run_example_image", "api:run_example_image"):
            return {"pk": run.pk, "item": 1, "number": 0}
        if "<str:code>" in pattern:
            return {"pk": exam.pk, "code": "Q1"}
        if "uidb64" in pattern:
            return {"uidb64": "MQ", "token": "set-password"}
        if "pk" in pattern:
            kind = re.match(r"(\w+)/", pattern).group(1)
            if name in OF_GRADED_SHEETS:
                return {"pk": graded.pk}
            if name.partition(":")[2] == "mark_appeal":
                return {"pk": sheet.marks.last().pk}
            if name.partition(":")[2] == "sheet_take_back":
                return {"pk": sheet.pk}
            return {"pk": by_kind[kind]}
        return {}

    return arguments_of


def url_of(name: str, arguments: Arguments) -> str:
    """The address with its arguments, and with the question that it must have."""
    url = reverse(name, kwargs=arguments(name))
    if name == "exams:sample_choose":
        url += f"?sheet={arguments('exams:sheet_pages')['pk']}"
    return url


def _session_of(person: User) -> UserSession:
    # Another browser of theirs.
    Client().force_login(person)
    return UserSession.objects.filter(user=person).latest("created_at")

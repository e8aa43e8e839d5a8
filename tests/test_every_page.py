"""Who may open and do what: every address the resolver knows, for six kinds of people.

An address without a row here fails the suite. In a row, the six signs stand for

    anonymous, admin, own teacher, other teacher, own student, other student

and mean: L sent to the sign-in page, A the API's 401 in JSON, . allowed, - the same 404 as for
what never existed. Whatever the API refuses has its one shape.
"Own" means the class X-B, its teacher alice and its student carol.
"""

import re

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import notifications
from accounts.models import Notification, User, UserSession
from batching.build import build_run
from exams.models import SampleSheet
from grading import review_comments
from grading.runs import draft_run
from tests import factories

pytestmark = pytest.mark.once

STAFF = "L..---"
ADMIN = "L.----"
ANYONE = "L....."
PUBLIC = "......"
API_STAFF = "A..---"
API_ROLE = "A...--"
API_ANYONE = "A....."

MATRIX = {
    "dashboard": {"GET": ANYONE},
    "system": {"GET": ADMIN},
    "healthz": {"GET": PUBLIC},
    # people
    "accounts:login": {"GET": PUBLIC, "POST": PUBLIC},
    "accounts:logout": {"POST": "......"},
    "accounts:forgotten": {"GET": PUBLIC, "POST": PUBLIC},
    "accounts:first_password": {"GET": "------", "POST": "------"},
    "accounts:account": {"GET": ANYONE, "POST": ANYONE},
    "accounts:password_change": {"GET": ANYONE, "POST": ANYONE},
    "accounts:sign_in_code": {"GET": PUBLIC, "POST": PUBLIC},
    "accounts:confirm": {"GET": "L...--", "POST": "L...--"},
    "accounts:second_factor": {"GET": "L...--"},
    "accounts:second_factor_begin": {"POST": "L...--"},
    "accounts:second_factor_set_up": {"GET": "L...--", "POST": "L...--"},
    "accounts:second_factor_remove": {"GET": "L...--", "POST": "L...--"},
    "accounts:recovery_codes": {"GET": "L...--"},
    "accounts:recovery_codes_file": {"GET": "L...--"},
    "accounts:recovery_codes_new": {"POST": "L...--"},
    "accounts:sessions": {"GET": ANYONE},
    "accounts:sessions_end": {"POST": ANYONE},
    "accounts:session_end": {"POST": "L---.-"},
    "accounts:notifications": {"GET": ANYONE},
    "accounts:notifications_read": {"POST": ANYONE},
    "accounts:notification_open": {"POST": "L---.-"},
    "accounts:class_list": {"GET": "L...--"},
    "accounts:class_create": {"GET": ADMIN, "POST": ADMIN},
    "accounts:class_detail": {"GET": STAFF},
    "accounts:roster_import": {"GET": STAFF, "POST": STAFF},
    "accounts:class_links": {"GET": STAFF},
    "accounts:class_links_send": {"POST": STAFF},
    # exams
    "exams:exam_list": {"GET": "L...--"},
    "exams:exam_create": {"GET": "L...--", "POST": "L...--"},
    "exams:exam_detail": {"GET": STAFF},
    "exams:exam_edit": {"GET": STAFF, "POST": STAFF},
    "exams:exam_file": {"GET": STAFF},
    "exams:rubric": {"GET": STAFF},
    "exams:rubric_edit": {"GET": STAFF, "POST": STAFF},
    "exams:rubric_text": {"GET": STAFF, "POST": STAFF},
    "exams:rubric_versions": {"GET": STAFF},
    "exams:answer_key": {"GET": STAFF, "POST": STAFF},
    "exams:answer_key_read": {"POST": STAFF},
    "exams:answer_key_drop": {"POST": STAFF},
    "exams:key_create": {"GET": STAFF, "POST": STAFF},
    "exams:key_detail": {"GET": STAFF},
    "exams:key_progress": {"GET": STAFF},
    "exams:key_send": {"POST": STAFF},
    "exams:key_retry": {"POST": STAFF},
    "exams:key_discard": {"POST": STAFF},
    "exams:key_review": {"GET": STAFF, "POST": STAFF},
    "exams:key_page": {"GET": STAFF},
    "exams:samples": {"GET": STAFF},
    "exams:sample_choose": {"GET": STAFF},
    "exams:sample_edit": {"GET": STAFF, "POST": STAFF},
    "exams:sample_remove": {"POST": STAFF},
    "exams:sample_text": {"GET": STAFF, "POST": STAFF},
    "exams:sample_read": {"POST": STAFF},
    "exams:sample_read_send": {"POST": STAFF},
    "exams:sample_read_stop": {"POST": STAFF},
    "exams:sample_text_drop": {"POST": STAFF},
    "exams:sample_read_progress": {"GET": STAFF},
    # intake
    "exams:upload_create": {"GET": STAFF, "POST": STAFF},
    "exams:upload_list": {"GET": STAFF},
    "exams:upload_detail": {"GET": STAFF},
    "exams:upload_progress": {"GET": STAFF},
    "exams:upload_retry": {"POST": STAFF},
    "exams:upload_skip": {"POST": STAFF},
    "exams:upload_unskip": {"POST": STAFF},
    "exams:mapping": {"GET": STAFF},
    "exams:mapping_progress": {"GET": STAFF},
    "exams:mapping_gaps": {"GET": STAFF},
    "exams:map_certain": {"POST": STAFF},
    "exams:retry_failed": {"POST": STAFF},
    "exams:sheet_map": {"POST": STAFF},
    "exams:sheet_unmap": {"POST": STAFF},
    "exams:sheet_skip": {"POST": STAFF},
    "exams:sheet_unskip": {"POST": STAFF},
    "exams:sheet_retry": {"POST": STAFF},
    "exams:sheet_pages": {"GET": STAFF},
    "exams:page_turn": {"POST": STAFF},
    "exams:page_drop": {"POST": STAFF},
    "exams:page_restore": {"POST": STAFF},
    "exams:page_move": {"POST": STAFF},
    "exams:page_give": {"POST": STAFF},
    # a student's own published page is the one thing of media a student may see
    "exams:page_image": {"GET": "L..-.-"},
    "exams:page_thumbnail": {"GET": "L..-.-"},
    # runs
    "grading:run_list": {"GET": STAFF},
    "grading:run_create": {"GET": STAFF, "POST": STAFF},
    "grading:run_detail": {"GET": STAFF},
    "grading:run_progress": {"GET": STAFF},
    "grading:run_items": {"GET": STAFF},
    "grading:run_send": {"GET": STAFF, "POST": STAFF},
    "grading:run_cancel": {"POST": STAFF},
    "grading:run_again": {"GET": STAFF, "POST": STAFF},
    "grading:run_example": {"GET": STAFF},
    "grading:run_example_image": {"GET": STAFF},
    # review and results
    "grading:review_list": {"GET": STAFF},
    "grading:review_sheet": {"GET": STAFF},
    "grading:review_counts": {"GET": STAFF},
    "grading:review_questions": {"GET": STAFF},
    "grading:review_question": {"GET": STAFF},
    "grading:exam_names": {"POST": STAFF},
    "grading:reveal_log": {"GET": STAFF},
    "grading:approve_accepted": {"POST": STAFF},
    "grading:sheet_reveal": {"POST": STAFF},
    "grading:sheet_hide": {"POST": STAFF},
    "grading:sheet_undo": {"POST": STAFF},
    "grading:blind_page": {"GET": STAFF},
    "grading:mark_flag": {"POST": STAFF},
    "grading:mark_unflag": {"POST": STAFF},
    "grading:mark_undo": {"POST": STAFF},
    "grading:mark_comments": {"GET": STAFF, "POST": STAFF},
    "grading:comment_change": {"POST": STAFF},
    "grading:comment_delete": {"POST": STAFF},
    "grading:sheet_look": {"POST": STAFF},
    "grading:sheet_approve": {"POST": STAFF},
    "grading:sheet_reopen": {"POST": STAFF},
    "grading:sheet_drop_marks": {"POST": STAFF},
    "grading:sheet_by_hand": {"GET": STAFF, "POST": STAFF},
    "grading:sheet_preview": {"GET": STAFF},
    "grading:sheet_take_back": {"POST": STAFF},
    "grading:mark_save": {"GET": STAFF, "POST": STAFF},
    "grading:mark_history": {"GET": STAFF},
    "grading:mark_put_back": {"POST": STAFF},
    "grading:approve_all": {"POST": STAFF},
    "grading:publish": {"GET": STAFF, "POST": STAFF},
    "grading:take_back": {"POST": STAFF},
    "grading:results": {"GET": STAFF},
    "grading:exam_delete": {"GET": STAFF, "POST": STAFF},
    "grading:publish_preview": {"GET": STAFF},
    "grading:statistics": {"GET": STAFF},
    "grading:exports": {"GET": STAFF},
    "grading:export_csv": {"GET": STAFF},
    "grading:export_marks": {"GET": STAFF},
    "grading:export_canvas": {"GET": STAFF},
    "grading:export_moodle": {"GET": STAFF},
    "grading:export_json": {"GET": STAFF},
    "grading:export_archive": {"GET": STAFF},
    "grading:exam_history": {"GET": STAFF},
    "grading:sheet_history": {"GET": STAFF},
    "grading:my_results": {"GET": "L---.."},
    "grading:my_result": {"GET": "L---.-"},
    # the API: people
    "api:token": {"POST": PUBLIC},
    "api:token_refresh": {"POST": PUBLIC},
    "api:token_end": {"POST": PUBLIC},
    "api:me": {"GET": API_ANYONE},
    "api:classes": {"GET": API_ROLE, "POST": "A.----"},
    "api:class_detail": {"GET": API_STAFF},
    "api:roster": {"GET": API_STAFF, "POST": API_STAFF},
    "api:links": {"GET": API_STAFF},
    "api:links_send": {"POST": API_STAFF},
    "api:subjects": {"GET": API_ROLE},
    "api:notifications": {"GET": API_ANYONE},
    "api:notifications_read": {"POST": API_ANYONE},
    "api:notification_read": {"POST": "A---.-"},
    "api:providers": {"GET": API_ROLE},
    # the API: exams
    "api:exams": {"GET": API_ROLE, "POST": API_ROLE},
    "api:exam_import": {"POST": API_ROLE},
    "api:exam_detail": {"GET": API_STAFF, "PATCH": API_STAFF},
    "api:exam_file": {"GET": API_STAFF},
    "api:rubric": {"GET": API_STAFF, "PUT": API_STAFF},
    "api:rubric_versions": {"GET": API_STAFF},
    "api:answer_key": {"GET": API_STAFF, "PATCH": API_STAFF},
    "api:answer_key_read": {"POST": API_STAFF},
    "api:keys": {"GET": API_STAFF, "POST": API_STAFF},
    "api:key_detail": {"GET": API_STAFF},
    "api:key_send": {"POST": API_STAFF},
    "api:key_retry": {"POST": API_STAFF},
    "api:key_discard": {"POST": API_STAFF},
    "api:key_confirm": {"POST": API_STAFF},
    "api:key_page": {"GET": API_STAFF},
    "api:samples": {"GET": API_STAFF},
    "api:sheet_sample": {"PUT": API_STAFF},
    "api:sample_detail": {"GET": API_STAFF, "DELETE": API_STAFF},
    "api:sample_text": {"GET": API_STAFF, "PUT": API_STAFF},
    "api:sample_read": {"POST": API_STAFF},
    "api:sample_read_send": {"POST": API_STAFF},
    "api:sample_read_stop": {"POST": API_STAFF},
    "api:sample_text_drop": {"POST": API_STAFF},
    "api:uploads": {"GET": API_STAFF, "POST": API_STAFF},
    "api:upload_detail": {"GET": API_STAFF},
    "api:upload_report": {"GET": API_STAFF},
    "api:upload_retry": {"POST": API_STAFF},
    "api:upload_skip": {"POST": API_STAFF},
    "api:upload_unskip": {"POST": API_STAFF},
    "api:sheets": {"GET": API_STAFF},
    "api:mapping": {"GET": API_STAFF},
    "api:map_certain": {"POST": API_STAFF},
    "api:retry_failed": {"POST": API_STAFF},
    "api:sheet_detail": {"GET": API_STAFF},
    "api:sheet_map": {"POST": API_STAFF},
    "api:sheet_unmap": {"POST": API_STAFF},
    "api:sheet_skip": {"POST": API_STAFF},
    "api:sheet_unskip": {"POST": API_STAFF},
    "api:sheet_retry": {"POST": API_STAFF},
    "api:sheet_pages": {"GET": API_STAFF},
    "api:page_turn": {"POST": API_STAFF},
    "api:page_drop": {"POST": API_STAFF},
    "api:page_restore": {"POST": API_STAFF},
    "api:page_move": {"POST": API_STAFF},
    "api:page_image": {"GET": "A..-.-"},
    "api:page_thumbnail": {"GET": "A..-.-"},
    # the API: grading
    "api:runs": {"GET": API_STAFF, "POST": API_STAFF},
    "api:run_detail": {"GET": API_STAFF},
    "api:run_items": {"GET": API_STAFF},
    "api:run_example": {"GET": API_STAFF},
    "api:run_example_image": {"GET": API_STAFF},
    "api:run_send": {"POST": API_STAFF},
    "api:run_cancel": {"POST": API_STAFF},
    "api:run_again": {"POST": API_STAFF},
    "api:marks": {"GET": API_STAFF},
    "api:mark_detail": {"GET": API_STAFF, "PATCH": API_STAFF},
    "api:mark_history": {"GET": API_STAFF},
    "api:mark_put_back": {"POST": API_STAFF},
    "api:review_list": {"GET": API_STAFF},
    "api:approve_all": {"POST": API_STAFF},
    "api:sheet_review": {"GET": API_STAFF},
    "api:sheet_look": {"POST": API_STAFF},
    "api:sheet_approve": {"POST": API_STAFF},
    "api:sheet_reopen": {"POST": API_STAFF},
    "api:sheet_drop_marks": {"POST": API_STAFF},
    "api:sheet_by_hand": {"POST": API_STAFF},
    "api:sheet_take_back": {"POST": API_STAFF},
    "api:sheet_preview": {"GET": API_STAFF},
    "api:publication": {"GET": API_STAFF},
    "api:publish": {"POST": API_STAFF},
    "api:take_back": {"POST": API_STAFF},
    "api:exam_results": {"GET": API_STAFF},
    "api:exam_results_csv": {"GET": API_STAFF},
    "api:exam_statistics": {"GET": API_STAFF},
    "api:exam_deletion": {"GET": API_STAFF, "POST": API_STAFF},
    "api:own_results": {"GET": "A---.."},
    "api:own_result": {"GET": "A---.-"},
    "api:schema": {"GET": API_ANYONE},
    "api:docs": {"GET": ANYONE},
    "api:missing": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), "A-----"),
}


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


def test_every_address_has_a_row():
    assert set(OURS) == set(MATRIX)


@pytest.fixture
def people(admin, alice, bob, carol, dora, x_c):
    """The six kinds of people as browsers, in the order of the rows."""
    browsers = [Client()]
    for person in (admin, alice, bob, carol, dora):
        browser = Client()
        browser.force_login(person)
        browsers.append(browser)
    return browsers


def carols_session() -> UserSession:
    """Another browser of carol's."""
    carol = User.objects.get(username="carol")
    Client().force_login(carol)
    return UserSession.objects.filter(user=carol).latest("created_at")


@pytest.fixture
def arguments(exam, alice, carol, carols_enrolment):
    """By address: the arguments that name things of class X-B."""
    sheet = factories.make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2)
    graded = factories.make_sheet(exam, state="graded")
    open_sheet = factories.make_sheet(exam)
    factories.make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    build_run(run.pk)
    sample = SampleSheet.objects.create(exam=exam, sheet=graded, title="Full", created_by=alice)
    notifications.notify([carol], key="told", text="Hello", url="/")
    by_kind = {
        "exams": exam.pk,
        "classes": exam.school_class.pk,
        "uploads": sheet.upload.pk,
        "sheets": open_sheet.pk,
        "runs": run.pk,
        "samples": sample.pk,
        "keys": factories.make_key(exam).pk,
        "marks": graded.marks.first().pk,
        "comments": review_comments.save_comment(exam, code="Q1", text="Well done.", by=alice).pk,
        "results": sheet.pk,
        "notifications": Notification.objects.get().pk,
        "sessions": carols_session().pk,
    }
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
            if name.partition(":")[2] == "sheet_take_back":
                return {"pk": sheet.pk}
            return {"pk": by_kind[kind]}
        return {}

    return arguments_of


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
ALLOWED = (200, 202, 204, 302, 400, 409, 422, 428)
ROWS = [(name, method) for name, row in MATRIX.items() for method in row]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "method"), ROWS)
def test_only_those_who_may_get_in(name, method, people, arguments):
    url = reverse(name, kwargs=arguments(name))
    if name == "exams:sample_choose":
        url += f"?sheet={arguments('exams:sheet_pages')['pk']}"
    missing = {key: 0 if key == "pk" else value for key, value in arguments(name).items()}
    for sign, browser in zip(MATRIX[name][method], people, strict=True):
        where = f"{method} {url} as {browser.session.get('_auth_user_id', 'nobody')}"
        with transaction.atomic():  # nobody finds what another one changed
            answer = browser.generic(method, url)
            transaction.set_rollback(True)
        if sign == "L":
            assert answer.status_code == 302, where
            assert answer["Location"].startswith(reverse("accounts:login")), where
        elif sign == "A":
            assert answer.status_code == 401, where
            assert answer["WWW-Authenticate"].startswith("Bearer"), where
        elif sign == "-":
            assert answer.status_code == 404, where
            if missing.get("pk") == 0:
                nothing = browser.generic(method, reverse(name, kwargs=missing))
                assert without_tokens(answer) == without_tokens(nothing), where
        else:
            assert answer.status_code in ALLOWED, f"{where}: {answer.status_code}"
            if answer.status_code == 302 and sign == ".":
                assert not answer["Location"].startswith(f"{reverse('accounts:login')}?"), where
        if name.startswith("api:") and answer.status_code >= 400:
            assert set(answer.json()) >= {"code", "message", "fields"}, where


def without_tokens(answer) -> str:
    """The page without what differs on every load."""
    return re.sub(rb'value="\w{64}"|"X-CSRFToken": "\w{64}"', b"", answer.content).decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(OURS)))
def test_no_address_takes_a_method_that_has_no_row(name, people, arguments):
    url = reverse(name, kwargs=arguments(name))
    admin = people[1]
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(MATRIX[name]):
        answer = admin.generic(method, url)
        if name == "accounts:login" and answer.status_code == 302:
            assert answer["Location"] == "/"  # who is signed in has no business there
            continue
        assert answer.status_code in (404, 405), f"{method} {url}"


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(OF_ADMIN))
def test_the_admin_is_for_admins_only(name, people, exam):
    pattern = str(OF_ADMIN[name].pattern)
    values = {"object_id": "1", "app_label": "exams", "url": "x", "content_type_id": 1}
    values |= {"id": "1", "from_field": "1", "history_id": "1"}
    names = re.findall(r"<(?:\w+:)?(\w+)>", pattern) or re.findall(r"\?P<(\w+)>", pattern)
    unnamed = [1] * pattern.count("([^/]+)")
    url = reverse(
        name, args=unnamed, kwargs=None if unnamed else {key: values.get(key, 1) for key in names}
    )
    for browser in (people[0], *people[2:]):
        answer = browser.get(url)
        if name in ("admin:login", "admin:logout", "admin:jsi18n"):
            continue
        assert answer.status_code in (302, 404), f"{url}: {answer.status_code}"
        if answer.status_code == 302:
            assert "login" in answer["Location"] or "sign-in" in answer["Location"], url

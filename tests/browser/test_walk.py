"""A walk through every page in a real browser, as teacher and as student.

Debian's Chromium, real workers, the embedded broker. Every page is opened at desktop and at
phone size and photographed (SHEAF_SCREENSHOTS names a folder to keep the pictures); a script
error, a refusal by the content security policy, or a page wider than its screen fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests import papers
from tests.browser.screens import Walker
from tests.factories_rubrics import text_pdf
from tests.site import Site, running_site, wait_until
from tests.test_pipeline import STUDENTS, prepare

pytestmark = pytest.mark.slow

MINUTES = 180_000


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("walk")) as site:
        prepare(site, STUDENTS)
        site.start_web()
        site.start_worker()
        site.start_beat()
        yield site


def test_a_teacher_and_a_student_walk_through_every_page(site, browser, pictures, tmp_path):
    archive = tmp_path / "papers.zip"
    archive.write_bytes(papers.archive(STUDENTS, pages=2))
    teacher = Walker(browser, site, pictures)
    page = teacher.page
    page.goto("/")
    teacher.look("sign-in")
    teacher.sign_in("alice")
    teacher.look("teacher-dashboard")
    exam = site.ask("Exam.objects.get().pk")
    school_class = site.ask("SchoolClass.objects.get().pk")
    for path, name in {
        "/exams/": "exams",
        "/exams/new/": "exam-new",
        f"/exams/{exam}/": "exam-empty",
        f"/exams/{exam}/edit/": "exam-edit",
        f"/exams/{exam}/rubric/": "rubric",
        f"/exams/{exam}/rubric/edit/": "rubric-edit",
        f"/exams/{exam}/rubric/text/": "rubric-text",
        f"/exams/{exam}/rubric/versions/": "rubric-versions",
        f"/exams/{exam}/answer-key/": "answer-key",
        f"/exams/{exam}/answer-key/propose/": "key-create",
        f"/exams/{exam}/samples/": "samples-empty",
        f"/exams/{exam}/mapping/": "mapping-empty",
        f"/exams/{exam}/mapping/gaps/": "mapping-gaps",
        f"/exams/{exam}/runs/": "runs-empty",
        f"/exams/{exam}/runs/new/": "run-new-empty",
        f"/exams/{exam}/review/": "review-empty",
        f"/exams/{exam}/publish/": "publish-empty",
        f"/exams/{exam}/results/": "results-empty",
        f"/exams/{exam}/uploads/": "uploads-empty",
        f"/exams/{exam}/delete/": "exam-delete",
        "/classes/": "classes",
        f"/classes/{school_class}/": "class",
        f"/classes/{school_class}/roster/": "roster-import",
        "/notifications/": "notifications",
        "/account/": "account",
        "/account/password/": "password-change",
    }.items():
        teacher.visit(path, name)

    # Read a key from a PDF beside what is typed and not saved.
    key = tmp_path / "key.pdf"
    key.write_bytes(
        text_pdf(["Q1. Plants make sugar, from light and water.", "Q9. Blood in veins."])
    )
    page.goto(f"/exams/{exam}/answer-key/")
    page.get_by_label("Q2", exact=True).fill("Typed a moment ago")
    page.get_by_label("Answer key as PDF").set_input_files(key)
    page.get_by_role("button", name="Read the PDF").click()
    expect(page.get_by_text("Q9: the rubric has no such criterion")).to_be_visible()
    expect(page.get_by_label("Q2", exact=True)).to_have_value("Typed a moment ago")
    expect(page.get_by_label("Save this instead, for Q1")).not_to_be_checked()
    teacher.look("answer-key-read")
    page.get_by_role("button", name="Forget the proposals").click()
    expect(page.get_by_label("Q2", exact=True)).to_have_value("Typed a moment ago")

    # Upload, watch, confirm.
    teacher.visit(f"/exams/{exam}/upload/", "upload")
    page.locator("input[type=file]").set_input_files(archive)
    page.get_by_role("button", name=re.compile("Upload")).click()
    page.wait_for_url(re.compile(r"/uploads/\d+/"))
    teacher.look("upload-progress")
    expect(page.locator("#upload-progress[hx-trigger]")).to_have_count(0, timeout=MINUTES)
    teacher.look("upload-done")
    wait_until(
        lambda: site.ask("Sheet.objects.filter(suggested_at__isnull=False).count()") == STUDENTS,
        "every sheet has a suggestion",
    )
    teacher.visit(f"/exams/{exam}/mapping/", "mapping")
    sheet = site.ask("Sheet.objects.order_by('pk').first().pk")
    teacher.visit(f"/exams/{exam}/mapping/?view=grid", "mapping-grid")
    teacher.visit(f"/sheets/{sheet}/pages/", "sheet-pages")
    page.goto(f"/exams/{exam}/mapping/")
    page.get_by_role("button", name=re.compile("Confirm all")).click()
    expect(page.get_by_text(re.compile(r"No students? without|Every"))).not_to_have_count(0)
    teacher.visit(f"/exams/{exam}/mapping/?tab=mapped", "mapping-mapped")

    # Draft, look, send, watch.
    teacher.visit(f"/exams/{exam}/runs/new/", "run-new")
    page.get_by_role("button", name="Draft the run").click()
    send = page.get_by_role("button", name="Send")
    expect(send).to_be_visible(timeout=MINUTES)
    teacher.look("run-draft")
    page.get_by_role("link", name=re.compile("[Rr]ead a request")).click()
    expect(page.get_by_role("heading", name=re.compile("A request"))).to_be_visible()
    teacher.look("run-example")
    page.go_back()
    send.click()
    teacher.look("run-sent")
    expect(page.get_by_role("link", name="Review the marks")).to_be_visible(timeout=MINUTES)
    teacher.look("run-ended")
    page.get_by_role("link", name="What became of each sheet").click()
    teacher.look("run-items")

    # Review by keyboard: more points for the second question, with a reason, then approve.
    teacher.visit(f"/exams/{exam}/review/", "review-list")
    first = site.ask("Sheet.objects.get(enrolment__roll_number='11B001').pk")
    teacher.visit(f"/sheets/{first}/review/", "review-sheet")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("3")
    page.keyboard.press("r")
    page.keyboard.type("The third part is there in other words")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator(".mark.current")).to_contain_text(re.compile("3"))
    mark = site.ask(
        "Mark.objects.get(criterion__code='Q2', sheet__enrolment__roll_number='11B001').pk"
    )
    expect(page.locator(f"#mark-{mark}")).to_contain_text(re.compile("changed|overridden", re.I))
    assert site.ask(f"str(Mark.objects.get(pk={mark}).awarded)") == "3.00"
    teacher.look("review-overridden")
    teacher.visit(f"/marks/{mark}/history/", "mark-history")
    page.goto(f"/sheets/{first}/review/")
    page.keyboard.press("?")
    expect(page.locator("dialog.keys")).to_be_visible()
    teacher.look("review-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.wait_for_url(lambda url: f"/sheets/{first}/" not in url)
    assert site.ask(f"Sheet.objects.get(pk={first}).state") == "overridden"

    teacher.visit(f"/exams/{exam}/publish/", "publish-blocked")
    page.goto(f"/exams/{exam}/review/")
    page.get_by_text("Approve without looking at each").click()
    page.get_by_label(re.compile("Why|Reason")).fill("Looked at together in the staff room")
    page.get_by_role("button", name="Approve unseen").click()
    teacher.visit(f"/exams/{exam}/results/", "results")
    teacher.visit(f"/sheets/{first}/preview/", "preview")
    teacher.visit(f"/exams/{exam}/publish/", "publish-ready")
    page.get_by_role("button", name=re.compile("Publish 5")).click()
    expect(page.get_by_text("5 results published")).to_be_visible()
    teacher.look("published")
    teacher.visit("/", "teacher-dashboard-published")
    teacher.visit(f"/exams/{exam}/", "exam-published")

    student = Walker(browser, site, pictures)
    student.sign_in("pupil1@school.example")
    student.look("student-start")
    student.visit("/results/", "student-results")
    student.visit(f"/results/{first}/", "student-result")
    expect(student.page.get_by_text("The third part is there in other words")).to_have_count(0)
    student.visit("/notifications/", "student-notifications")
    answer = student.page.goto(f"/exams/{exam}/")
    assert answer
    assert answer.status == 404
    student.look("student-404")

"""The rubric's editor and the pages of a sheet in a real browser: by mouse, by keyboard alone, and
without script. What the page shows at the end is what the database holds after saving.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.screens import DESKTOP, sign_in
from tests.papers import archive
from tests.site import Site, running_site
from tests.test_pipeline import prepare

pytestmark = pytest.mark.slow

TREE = """
from exams.models import *; from exams.rubrics import *; from accounts.models import *
alice = User.objects.get(username="alice")
def leaf(code):
    return {"id": code, "description": f"What is {code}?", "max_marks": 2, "guidance": "One each."}
save_rubric(Exam.objects.get(), [leaf("A"), leaf("B"), leaf("C"), leaf("D")], by=alice)
"""
CODES = (
    "[' ' * (c.parent is not None) + c.code"
    " for c in Rubric.objects.first().criteria.order_by('position')]"
)
SHEET = (
    "__import__('tests.factories', fromlist=['x']).make_sheet(Exam.objects.get(), pages={pages}).pk"
)
ORDER = "[str(p.public_id) for p in Page.objects.filter(sheet={sheet}).order_by('number')]"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("exam-pages")) as site:
        prepare(site, 3)
        site.start_web()
        yield site


@pytest.fixture
def open_page(site, browser):
    """Gives alice's browser, with or without script; a script error fails the test."""
    contexts, complaints = [], []

    def _open(*, script: bool = True) -> Page:
        context = browser.new_context(
            viewport=DESKTOP, base_url=site.url, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        sign_in(page, "alice")
        return page

    yield _open
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def editor(site) -> str:
    """The address of the editor of a rubric A, B, C, D of two marks each."""
    site.manage("shell", "--no-imports", "-c", TREE)
    return f"/exams/{site.ask('Exam.objects.get().pk')}/rubric/edit/"


def shown(page: Page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('#rubric-rows > *')].map(row =>"
        " ' '.repeat(row.dataset.depth) + row.querySelector('[name=code]').value)"
    )


def save(page: Page) -> None:
    page.get_by_role("button", name="Save the rubric").last.click()
    page.wait_for_url(re.compile(r"/rubric/$"))


def row(page: Page, code: str):
    return page.get_by_role("group", name=code, exact=True)


def drag(page: Page, handle, to_x: float, to_y: float) -> None:
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 10)
    page.mouse.move(x + to_x, to_y, steps=8)
    page.mouse.up()


def test_a_row_is_dragged_below_another_and_into_it(site, open_page, editor):
    page = open_page()
    page.goto(editor)
    assert shown(page) == ["A", "B", "C", "D"]
    last = row(page, "D").bounding_box()
    drag(page, row(page, "A").locator("[data-handle]"), 0, last["y"] + last["height"] - 5)
    assert shown(page) == ["B", "C", "D", "A"]
    below = row(page, "C").bounding_box()
    drag(page, row(page, "A").locator("[data-handle]"), 40, below["y"] + below["height"] - 5)
    assert shown(page) == ["B", "C", " A", "D"]
    expect(page.locator("[data-total]")).to_have_text("6")
    expect(page.get_by_text("not saved yet")).to_be_visible()
    save(page)
    assert site.ask(CODES) == ["B", "C", " A", "D"]


def test_the_whole_editor_is_used_by_keyboard_alone(site, open_page, editor):
    page = open_page()
    page.goto(editor)
    row(page, "D").locator("[data-handle]").focus()
    for key in ("ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    assert shown(page) == ["A", "B", " D", "C"]
    page.keyboard.press("ArrowLeft")
    assert shown(page) == ["A", "B", "D", "C"]
    page.keyboard.press("Tab")
    page.keyboard.press("Alt+ArrowDown")
    assert shown(page) == ["A", "B", "C", "D"]
    row(page, "B").get_by_role("button", name="Add a criterion inside").press("Enter")
    assert shown(page) == ["A", "B", " B1", "C", "D"]
    page.keyboard.type("Name its parts.")
    page.keyboard.press("Tab")
    page.keyboard.type("3")
    expect(page.locator("[data-total]")).to_have_text("9")
    page.keyboard.press("Enter")
    assert shown(page) == ["A", "B", " B1", " B2", "C", "D"]
    page.keyboard.type("Name its colours.")
    page.keyboard.press("Tab")
    page.keyboard.type("1")
    row(page, "C").get_by_role("button", name="Delete").press("Enter")
    assert "C" not in shown(page)
    page.get_by_role("button", name="Bring back C").press("Enter")
    assert "C" in shown(page)
    row(page, "D").get_by_label("Marks").press("Control+Enter")
    page.wait_for_url(re.compile(r"/rubric/$"))
    assert site.ask(CODES) == ["A", "B", " B1", " B2", "C", "D"]


def test_the_last_criterion_comes_back_as_the_last(open_page, editor):
    page = open_page()
    page.goto(editor)
    row(page, "D").get_by_role("button", name="Delete").click()
    assert shown(page) == ["A", "B", "C"]
    page.get_by_role("button", name="Bring back D").click()
    assert shown(page) == ["A", "B", "C", "D"]


def test_a_typed_answer_key_is_saved_without_a_pdf(open_page, editor):
    page = open_page()
    page.goto(editor.replace("rubric/edit", "answer-key"))
    page.get_by_label("A", exact=True).fill("It rains.")
    page.get_by_role("button", name="Save the answer key").click()
    expect(page.get_by_text("The answer key is saved")).to_be_visible()
    expect(page.get_by_label("A", exact=True)).to_have_value("It rains.")


def test_a_refused_upload_lets_the_teacher_leave_without_a_question(site, open_page, editor):
    page = open_page()
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.goto(editor.replace("rubric/edit", "upload"))
    notes = {"name": "notes.zip", "mimeType": "application/zip", "buffer": b"no archive"}
    page.set_input_files("input[type=file]", notes)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("“notes.zip” is text")).to_be_visible()
    page.goto(editor)
    assert asked == []


def test_advice_comes_while_typing_and_blocks_nothing(site, open_page, editor):
    page = open_page()
    page.goto(editor)
    row(page, "A").get_by_label("What is asked").fill("Shows good understanding")
    page.keyboard.press("Tab")
    expect(row(page, "A").get_by_text("Understanding cannot be seen")).to_be_visible()
    save(page)
    expect(page.get_by_text("Understanding cannot be seen")).to_be_visible()


def test_two_teachers_at_once_lose_no_word(site, open_page, editor):
    first, second = open_page(), open_page()
    first.goto(editor)
    second.goto(editor)
    row(first, "A").get_by_label("What is asked").fill("What did the first one write?")
    save(first)
    row(second, "A").get_by_label("What is asked").fill("What did the second one write?")
    second.get_by_role("button", name="Save the rubric").last.click()
    expect(second.get_by_text("while you were editing it")).to_be_visible()
    expect(second.locator("del", has_text="first")).to_be_visible()
    expect(row(second, "A").get_by_label("What is asked")).to_have_value(
        "What did the second one write?"
    )
    save(second)
    expect(second.get_by_text("What did the second one write?")).to_be_visible()


def test_without_script_every_button_posts_and_keeps_what_was_typed(site, open_page, editor):
    page = open_page(script=False)
    page.goto(editor)
    row(page, "A").get_by_label("What is asked").fill("Typed a moment ago")
    row(page, "B").get_by_role("button", name="In: B").click()
    row(page, "D").get_by_role("button", name="Up: D").click()
    expect(row(page, "A").get_by_label("What is asked")).to_have_value("Typed a moment ago")
    page.get_by_role("button", name="Add a criterion", exact=True).click()
    page.get_by_role("button", name="Save the rubric").last.click()
    expect(page.get_by_text("2 things are to be put right")).to_be_visible()
    row(page, "Q4").get_by_role("button", name="Delete").click()
    save(page)
    assert site.ask(CODES) == ["A", " B", "D", "C"]


# -- the pages of a sheet -------------------------------------------------------------------


@pytest.fixture
def sheet(site) -> int:
    return site.ask(SHEET.format(pages=4))


def card_ids(page: Page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('.page-card')].map(card => card.id.slice(5))"
    )


def test_pages_are_dragged_into_another_order(site, open_page, sheet):
    page = open_page()
    page.goto(f"/sheets/{sheet}/pages/")
    first, second, third, fourth = card_ids(page)
    box = page.locator(f"#page-{third}").bounding_box()
    handle = page.locator(f"#handle-{first}")
    start = handle.bounding_box()
    with page.expect_response(re.compile("/move/")):
        drag(page, handle, box["x"] + box["width"] - start["x"] - 20, box["y"] + 60)
    expect(page.locator(".page-card").nth(2)).to_have_id(f"page-{first}")
    assert site.ask(ORDER.format(sheet=sheet)) == [second, third, first, fourth]


def test_pages_are_ordered_turned_and_dropped_by_keyboard_alone(site, open_page, sheet):
    page = open_page()
    page.goto(f"/sheets/{sheet}/pages/")
    first, second, third, fourth = card_ids(page)
    page.locator(f"#handle-{first}").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".page-card").nth(1)).to_have_id(f"page-{first}")
    expect(page.locator(f"#handle-{first}")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".page-card").nth(3)).to_have_id(f"page-{first}")
    assert site.ask(ORDER.format(sheet=sheet)) == [second, third, fourth, first]
    expect(page.locator(f"#handle-{first}")).to_be_focused()
    page.keyboard.press("]")
    expect(page.locator(f"#page-{first}").get_by_text("turned by 90°")).to_be_visible()
    page.locator(f"#handle-{first}").focus()
    page.keyboard.press("Delete")
    expect(page.locator(f"#page-{first}").get_by_text("dropped")).to_be_visible()


def test_a_page_goes_to_another_sheet_and_comes_back(site, open_page, sheet):
    other = site.ask(SHEET.format(pages=1))
    name = site.ask(f"Sheet.objects.get(pk={other}).name")
    page = open_page()
    page.goto(f"/sheets/{sheet}/pages/")
    before = card_ids(page)
    card = page.locator(f"#page-{before[1]}")
    card.get_by_text("To another sheet…").click()
    card.get_by_label("Sheet for page 2").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"The page is in “{name}” now")).to_be_visible()
    assert site.ask(ORDER.format(sheet=other))[-1] == before[1]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".page-card")).to_have_count(4)
    assert site.ask(ORDER.format(sheet=sheet)) == before


def test_sheets_are_mapped_with_the_keys(site, open_page, sheet):
    exam = site.ask("Exam.objects.get().pk")
    page = open_page()
    page.goto(f"/exams/{exam}/mapping/")
    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    here = page.evaluate("document.activeElement.id")
    assert re.fullmatch(r"sheet-\d+", here)
    page.keyboard.press("e")
    page.keyboard.type("11B001")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{here}").get_by_text("11B001")).to_be_visible()
    page.wait_for_function("document.activeElement.matches('[data-row]')")
    page.keyboard.press("j")
    skipped = page.evaluate("document.activeElement.id")
    page.keyboard.press("s")
    expect(page.locator(f"#{skipped}").get_by_text("Left out of the exam")).to_be_visible()


SUGGESTED = """
from exams.suggestions import suggest_students
from tests.factories import *
exam = Exam.objects.get()
for enrolment in Enrolment.objects.filter(sheets=None).order_by("roll_number"):
    make_sheet(exam, name=f"{enrolment.roll_number}.pdf", source_sha256=f"{enrolment.pk:064}")
suggest_students(exam.pk)
"""


def test_confirming_with_the_keys_goes_on_to_the_next_open_sheet(site, open_page, pictures):
    site.manage("shell", "--no-imports", "-c", SUGGESTED)
    exam = site.ask("Exam.objects.get().pk")
    page = open_page()
    page.goto(f"/exams/{exam}/mapping/")
    page.screenshot(path=pictures / "mapping-suggested.png")
    confirmable = page.locator("[data-row]:has([data-key=c])")
    ids = [one.get_attribute("id") for one in confirmable.all()]
    assert len(ids) > 1
    top = page.locator(".sheet-rows").bounding_box()["y"]
    page.locator(f"#{ids[0]}").focus()
    for here, following in pairwise(ids):
        expect(page.locator(f"#{here}")).to_be_focused()
        page.keyboard.press("c")
        expect(page.locator(f"#{here} [data-key=c]")).to_have_count(0)
        expect(page.locator(f"#{following}")).to_be_focused()
    assert page.locator(".sheet-rows").bounding_box()["y"] == top
    page.keyboard.press("?")
    dialog = page.locator("dialog.keys")
    expect(dialog).to_be_visible()
    page.screenshot(path=pictures / "mapping-keys.png")
    page.keyboard.press("c")
    expect(page.locator(f"#{ids[-1]} [data-key=c]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(f"#{ids[-1]}")).to_be_focused()


def test_several_files_go_up_one_after_the_other_and_each_says_what_came_of_it(
    site, open_page, tmp_path
):
    exam = site.ask("Exam.objects.get().pk")
    (tmp_path / "one.zip").write_bytes(archive(1, pages=1))
    (tmp_path / "two.zip").write_bytes(archive(2, pages=1))
    (tmp_path / "torn.pdf").write_bytes(b"not a PDF at all")
    page = open_page()
    page.goto(f"/exams/{exam}/upload/")
    page.locator("input[type=file]").set_input_files(
        [tmp_path / name for name in ("one.zip", "torn.pdf", "two.zip")]
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("See all uploads")).to_be_visible()
    expect(page.locator(".queue-ok")).to_have_count(2)
    expect(page.locator(".queue-bad")).to_contain_text("torn.pdf")
    names = site.ask("list(Upload.objects.values_list('original_name', flat=True))")
    assert {"one.zip", "two.zip"} < set(names)
    assert "torn.pdf" not in names

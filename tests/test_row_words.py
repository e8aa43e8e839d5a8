"""What stands in rows can be told: who writes a text with values into one fills in a shape.

A sentence of ours that is put together in any other way is found here, with its line, and so is a
shape that no app registered.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.told import FEEDBACK, HOLE, REASONS, ROWS

ROOT = Path(__file__).resolve().parent.parent
APPS = ("batching", "exams", "grading")
# Pages and programs, which write no row, or through what is looked at here.
NO_STAGES = {"migrations", "management", "templatetags", "models", "views", "api", "demo"}
NO_STAGES |= {"admin.py", "apps.py", "checks.py", "urls.py"}
# Modules whose sentences stand in no row, and why.
NOT_FOR_ROWS = {
    "batching/claims.py": "log",
    "batching/providers/configure.py": "settings",
    "batching/providers/flat_schema.py": "what a model is told; bugs",
    "batching/providers/offline/scoring.py": "reasoning, as a model's",
    "batching/providers/offline/wording.py": "reasoning, as a model's",
    "batching/providers/options.py": "settings",
    "batching/providers/strict_schema.py": "bugs",
    "batching/rows.py": "SQL and bugs",
    "exams/key_request.py": "what a model is told",
    "exams/orientation.py": "log",
    "exams/rubric_advice.py": "a pattern",
    "exams/tesseract.py": "log",
    "grading/export_archive.py": "files for programs",
    "grading/export_json.py": "bugs",
    "grading/integrity.py": "a command's output",
    "grading/requests.py": "what a model is told",
    "grading/zip_progress.py": "a command's output",
    "grading/zip_report.py": "a command's output",
}
# The same for a single one.
NO_REASONS = {
    "f'Basic {base64.b64encode(self._person.encode()).decode()}'": "a header",
    "f\"Bearer {self._key or 'none'}\"": "a header",
    "f'Google {self.model}'": "names",
    "f'OpenAI {self.model}'": "names",
    "f'Job {job.pk}: {counts}'": "a bug",
    "f'Page {number:4d} size'": "pdfinfo's",
    "f'Page {page.number}'": "what a model is told",
    "f'Pages: {len(pages)}\\n'": "pdfinfo's",
    "f'The provider {name}: {error}'": "settings",
    "f'image_rule: {error}'": "settings",
    "f'page {page.pk}'": "log",
    "f'the first page of sheet {held.pk}'": "log",
    "f'{criterion.code} is not a leaf and has no step.'": "a bug",
    "f'{exam.title}: answer key'": "a run's title",
    "f'{exam.title}: sample read'": "a run's title",
    "f'{first} or {second}'": "what was read, which is read again",
}
SENTENCE = re.compile(r"[A-Za-z]{2,}[,.:;]? [A-Za-z]|^[,.;]? [A-Za-z]{2,}|[A-Za-z]{2,}[,:]? $")


def stages() -> list[str]:
    found = []
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if not NO_STAGES & set(inside.parts):
                found.append(str(inside))
    return found


def put_together(source: str) -> Iterator[tuple[int, str]]:
    """Sentences with values in a source that are no shape: f-strings, `+`, `"…" % x`, join."""
    tree = ast.parse(source)
    logged = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "logger"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in logged:
            continue
        if isinstance(node, ast.JoinedStr):
            pieces = [one.value for one in node.values if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            pieces = [one.value for one in (node.left, node.right) if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            filled = node.func.attr == "format" and isinstance(node.func.value, ast.Constant)
            pieces = [node.func.value.value] if filled else []
        else:
            continue
        if any(SENTENCE.search(piece) for piece in pieces if isinstance(piece, str)):
            yield node.lineno, ast.unparse(node)


@pytest.mark.parametrize("path", [path for path in stages() if path not in NOT_FOR_ROWS])
def test_no_sentence_with_values_is_put_together_without_a_shape(path):
    found = [
        f"{path}:{line}: {text}"
        for line, text in put_together((ROOT / path).read_text())
        if text not in NO_REASONS
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'row.problem = f"Page {number} is damaged."',
        'row.problem = "Page %s is damaged." % number',
        'row.problem = "Page {} is damaged.".format(number)',
        'row.problem = why + " It is tried again."',
        'row.problem = f"{why} It is tried again."',
    ],
)
def test_a_sentence_that_is_put_together_is_found(source):
    assert list(put_together(source))
    assert not list(put_together("row.problem = DAMAGED % {'number': number}"))
    assert not list(put_together("logger.info('page %s is damaged' % number)"))


def shapes_of(source: str) -> Iterator[str]:
    """Texts with holes that a module has as constants: lines `NAME = gettext_noop("…")`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.Dict):
            for call in ast.walk(node.value):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "gettext_noop":
                    text = ast.literal_eval(call.args[0])
                    if HOLE.search(text):
                        yield text


@pytest.mark.parametrize("path", stages())
def test_every_shape_is_registered(path):
    known = {*ROWS.texts(), *REASONS.texts(), *FEEDBACK.texts()}
    assert set(shapes_of((ROOT / path).read_text())) <= known


def test_nothing_is_left_out_that_needs_not_be():
    found = {
        path: {text for _, text in put_together((ROOT / path).read_text())} for path in stages()
    }
    left_out = {path: found.pop(path, set()) for path in NOT_FOR_ROWS}
    assert [path for path, texts in left_out.items() if not texts] == []
    assert set(NO_REASONS) - set().union(*found.values()) == set()

"""What providers say in fixed words, as the catalogues of languages know it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation import override

from accounts.told import told
from batching import providers
from tests.test_row_words import NOT_FOR_ROWS

# As a whole: no piece of a text, no word of a vendor.
SENTENCE = re.compile(r"[A-Z].* .*\.", re.DOTALL)
# Marked; said of settings; counted, and kept nowhere.
KNOWN = ("gettext_noop", "BadOption", "UnreadableLine")


def modules() -> list[str]:
    root = Path(settings.BASE_DIR)
    found = (root / "batching" / "providers").rglob("*.py")
    return sorted({str(path.relative_to(root)) for path in found} - NOT_FOR_ROWS.keys())


def unmarked(source: str) -> Iterator[str]:
    """Sentences in a source that no catalogue finds."""
    nodes = list(ast.walk(ast.parse(source)))
    passed = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in KNOWN:
            passed |= {id(one) for one in ast.walk(node)}
    texts = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in passed)
    yield from (str(one.value) for one in texts if SENTENCE.fullmatch(str(one.value)))


@pytest.mark.parametrize("path", modules())
def test_every_sentence_of_a_provider_can_be_translated(path):
    assert not list(unmarked((Path(settings.BASE_DIR) / path).read_text()))


def test_a_sentence_that_nobody_marked_is_found():
    assert list(unmarked('"""A module."""\nGONE = "The batch is gone."')) == ["The batch is gone."]
    assert not list(unmarked('GONE = gettext_noop("The batch is gone.")'))


@pytest.mark.parametrize("name", ["notice", "missing"])
def test_what_a_provider_says_of_itself_is_translated(name):
    said = {getattr(providers.get(one), name) for one in providers.names()} - {""}
    assert said
    with override("de"):
        assert not {text for text in said if told(text) == text}


def test_titles_of_a_fresh_installation_can_be_translated():
    with override("de"):
        assert providers.about("offline").title == "Offline-Vergleich"
        assert told("Local model") == "Lokales Modell"
    assert providers.title_of("offline") == "Offline baseline"

"""Every text of a page can be translated, and the German catalogue has all of them.

In an area that stands in DONE no template shows unmarked text, and every text of it is in the
catalogue, translated. Adding an area is one line.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.core.management import call_command
from django.template.base import Lexer, Token, TokenType
from django.utils.translation import gettext, ngettext, override

from accounts.checks import check_catalogues

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
CATALOGUE = ROOT / "config/locale/de/LC_MESSAGES/django.po"

# Beginnings of paths. "templates/" itself is the frame: the files that lie in no folder of it.
DONE = (
    "accounts/",
    "batching/",
    "config/",
    "exams/",
    "grading/",
    "templates/",
    "templates/accounts/",
    "templates/admin/",
    "templates/config/",
    "templates/exams/",
    "templates/grading/",
)


def is_done(path: str) -> bool:
    folder = path.rpartition("/")[0] + "/"
    inside = [area for area in DONE if area != "templates/" and path.startswith(area)]
    return bool(inside or folder == "templates/")


# -- marked --------------------------------------------------------------------------------------

# Names and units, the same in every language.
NAMES = re.compile(
    r"\b(?:Sheaf|Flower|CSV|ZIP|PDF|JSON Schema|JSON|Canvas|Moodle|KB|MB|GB|API|OpenAPI)\b"
)
WORD = re.compile(r"[^\W\d_]{2,}")
PROSE = re.compile(r"[^\W\d_]{2,},? [^\W\d_]{2,}")
# What stands in these is for machines, or is typed as it stands there.
UNREAD = {"script", "style", "code", "pre", "kbd"}
READ_ATTRIBUTES = {"title", "aria-label", "aria-description", "placeholder", "alt", "label"}
READ_ATTRIBUTES |= {"aria-valuetext", "aria-roledescription", "hx-confirm", "hx-prompt"}
LITERAL = re.compile(r"""(?P<key>\w+=)?(?P<marked>_\()?(?P<quote>["'])(?P<text>.*?)(?P=quote)""")
FILTER = re.compile(r"""\|(default|default_if_none|yesno|add|join):(["'])(.*?)\2""")
# The form of a day is a text as well: a full stop stands after it in German.
DATE = re.compile(r"""\|date:["'][^"']*[djDlFMmn][^"']*["']""")
READ_KEYS = {"title=", "text=", "label=", "heading=", "hint="}
# Codes, states, addresses of templates and values of attributes.
CODE = re.compile(r"[a-z0-9_./:#,?&=-]*")


class Page(HTMLParser):
    """Collects what a person reads of a page whose template tags were taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.inside.append(tag)
        kind = dict(attrs).get("type")
        for name, value in attrs:
            is_button = name == "value" and tag == "input" and kind in ("submit", "button")
            is_read = is_button or name in READ_ATTRIBUTES or name.startswith("data-text")
            pattern = WORD if is_read else PROSE
            if (is_read or name.startswith("data-")) and pattern.search(unnamed(value or "")):
                self.found.append((self.getpos()[0], f"{name}={value}"))

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        match = WORD.search(unnamed(data))
        if match and not self.inside:
            line = self.getpos()[0] + data[: data.find(match[0])].count("\n")
            self.found.append((line, " ".join(data.split())[:80]))


def unnamed(text: str) -> str:
    return NAMES.sub("", text)


def unmarked(source: str) -> list[tuple[int, str]]:
    """The lines of a template with a text that nobody could translate."""
    rest: list[str] = []
    found: list[tuple[int, str]] = []
    until = ""
    for token in Lexer(source).tokenize():
        is_block = token.token_type == TokenType.BLOCK
        name = token.contents.split()[0] if is_block and token.contents else ""
        if until:
            until = "" if name == until else until
            rest.append("\n" * token.contents.count("\n"))
        elif token.token_type == TokenType.TEXT:
            rest.append(token.contents)
        elif name in ("blocktranslate", "comment"):
            until = f"end{name}"
        elif token.token_type != TokenType.COMMENT:
            found += [(token.lineno, text) for text in _literals(token, name)]
    page = Page()
    page.feed("".join(rest))
    page.close()
    return sorted(found + page.found)


def _literals(token: Token, name: str) -> Iterator[str]:
    """Texts inside a tag: what is given to another template, or stands in for a missing value."""
    if "|pluralize" in token.contents:
        yield "|pluralize"
    yield from DATE.findall(token.contents)
    for _filter, _quote, text in FILTER.findall(token.contents):
        if WORD.search(text) and not (CODE.fullmatch(text) and _filter != "default"):
            yield text
    if name not in ("include", "with"):
        return
    for literal in LITERAL.finditer(token.contents.partition(" with ")[2] or token.contents):
        text, key = literal["text"], literal["key"] or ""
        if key and not literal["marked"] and WORD.search(unnamed(text)):
            is_read = key in READ_KEYS or not (CODE.fullmatch(text) or key.endswith("class="))
            if is_read:
                yield f"{key}{text}"


def templates() -> list[str]:
    files = (*TEMPLATES.rglob("*.html"), *TEMPLATES.rglob("*.txt"))
    return sorted(str(file.relative_to(ROOT)) for file in files)


@pytest.mark.parametrize("path", [path for path in templates() if is_done(path)])
def test_every_text_of_a_template_is_marked(path):
    found = unmarked((ROOT / path).read_text())
    assert not found, "\n".join(f"{path}:{line}: {text}" for line, text in found)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("<p>\n{{ x }}\nHello you</p>", [(3, "Hello you")]),
        ('<a title="Go on">{% translate "Go on" %}</a>', [(1, "title=Go on")]),
        ('<a aria-label="{{ n }} pages"></a>', [(1, "aria-label= pages")]),
        ('{% include "_empty.html" with title="No exams" %}', [(1, "title=No exams")]),
        ('{% include "_empty.html" with title=_("No exams") state="failed" %}', []),
        ('{{ x|default:"none" }}', [(1, "none")]),
        ("{{ n }}{{ n|pluralize }}", [(1, "|pluralize")]),
        ('{{ day|date:"j F" }}', [(1, '|date:"j F"')]),
        ("{{ day|date:_('j F') }}{{ day|date:'c' }}", []),
        ('<b data-text-gone="Gone"></b>', [(1, "data-text-gone=Gone")]),
        ('<b class="not read">{% blocktranslate %}Read{% endblocktranslate %}</b>', []),
        ("{% comment %}Not read{% endcomment %}<code>not read</code>Sheaf", []),
    ],
)
def test_an_unmarked_text_is_found_with_its_line(source, told):
    assert unmarked(source) == told


def test_scripts_hold_no_words():
    """They take them from the page (static/js/shell.js)."""
    sentence = re.compile(r"""(["'`])[A-Z{$][^"'`]*?[a-z]{2,}[,;:.]? [a-z]{2,}[^"'`]*\1""")
    for file in sorted((ROOT / "static/js").glob("*.js")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            code = line.partition("//")[0]
            assert not sentence.search(code), f"{file.name}:{number}: {line.strip()}"


# -- translated ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def german() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="de")


@pytest.fixture
def extracted(tmp_path, settings, monkeypatch) -> Catalog:
    """What makemessages finds, in a copy: it writes beside the files that it reads."""
    copy, here = tmp_path / "copy", Path.cwd()
    for folder in ("accounts", "batching", "config", "exams", "grading", "templates"):
        leave = shutil.ignore_patterns("migrations", "locale", "__pycache__")
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave)
    (copy / "locale").mkdir()
    settings.LOCALE_PATHS = [copy / "locale"]
    monkeypatch.chdir(copy)
    call_command("makemessages", locale=["de"], add_location="file", verbosity=0)
    os.chdir(here)
    with (copy / "locale/de/LC_MESSAGES/django.po").open("rb") as file:
        return read_po(file)


def missing(message: Message, german: Catalog) -> str:
    """Why a text is not translated; "" when it is."""
    there = german.get(message.id, context=message.context)
    if there is None:
        return "not in the catalogue: run make texts"
    if there.fuzzy:
        return "only guessed (fuzzy)"
    texts = there.string if isinstance(there.string, tuple | list) else [there.string]
    return "" if all(texts) else "not translated"


def test_the_german_catalogue_is_complete(extracted, german):
    """Every text of the areas that are done."""
    wrong = [
        f"{where}: {message.id!r} is {reason}"
        for message in extracted
        for where in [next((path for path, _ in message.locations if is_done(path)), "")]
        if message.id and where and (reason := missing(message, german))
    ]
    assert not wrong, "\n".join(wrong)


PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|(?<!%)\{\w*\}")
TAG = re.compile(r"</?\w+[^>]*>")


def test_a_translation_has_the_placeholders_and_tags_of_its_text(german):
    def parts(text: str) -> list[str]:
        return sorted({*PLACEHOLDER.findall(text)}) + sorted(TAG.findall(text))

    for message in german:
        several = isinstance(message.id, tuple | list)
        sources = message.id if several else [message.id]
        texts = message.string if several else [message.string]
        for text in filter(None, texts):
            fits = [parts(source) for source in sources]
            assert not message.id or parts(text) in fits, f"{message.id!r}: {text!r}"


def test_german_speaks_german():
    with override("de"):
        assert gettext("Sign out") == "Abmelden"
        assert ngettext("%(count)s link will be e-mailed.", "%(count)s links will be e-mailed.", 2)


def test_a_catalogue_that_was_not_compiled_again_is_a_warning(settings, tmp_path):
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source, compiled = folder / "django.po", folder / "django.mo"
    source.touch()
    settings.LOCALE_PATHS = [tmp_path]
    assert [found.id for found in check_catalogues(None)] == ["sheaf.W010"]
    compiled.touch()
    assert check_catalogues(None) == []
    os.utime(compiled, (1, 1))
    assert [found.id for found in check_catalogues(None)] == ["sheaf.W010"]

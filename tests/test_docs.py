"""What the documents point to is there, and what they show was taken by the walk."""

import re

import pytest

from tests.test_architecture import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
PICTURES = ROOT / "docs" / "images"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document):
    local = [one for _, one in LINK.findall(document.read_text()) if "://" not in one]
    missing = [one for one in local if not (document.parent / one).exists()]
    assert not missing


def test_every_picture_is_shown_and_taken_by_the_walk():
    shown = {
        (document.parent / one).resolve()
        for document in DOCUMENTS
        for is_picture, one in LINK.findall(document.read_text())
        if is_picture
    }
    assert shown == set(PICTURES.iterdir())
    taken = re.findall(r'take\("([\w-]+)"\)', (ROOT / "tests/browser/guide.py").read_text())
    assert {path.stem for path in shown} == set(taken)


def test_pictures_are_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) < 1_500_000

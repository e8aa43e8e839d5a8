"""The fixed words of providers, as the catalogues of languages know them."""

import ast
from pathlib import Path

from django.conf import settings
from django.utils.translation import override

from accounts.told import told
from batching import providers
from batching.provider_words import PROVIDER_WORDS, TITLES


def said_by_providers() -> set[str]:
    folder = Path(settings.BASE_DIR) / "batching" / "providers"
    return {
        node.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_what_can_be_translated_is_what_providers_say():
    assert set(PROVIDER_WORDS) <= said_by_providers()


def test_what_a_provider_says_of_itself_can_be_translated():
    notices = {providers.about(name).notice for name in providers.names()}
    assert notices - {""} <= set(PROVIDER_WORDS)


def test_what_a_provider_is_missing_can_be_translated():
    missing = {providers.get(name).missing for name in providers.names()} - {""}
    assert missing
    with override("de"):
        assert not {text for text in missing if told(text) == text}


def test_titles_of_a_fresh_installation_can_be_translated():
    with override("de"):
        assert providers.about("offline").title == "Offline-Vergleich"
    assert providers.title_of("offline") == TITLES[0]

"""The fixed words of providers, as the catalogues of languages know them."""

import ast
from pathlib import Path

from django.conf import settings

from batching import providers
from batching.provider_words import PROVIDER_WORDS


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

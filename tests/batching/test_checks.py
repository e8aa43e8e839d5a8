"""What `manage.py check` says of the configured providers."""

from __future__ import annotations

import pytest

from batching.checks import check_providers
from batching.providers import configure


@pytest.fixture
def said(settings):
    """The ids and words of the checks for these named configurations."""

    def _said(proposed: str = "offline", **named):
        drivers = {"offline": {}, "openai": {"api_key": ""}, "gemini": {"api_key": ""}, "local": {}}
        settings.SHEAF_DEFAULT_PROVIDER = proposed
        settings.SHEAF_PROVIDERS = configure.combine(drivers, named, variable=lambda name: "")
        settings.SHEAF_PROVIDERS_NAMED = list(named)
        return [(one.id, f"{one.msg} {one.hint}") for one in check_providers(None)]

    return _said


def test_an_installation_without_vendors_is_silent(said):
    assert said() == []


def test_a_proposed_provider_without_its_key_gets_a_hint(said):
    [(identity, words)] = said("gemini")
    assert identity == "sheaf.W001"
    assert "GEMINI_API_KEY" in words


def test_a_named_provider_without_its_key_gets_a_hint_with_its_variable(said):
    price = {"input": 1, "output": 4}
    found = said(mini={"driver": "openai", "api_key_env": "OPENAI_KEY_2", "price": price})
    assert [identity for identity, _ in found] == ["sheaf.W001"]
    assert "OPENAI_KEY_2" in found[0][1]


def test_a_named_provider_without_a_price_is_no_secret(said):
    found = dict(said(mini={"driver": "openai"}))
    assert "mini" in found["sheaf.W002"]
    assert "where there is a spending cap" in found["sheaf.W002"]


def test_prices_in_several_currencies_cannot_be_added_up(said):
    key = {"driver": "openai", "api_key_env": "OPENAI_KEY_2"}
    price = {"input": 1, "output": 4}
    euro = {**price, "currency": "EUR"}
    [(identity, words)] = [
        one
        for one in said(
            a={**key, "price": price}, b={**key, "price": euro}, c={"driver": "offline"}
        )
        if one[0] != "sheaf.W001"
    ]
    assert identity == "sheaf.W003"
    assert "USD (a); EUR (b)" in words
    assert "Spending caps add amounts up" in words
    for same in (price, {**price, "currency": "USD"}):
        found = dict(said(a={**key, "price": price}, b={**key, "price": same}))
        assert set(found) == {"sheaf.W001"}


def test_a_free_provider_of_the_school_needs_no_price(said):
    assert said(lab={"driver": "local", "base_url": "http://gpu/v1", "model": "tiny"}) == []


def test_an_option_that_cannot_be_is_an_error_even_where_nobody_uses_it(said):
    found = said(lab={"driver": "local", "base_url": "http://gpu/v1", "model": "m", "form": "xml"})
    assert [identity for identity, _ in found] == ["sheaf.E001"]
    assert "The provider lab: form must be one of" in found[0][1]


def test_a_proposed_provider_that_is_not_there_is_an_error(said):
    [(identity, words)] = said("chatgpt")
    assert identity == "sheaf.E002"
    assert "offline, openai, gemini, local" in words

"""Which providers there are, by the environment alone, and which of them are ready."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from batching import providers
from batching.providers import ProviderNotReady, UnknownProvider, configure
from batching.providers.base import BatchProvider, DirectProvider, Price
from batching.providers.options import BadOption, Options

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import json
from config import settings
print(json.dumps([settings.SHEAF_PROVIDERS, settings.SHEAF_PROVIDERS_NAMED,
                  str(settings.SHEAF_SPENDING_CAP), settings.SHEAF_SAMPLES]))
"""


def start(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own with these variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        env=kept | {"SHEAF_DATA_DIR": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def configurations(tmp_path: Path, **variables: str) -> dict[str, dict]:
    started = start(tmp_path, **variables)
    assert started.returncode == 0, started.stderr
    return json.loads(started.stdout)[0]


@pytest.fixture
def configured(settings):
    """Configurations as settings would have them; gives nothing."""

    def _configured(**named):
        drivers = {"offline": {}, "openai": {"api_key": ""}, "local": {"concurrency": 3}}
        settings.SHEAF_PROVIDERS = configure.combine(
            drivers, named, variable=lambda name: f"key in {name}"
        )
        settings.SHEAF_PROVIDERS_NAMED = list(named)

    return _configured


# -- by the environment alone -------------------------------------------------------------


def test_a_fresh_installation_has_all_drivers_and_only_the_offline_one_is_ready():
    assert providers.names() == ["offline", "openai", "gemini", "local"]
    assert [providers.ready(name) for name in providers.names()] == [True, False, False, False]
    assert providers.choices() == [("offline", "Offline baseline")]


def test_each_provider_is_set_by_its_own_variables(tmp_path):
    found = configurations(
        tmp_path,
        OPENAI_API_KEY="key-1",
        OPENAI_BASE_URL="http://127.0.0.1:1/v1",
        OPENAI_MODEL="model-1",
        GEMINI_API_KEY="key-2",
        GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:2",
        GEMINI_MODEL="model-2",
        LOCAL_BASE_URL="http://127.0.0.1:3/v1",
        LOCAL_MODEL="model-3",
        LOCAL_API_KEY="key-3",
        LOCAL_CONCURRENCY="7",
        LOCAL_TIMEOUT_SECONDS="33",
        LOCAL_FORM="ollama",
    )
    assert found["openai"] == {
        "driver": "openai",
        "api_key": "key-1",
        "base_url": "http://127.0.0.1:1/v1",
        "model": "model-1",
    }
    assert found["gemini"]["api_key"] == "key-2"
    assert found["gemini"]["base_url"] == "http://127.0.0.1:2"
    assert found["gemini"]["model"] == "model-2"
    assert found["local"] == {
        "driver": "local",
        "api_key": "key-3",
        "base_url": "http://127.0.0.1:3/v1",
        "model": "model-3",
        "concurrency": 7,
        "retries": 2,
        "timeout": 33,
        "temperature": 0,
        "form": "ollama",
    }


def test_further_configurations_are_named_in_one_variable(tmp_path):
    named = {
        "openai-mini": {"driver": "openai", "model": "mini", "api_key_env": "OPENAI_KEY_2"},
        "openai-same": {"driver": "openai", "model": "other"},
        "openai": {"enqueued_tokens": 2_000_000},
    }
    found = configurations(
        tmp_path,
        OPENAI_API_KEY="key-1",
        OPENAI_KEY_2="key-2",
        OPENAI_MODEL="large",
        SHEAF_PROVIDERS=json.dumps(named),
    )
    assert list(found) == ["offline", "openai", "gemini", "local", "openai-mini", "openai-same"]
    assert found["openai-mini"]["api_key"] == "key-2"
    assert found["openai-mini"]["model"] == "mini"
    assert found["openai-same"]["api_key"] == "key-1"
    assert found["openai"]["enqueued_tokens"] == 2_000_000
    assert found["openai"]["model"] == "large"


def test_a_key_is_never_sent_to_an_address_it_was_not_set_for(tmp_path):
    named = {
        "elsewhere": {"driver": "openai", "base_url": "https://elsewhere.example/v1"},
        "lab": {
            "driver": "openai",
            "base_url": "https://lab.example/v1",
            "api_key_env": "LAB_KEY",
        },
    }
    found = configurations(
        tmp_path, OPENAI_API_KEY="key-1", LAB_KEY="key-2", SHEAF_PROVIDERS=json.dumps(named)
    )
    assert found["elsewhere"]["api_key"] == ""
    assert found["lab"]["api_key"] == "key-2"


def test_what_is_sent_to_an_emulator_is_said_to_be_emulated(tmp_path):
    found = configurations(
        tmp_path,
        OPENAI_BASE_URL="http://127.0.0.1:8101/v1",
        GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:8102",
        LOCAL_BASE_URL="http://127.0.0.1:81011/v1",
        SHEAF_EMULATORS="http://127.0.0.1:8101, http://127.0.0.1:8102/",
    )
    emulated = [name for name, options in found.items() if options.get("emulated")]
    assert emulated == ["openai", "gemini"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "SHEAF_PROVIDERS is not valid JSON"),
        ("[]", "SHEAF_PROVIDERS must be an object"),
        ('{"a": 1}', "a must be an object of options"),
        ('{"a b": {"driver": "local"}}', "'a b' is no name"),
        ('{"a": {"driver": "openai"}, "a": {"driver": "local"}}', "'a' stands there twice"),
        ('{"a": {}}', "the driver of a must be one of offline, openai, gemini, local"),
        ('{"a": {"driver": "chatgpt"}}', "the driver of a must be one of"),
        ('{"a": {"driver": "openai", "api_key": "sk-secret"}}', "a holds a key itself"),
        ('{"a": {"driver": "openai", "api_key_env": "sk-secret"}}', "not a key"),
        ('{"a": {"driver": "openai", "emulated": true}}', "a must not say emulated"),
    ],
)
def test_configurations_that_cannot_be_stop_the_start_without_showing_a_key(tmp_path, text, reason):
    refused = start(tmp_path, SHEAF_PROVIDERS=text)
    assert refused.returncode == 3
    [line] = refused.stderr.splitlines()
    assert line.startswith("Sheaf cannot start. SHEAF_PROVIDERS")
    assert reason in line
    assert "sk-secret" not in refused.stderr


@pytest.mark.parametrize(("text", "cap"), [("", "None"), ("0", "0"), ("12.50", "12.50")])
def test_the_spending_cap_is_none_unless_it_is_set(tmp_path, text, cap):
    started = start(tmp_path, SHEAF_SPENDING_CAP=text)
    assert json.loads(started.stdout)[2] == cap


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "a lot"])
def test_a_spending_cap_that_is_none_is_refused(tmp_path, text):
    refused = start(tmp_path, SHEAF_SPENDING_CAP=text)
    assert "SHEAF_SPENDING_CAP must be 0 or more" in refused.stderr


def test_samples_are_sent_as_images_or_as_text(tmp_path):
    assert json.loads(start(tmp_path).stdout)[3] == "images"
    assert json.loads(start(tmp_path, SHEAF_SAMPLES="text").stdout)[3] == "text"
    assert "SHEAF_SAMPLES must be" in start(tmp_path, SHEAF_SAMPLES="video").stderr


@pytest.mark.parametrize("name", ["openai", "httpx2", "httpcore2", "google_genai", "google.auth"])
def test_the_libraries_of_the_vendors_are_quiet_at_debug(name, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(f"{name}.inside").debug("Zebulon")
    assert "Zebulon" not in caplog.text


# -- the registry -------------------------------------------------------------------------


def test_a_provider_without_its_key_can_be_shown_but_not_used(configured):
    configured()
    assert isinstance(providers.get("openai"), BatchProvider)
    assert providers.about("openai").title
    with pytest.raises(ProviderNotReady, match="OPENAI_API_KEY"):
        providers.require("openai")
    with pytest.raises(ProviderNotReady, match="Set LOCAL_BASE_URL"):
        providers.require("local")
    assert isinstance(providers.require("offline"), DirectProvider)


def test_a_missing_key_is_asked_for_by_the_name_of_its_own_variable(settings):
    settings.SHEAF_PROVIDERS = configure.combine(
        {"openai": {"api_key": "key-1"}},
        {"mini": {"driver": "openai", "api_key_env": "OPENAI_KEY_2"}},
        variable=lambda name: "",
    )
    assert providers.ready("openai")
    assert "OPENAI_KEY_2" in providers.get("mini").missing


def test_forms_offer_what_is_ready_and_no_two_titles_alike(configured):
    lab = {"driver": "local", "base_url": "http://gpu:8000/v1", "model": "tiny"}
    configured(lab=lab, attic={**lab, "base_url": "http://attic/v1"}, big={**lab, "model": "big"})
    assert providers.choices() == [
        ("offline", "Offline baseline"),
        ("lab", "Local model tiny (lab)"),
        ("attic", "Local model tiny (attic)"),
        ("big", "Local model big"),
    ]


def test_a_configuration_that_is_gone_can_still_be_spoken_of(configured):
    configured()
    assert providers.about("lab").title == "lab (no longer configured)"
    assert not providers.ready("lab")
    with pytest.raises(UnknownProvider, match="offline, openai, local"):
        providers.require("lab")


def test_an_option_that_nobody_knows_is_named_with_its_configuration(configured):
    configured(lab={"driver": "local", "modell": "tiny"})
    with pytest.raises(
        ImproperlyConfigured, match="The provider lab: There is no option modell"
    ) as told:
        providers.get("lab")
    assert (told.value.__cause__, told.value.__suppress_context__) == (None, True), "one error"


@pytest.mark.parametrize("driver", ["openai", "local"])
def test_only_options_that_can_be_written_are_offered_for_one_that_nobody_knows(configured, driver):
    configured(lab={"driver": driver, "modell": "tiny"})
    with pytest.raises(ImproperlyConfigured) as told:
        providers.get("lab")
    offered = set(str(told.value).partition("There are: ")[2].rstrip(".").split(", "))
    assert offered >= {"model", "base_url", "api_key_env", "price"}
    assert not offered & {"api_key", "emulated"}


def test_a_provider_is_made_anew_when_its_options_change(configured):
    configured(lab={"driver": "local", "concurrency": 4})
    first = providers.get("lab")
    assert providers.get("lab") is first
    configured(lab={"driver": "local", "concurrency": 5})
    assert providers.get("lab").concurrency == 5


def test_a_batch_provider_is_not_asked_directly(configured):
    configured()
    with pytest.raises(UnknownProvider):
        providers.get_direct("openai")
    with pytest.raises(UnknownProvider):
        providers.get_batch("local")
    assert providers.get_batch("openai").kind == "batch"


def test_a_price_that_nobody_named_is_not_known(configured):
    configured(mini={"driver": "openai", "price": {"input": 0.2, "output": 0.8}})
    assert not providers.price_known("openai")
    assert providers.price_known("mini")
    assert providers.price_known("local")
    assert providers.price_known("offline")


# -- options --------------------------------------------------------------------------------


def test_there_is_one_currency_only_where_all_prices_have_it(configured):
    assert providers.currency() == "", "nothing has a price"
    dollars = {"driver": "openai", "price": {"input": 1, "output": 2}}
    configured(mini=dollars, other=dollars)
    assert providers.currency() == "USD"
    euros = {"driver": "openai", "price": {"input": 1, "output": 2, "currency": "EUR"}}
    configured(mini=dollars, other=euros)
    assert providers.currency() == ""


def test_a_price_is_read_to_the_last_digit():
    given = Options({"price": {"input": 0.1, "output": "0.40", "currency": "EUR"}})
    assert given.price() == Price(Decimal("0.1"), Decimal("0.40"), Decimal("0.1"), "EUR")
    assert Options({}).price() is None


@pytest.mark.parametrize("price", [{"input": -1, "output": 1}, {"input": "NaN", "output": 1}, 3])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(BadOption, match="price"):
        Options({"price": price}).price()


def test_what_is_empty_has_its_default():
    given = Options({"model": "", "limit": None, "gray": False, "zero": 0})
    assert given.text("model", "tiny") == "tiny"
    assert given.optional_count("limit", 7) == 7
    assert given.flag("gray", True) is False
    assert given.count("zero", 5) == 0


def test_a_value_of_a_wrong_type_is_not_shown_where_it_may_be_a_key():
    with pytest.raises(BadOption) as refusal:
        Options({"api_key": 1234567}).text("api_key")
    assert "1234567" not in str(refusal.value)

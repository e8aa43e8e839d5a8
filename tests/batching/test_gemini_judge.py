"""Every line for Gemini against a judge that we did not write: Google's own messages.

google-ai-generativelanguage 0.12.1 holds the service's protobuf messages as last published;
its JSON reader refuses a field that the message does not have, in the service's own words.
It is older than the service. Of what we may send it does not know `thinking_level` (in
`thinking_config`, generation 3 and on): that one field is taken out before it judges, and the
last test here fails on the day that it is known.
"""

import json
from decimal import Decimal

import pytest
import yaml
from django.conf import settings
from google.ai.generativelanguage_v1beta.types import GenerateContentRequest, GenerationConfig
from google.protobuf import json_format

from batching.images import reader
from batching.models import BatchItem
from batching.providers.gemini import GeminiProvider
from exams import key_request
from exams.rubrics import current_rubric
from grading.requests import drafts_of
from tests import factories
from tests.batching.provider_steps import make_request, read_image

BONUS_AND_PENALTY = [
    {
        "id": "A",
        "description": "Essay",
        "items": [
            {"id": "A.style-1", "description": "Style", "max_marks": 10, "step": 0.1},
            {"id": "A_content", "description": "Größe & Inhalt “quoted”", "max_marks": 20},
        ],
    },
    {"id": "late", "description": "Late", "kind": "penalty", "max_marks": 3, "step": 0.5},
    {"id": "extra", "description": "Extra", "kind": "bonus", "max_marks": 2, "step": 1},
]
FORTY = [
    {"id": f"Q{n}", "description": f"Question {n}", "max_marks": 40, "step": 0.25, "answer": "x"}
    for n in range(1, 41)
]
WATER_CYCLE = (settings.BASE_DIR / "grading/demo/exam.yaml").read_text()
RUBRICS = {
    "biology": None,
    "one question": [{"id": "1", "description": "All of it", "max_marks": 5, "step": 0.5}],
    "bonus and penalty": BONUS_AND_PENALTY,
    "forty questions": FORTY,
    "the demo": yaml.safe_load(WATER_CYCLE)["rubric_items"],
}
CONFIGURATIONS = {
    "plain": {},
    "no thoughts": {"thinking_budget": 0, "temperature": 0},
    "thoughts": {"thinking_budget": -1, "media_resolution": "HIGH"},
    "a level": {"model": "gemini-3.8-flash", "thinking_level": "LOW", "media_resolution": "LOW"},
}


def judged(provider, line):
    """The message of a line's request. Raises json_format.ParseError."""
    value = json.loads(line)
    assert set(value) == {"key", "request"}
    request = value["request"]
    level = request["generation_config"].get("thinking_config", {}).pop("thinking_level", None)
    assert level == (provider._wording.level or None)
    # The model is named in the address of the call, and by every message of the judge.
    message = {"model": f"models/{provider.model}", **request}
    return GenerateContentRequest(
        json_format.ParseDict(message, GenerateContentRequest.pb()(), ignore_unknown_fields=False)
    )


@pytest.fixture(params=CONFIGURATIONS, ids=CONFIGURATIONS)
def provider(request):
    return GeminiProvider({"api_key": "k", **CONFIGURATIONS[request.param]})


@pytest.mark.django_db
@pytest.mark.parametrize("items", RUBRICS.values(), ids=RUBRICS)
def test_google_knows_every_field_of_a_request_for_a_sheet(provider, items):
    exam = factories.make_exam(items=items)
    sheet = factories.make_sheet(exam, state="mapped", pages=2)
    item = BatchItem(pk=1, subject_id=sheet.pk, custom_id="5f0c1e")
    request = drafts_of(current_rubric(exam), [item])[1].request

    line = provider.encode(request, reader(provider.rendition)).content
    message = judged(provider, line)

    pages = [part.inline_data for part in message.contents[0].parts if part.inline_data.data]
    assert [page.mime_type for page in pages] == ["image/jpeg"] * 2
    assert all(page.data.startswith(b"\xff\xd8\xff") for page in pages)
    assert message.system_instruction.parts[0].text == request.system
    form = message.generation_config
    assert form.response_mime_type == "application/json"
    assert form.max_output_tokens >= request.max_output_tokens or form.max_output_tokens == 65_536
    entry = form.response_schema.properties["parts_by_code"].items
    codes = [c.code for c in current_rubric(exam).criteria.filter(max_marks__isnull=False)]
    assert sorted(entry.properties["code"].enum) == sorted(codes)
    assert entry.properties["page"].nullable
    assert Decimal(entry.properties["awarded"].maximum) >= 2


def test_google_knows_every_field_of_a_request_for_an_answer_key(provider):
    request = make_request("item-1")
    asked = type(request)(
        "item-1", key_request.SYSTEM, request.parts, key_request.SCHEMA, fixed_parts=2
    )
    message = judged(provider, provider.encode(asked, read_image).content)
    criteria = message.generation_config.response_schema.properties["criteria"]
    assert criteria.items.properties["max_marks"].nullable


def test_the_settings_of_a_configuration_arrive_as_what_they_mean():
    provider = GeminiProvider(
        {
            "api_key": "k",
            "thinking_budget": 512,
            "media_resolution": "MEDIUM",
            "temperature": 0.2,
        }
    )
    form = judged(provider, provider.encode(make_request("a"), read_image).content)
    form = form.generation_config
    assert form.thinking_config.thinking_budget == 512
    assert form.media_resolution == GenerationConfig.MediaResolution.MEDIA_RESOLUTION_MEDIUM
    assert form.temperature == pytest.approx(0.2)
    assert form.max_output_tokens == 4096 + 512


def test_the_judge_refuses_what_the_service_does_not_know():
    provider = GeminiProvider({"api_key": "k"})
    value = json.loads(provider.encode(make_request("a"), read_image).content)
    for place, name, wrong in (
        (value["request"], "config", {}),
        (value["request"]["generation_config"], "thinking_budget", 5),
        (value["request"]["generation_config"]["response_schema"], "additionalProperties", False),
        (value["request"]["generation_config"]["response_schema"], "type", "object"),
    ):
        kept = dict(place)
        place[name] = wrong
        with pytest.raises(json_format.ParseError):
            judged(provider, json.dumps(value))
        place.clear()
        place.update(kept)
    assert judged(provider, json.dumps(value))


def test_the_judge_still_does_not_know_levels_of_thinking():
    with pytest.raises(json_format.ParseError, match="thinking_level"):
        json_format.ParseDict(
            {"thinking_config": {"thinking_level": "LOW"}}, GenerationConfig.pb()()
        )

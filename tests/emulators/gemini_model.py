"""What the emulated Gemini makes of one line of a batch: a check, then a line of the results.

Lines are held against the service's own messages: what is unknown there fails the whole job,
naming the line, as do response schemas with objects in objects in objects (python-genai#1307).
Marks are those of the offline reader, worked out from the request alone.

Faults at "line" are those of the text (tests/emulators/mangle.py), and

| kind | what happens |
| --- | --- |
| cut | finish reason MAX_TOKENS, half of a reply |
| cut-thoughts | finish reason MAX_TOKENS, thoughts alone |
| thought-parts | thoughts in a part of their own, the reply in two parts |
| repeated-code | the first entry of a flat list stands there twice |
| nested | the reply in the nested form, although the flat one was asked for |
| finish-SAFETY, finish-… | the reply ends for that reason, without text |
| blocked | no candidates, the prompt was blocked |
| null-response, no-response | a response that is null, or not there |
| error-3, error-8, error-13, … | an error with that code in place of a response |
| missing, doubled, broken-line | no line, two lines, half a line |
| unknown-id | the line has a key that nobody sent |
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image as Pixels

from batching.providers import gemini_tokens
from batching.providers.parts import text_tokens
from tests.emulators.base import assess, find_rubric
from tests.emulators.mangle import TEXT_KINDS, mangle

ITEM_ID = re.compile(r"Its item id is (\S+?)\.(?:\s|$)")
THOUGHT = "Let me look at the pages one after the other."
THOUGHT_TOKENS = 80
# Kinds of mangle() that change a value of the reply, and not its text.
OF_VALUES = ("above-maximum", "nan", "all-null", "obeyed-injection")
FAULTS = tuple(
    sorted(
        {
            *TEXT_KINDS, "cut", "cut-thoughts", "thought-parts", "repeated-code", "nested",
            "finish-SAFETY", "finish-SPII", "finish-MALFORMED_RESPONSE", "blocked",
            "null-response", "no-response", "error-3", "error-8", "error-13", "missing",
            "doubled", "unknown-id", "broken-line",
        }
    )
)  # fmt: skip
"""The kinds at "line"; each concerns one request alone."""

REQUEST = frozenset(
    "contents systemInstruction generationConfig safetySettings tools toolConfig cachedContent"
    " model".split()
)
CONFIG = frozenset(
    "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType"
    " responseSchema responseJsonSchema thinkingConfig mediaResolution seed presencePenalty"
    " frequencyPenalty responseLogprobs logprobs".split()
)
THINKING = frozenset("includeThoughts thinkingBudget thinkingLevel".split())
SCHEMA = frozenset(
    "type format title description nullable enum maxItems minItems properties required"
    " minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering"
    " default items minimum maximum".split()
)
TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")
RESOLUTIONS = tuple(f"MEDIA_RESOLUTION_{level}" for level in gemini_tokens.MEDIA_RESOLUTIONS)
BEGINNINGS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
MOST_OBJECTS = 2


class BadLine(Exception):
    """The service does not take the line; the message is in its own words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line asks for: its texts in order, its pictures with the number of texts before
    them, how the reply is to be made.
    """

    key: str
    texts: list[str]
    pictures: list[tuple[int, bytes]]
    config: Mapping[str, Any]

    def own_pictures(self) -> list[bytes]:
        """Those after the words that name the item; those before are samples."""
        begin = max((n for n, text in enumerate(self.texts) if ITEM_ID.search(text)), default=-1)
        return [content for before, content in self.pictures if before > begin]

    def item_id(self) -> str:
        found = [match[1] for text in self.texts if (match := ITEM_ID.search(text))]
        return found[-1] if found else ""


def read_line(line: bytes) -> Asked:
    """What one line of the input asks for. Raises BadLine."""
    try:
        value = json.loads(line)
    except ValueError as bad:
        raise BadLine(f"Could not parse the line as JSON: {bad}") from bad
    outer = _only(value, frozenset(("key", "request")), "line", camel=False)
    if not isinstance(outer.get("key"), str) or not outer["key"]:
        raise BadLine("key: must be a text that is not empty.")
    request = _only(outer.get("request"), REQUEST, "request")
    config = _only(request.get("generationConfig", {}), CONFIG, "request.generation_config")
    _check_config(config)
    contents = request.get("contents")
    if not isinstance(contents, list) or not contents:
        raise BadLine("GenerateContentRequest.contents: contents is not specified")
    told = [request["systemInstruction"]] if "systemInstruction" in request else []
    texts: list[str] = []
    pictures: list[tuple[int, bytes]] = []
    for content in [*told, *contents]:
        inner = _only(content, frozenset(("parts", "role")), "request.contents")
        if inner.get("role", "user") not in ("user", "model"):
            raise BadLine("Please use a valid role: user, model.")
        if not isinstance(inner.get("parts"), list) or not inner["parts"]:
            raise BadLine("GenerateContentRequest.contents: parts must not be empty")
        for part in inner["parts"]:
            one = _only(part, frozenset(("text", "inlineData")), "request.contents.parts")
            if len(one) != 1:
                raise BadLine("required oneof field 'data' must have one initialized field")
            if isinstance(one.get("text"), str):
                texts.append(one["text"])
            else:
                pictures.append((len(texts), _picture(one.get("inlineData"))))
    return Asked(outer["key"], texts, pictures, config)


def key_of(line: bytes) -> str:
    """The key of a line, whatever else is wrong with it."""
    try:
        return str(json.loads(line)["key"])
    except (ValueError, LookupError, TypeError):
        return ""


def answer(asked: Asked, model: str, fault: str) -> tuple[list[bytes], dict[str, int]]:
    """The lines of the results for a request, and what is billed for it."""
    if fault.startswith("error-"):
        error = {"code": int(fault[6:]), "message": "The request could not be processed."}
        return [_dumps({"key": asked.key, "error": error})], {}
    if fault == "null-response":
        return [_dumps({"key": asked.key, "response": None})], {}
    if fault == "no-response":
        return [_dumps({"key": asked.key})], {}
    text, finish = _write(asked, fault), "STOP"
    parts: list[dict[str, Any]] = [{"text": text}]
    if fault == "thought-parts":
        half = len(text) // 2
        parts = [{"text": THOUGHT, "thought": True}, {"text": text[:half]}, {"text": text[half:]}]
    elif fault in ("cut", "truncated"):
        finish = "MAX_TOKENS"
    elif fault == "cut-thoughts":
        finish, parts = "MAX_TOKENS", []
    elif fault.startswith("finish-"):
        finish, parts = fault.removeprefix("finish-"), []
    usage = usage_of(asked, model, "".join(part["text"] for part in parts))
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0}
    if not parts:
        candidate["content"] = {"role": "model"}
    response: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "emulated",
    }
    if fault == "blocked":
        del response["candidates"]
        response["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    line = _dumps({"key": asked.key, "response": response})
    stranger = _dumps({"key": "nobody-knows-this-key", "response": response})
    lines = {
        "missing": [],
        "doubled": [line, line],
        "unknown-id": [stranger],
        "broken-line": [line[: len(line) // 2]],
    }
    return lines.get(fault, [line]), usage


def usage_of(asked: Asked, model: str, written: str) -> dict[str, int]:
    """The tokens of a request and its reply, by the rules of the model."""
    resolution = str(asked.config.get("mediaResolution", "")).removeprefix("MEDIA_RESOLUTION_")
    rule = gemini_tokens.image_rule(model, resolution)
    read = sum(map(text_tokens, asked.texts))
    for _, content in asked.pictures:
        with Pixels.open(io.BytesIO(content)) as pixels:
            read += gemini_tokens.image_tokens(rule, resolution, *pixels.size)
    thinking = _only(asked.config.get("thinkingConfig", {}), THINKING, "thinking_config")
    thought = 0 if thinking.get("thinkingBudget") == 0 else THOUGHT_TOKENS
    wrote = text_tokens(written)
    return {
        "promptTokenCount": read,
        "candidatesTokenCount": wrote,
        "thoughtsTokenCount": thought,
        "totalTokenCount": read + wrote + thought,
    }


def _write(asked: Asked, fault: str) -> str:
    """The text of the model: the offline reader's reply in the form that was asked for."""
    reply = _reply(asked)
    lists = [
        name.removesuffix("_by_code")
        for name in asked.config.get("responseSchema", {}).get("properties", {})
        if name.endswith("_by_code")
    ]
    if "parts" not in reply and fault in (*OF_VALUES, "repeated-code"):
        fault = ""  # an answer key has no marks that could be spoilt
    if fault == "nested":
        return mangle("", reply)
    if fault in OF_VALUES:
        rubric = find_rubric(asked.texts) if fault == "obeyed-injection" else None
        value = json.loads(mangle(fault, reply, rubric))
        return json.dumps(_flat(value, lists), ensure_ascii=False)
    flat = _flat(reply, lists)
    if fault == "repeated-code":
        first = f"{lists[0]}_by_code"
        flat = {**flat, first: [flat[first][0], *flat[first]]}
    return mangle({"cut": "truncated"}.get(fault, fault if fault in TEXT_KINDS else ""), flat)


def _reply(asked: Asked) -> dict[str, Any]:
    return assess(asked.item_id(), asked.texts, asked.own_pictures())


def _flat(reply: Mapping[str, Any], lists: list[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in reply.items():
        if name in lists:
            entries = [{"code": code, **entry} for code, entry in value.items()]
            flat[f"{name}_by_code"] = entries
        else:
            flat[name] = value
    return dict(sorted(flat.items(), key=lambda one: one[0] != "item_id"))


def _check_config(config: Mapping[str, Any]) -> None:
    most = config.get("maxOutputTokens", 1)
    if not isinstance(most, int) or not 1 <= most <= 65_536:
        raise BadLine(
            "Unable to submit request because it has a maxOutputTokens value out of range"
        )
    if config.get("mediaResolution", RESOLUTIONS[0]) not in RESOLUTIONS:
        raise BadLine("Invalid value at 'generation_config.media_resolution'")
    thinking = _only(config.get("thinkingConfig", {}), THINKING, "thinking_config")
    if {"thinkingBudget", "thinkingLevel"} <= set(thinking):
        raise BadLine("You can only set one of thinking budget and thinking level.")
    if "responseSchema" in config:
        if config.get("responseMimeType") != "application/json":
            raise BadLine("response_schema needs response_mime_type application/json")
        _check_schema(config["responseSchema"], 0)


def _check_schema(value: Any, objects: int) -> None:
    schema = _only(value, SCHEMA, "response_schema")
    if schema.get("type") not in TYPES:
        raise BadLine(f"Invalid value at 'response_schema.type': {schema.get('type')!r}")
    if "enum" in schema and not all(isinstance(one, str) for one in schema["enum"]):
        raise BadLine("response_schema.enum: only strings are allowed")
    if "enum" in schema and schema["type"] != "STRING":
        raise BadLine("response_schema.enum: only allowed for STRING type")
    objects += schema["type"] == "OBJECT"
    if objects > MOST_OBJECTS:
        raise BadLine(
            "A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth."
        )
    for inner in schema.get("properties", {}).values():
        _check_schema(inner, objects)
    if "items" in schema:
        _check_schema(schema["items"], objects)


def _picture(value: Any) -> bytes:
    data = _only(value, frozenset(("mimeType", "data")), "inline_data")
    try:
        content = base64.b64decode(data.get("data", ""), validate=True)
    except (binascii.Error, TypeError) as bad:
        raise BadLine("Invalid value at 'inline_data.data' (TYPE_BYTES), Base64 failed") from bad
    if not content.startswith(BEGINNINGS.get(str(data.get("mimeType")), b"none")):
        raise BadLine("Unable to process input image.")
    return content


def _only(value: Any, known: frozenset[str], where: str, *, camel: bool = True) -> dict[str, Any]:
    """An object by its camelCase names, which must be known. Raises BadLine."""
    if not isinstance(value, dict):
        raise BadLine(f"Invalid value at '{where}'")
    named = {_camel(name) if camel else name: inner for name, inner in value.items()}
    for name in named:
        if name not in known:
            raise BadLine(f"no such field: '{name}' at '{where}'")
    return named


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

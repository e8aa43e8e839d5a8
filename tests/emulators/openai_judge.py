"""What OpenAI refuses: in a file of batch input as a whole, and in the body of one request.

Comes in: the uploaded bytes, or one decoded body. Goes out: the errors as the batch or the line
carries them. Written from OpenAI's documents and apart from the provider, so that it judges it.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image as Pixels

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
ENDPOINTS = (
    CHAT,
    RESPONSES,
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/videos",
)
MOST_REQUESTS = 50_000
MODELS = re.compile(r"(ft:)?(gpt-\d|chatgpt-|o\d)[\w.:-]*\Z")
THINKING = re.compile(r"(ft:)?(gpt-[5-9]|o\d)")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
DETAILS = ("auto", "low", "high", "original")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
BOTH = {"model", "temperature", "top_p", "store", "metadata", "user", "service_tier"}
PARAMETERS = {
    CHAT: BOTH
    | set("messages response_format max_completion_tokens max_tokens reasoning_effort n".split()),
    RESPONSES: BOTH | set("instructions input text max_output_tokens reasoning truncation".split()),
}
REFUSED_KEYWORDS = set(
    "allOf oneOf not dependentRequired dependentSchemas if then else minLength maxLength"
    " uniqueItems patternProperties propertyNames $schema $id default".split()
)


class Refused(Exception):
    """A request is answered with 400."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.error = {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": code,
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a request: its bytes, its size in pixels, and the detail asked for."""

    content: bytes
    width: int
    height: int
    detail: str


def requests_of(path: Path) -> Iterator[bytes]:
    """The lines of a file of batch input that are not empty."""
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield line


def input_errors(path: Path, endpoint: str) -> list[dict[str, Any]]:
    """The errors for which a batch fails in `validating`; none when it is accepted."""
    errors: list[dict[str, Any]] = []
    seen: set[str] = set()
    models: set[str] = set()
    number = 0

    def refuse(code: str, message: str, param: str | None = None) -> None:
        errors.append({"code": code, "line": number, "message": message, "param": param})

    for number, line in enumerate(requests_of(path), start=1):  # noqa: B007
        try:
            value = json.loads(line)
        except ValueError:
            refuse("invalid_json_line", "This line is not parseable as valid JSON.")
            continue
        if not isinstance(value, dict):
            refuse("invalid_json_line", "This line is not a JSON object.")
            continue
        for name, kind in (("custom_id", str), ("method", str), ("url", str), ("body", dict)):
            if not isinstance(value.get(name), kind):
                refuse("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
                break
        else:
            if value["custom_id"] in seen:
                refuse("duplicate_custom_id", "The custom_id for this request is a duplicate.")
            seen.add(value["custom_id"])
            if value["method"] != "POST":
                refuse("invalid_method", "The method must be POST.", "method")
            if value["url"] != endpoint:
                refuse("url_mismatch", "The URL does not match the endpoint of the batch.", "url")
            model = str(value["body"].get("model"))
            if not MODELS.match(model):
                refuse("model_not_found", "The model is not supported by the Batch API.", "model")
            models.add(model)
    number = number or 0
    if len(models) > 1:
        refuse("model_mismatch", "All requests of a batch must use the same model.", "model")
    if number > MOST_REQUESTS:
        refuse("too_many_tasks", f"A batch holds at most {MOST_REQUESTS} requests.")
    if number == 0:
        errors.append({"code": "empty_file", "line": None, "message": "Empty.", "param": None})
    return errors


def check_body(body: Mapping[str, Any], endpoint: str) -> list[str | Picture]:
    """The words and pictures of a request in their order. Raises Refused."""
    try:
        return _check_body(body, endpoint)
    except (AttributeError, KeyError, TypeError) as error:
        raise Refused("Invalid body: expected another type.") from error


def _check_body(body: Mapping[str, Any], endpoint: str) -> list[str | Picture]:
    thinks = THINKING.match(str(body.get("model"))) is not None
    unknown = sorted(set(body) - PARAMETERS[endpoint])
    if unknown:
        raise Refused(f"Unknown parameter: '{unknown[0]}'.", unknown[0], "unknown_parameter")
    if thinks and "temperature" in body:
        raise Refused(
            "Unsupported parameter: 'temperature' is not supported with this model.",
            "temperature",
            "unsupported_parameter",
        )
    if endpoint == CHAT:
        effort, most, told = _chat(body)
        form = _chat_format(body)
    else:
        effort, most, told = _responses(body)
        form = body.get("text", {}).get("format")
    if effort is not None and (not thinks or effort not in EFFORTS):
        raise Refused("Unsupported value: 'reasoning_effort'.", "reasoning_effort")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 16):
        raise Refused("Invalid limit of output tokens: expected a whole number above 15.")
    if form is not None:
        check_format(form)
    return told


def _chat(body: Mapping[str, Any]) -> tuple[Any, Any, list[str | Picture]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("Missing required parameter: 'messages'.", "messages")
    told: list[str | Picture] = []
    for message in messages:
        if message.get("role") not in ("system", "developer", "user", "assistant"):
            raise Refused("Invalid role of a message.", "messages")
        content = message.get("content")
        if isinstance(content, str):
            told.append(content)
            continue
        for part in content:
            if part.get("type") == "text":
                told.append(_words(part))
            elif part.get("type") == "image_url":
                image = part.get("image_url")
                if not isinstance(image, dict):
                    raise Refused("Invalid type for 'image_url': expected an object.", "messages")
                told.append(_picture(image.get("url"), image.get("detail", "auto")))
            else:
                raise Refused("Invalid type of a part of the content.", "messages")
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    return body.get("reasoning_effort"), most, told


def _chat_format(body: Mapping[str, Any]) -> Any:
    form = body.get("response_format")
    if form is None:
        return None
    if form.get("type") != "json_schema" or not isinstance(form.get("json_schema"), dict):
        raise Refused("Missing required parameter: 'json_schema'.", "response_format")
    return {"type": "json_schema", **form["json_schema"]}


def _responses(body: Mapping[str, Any]) -> tuple[Any, Any, list[str | Picture]]:
    told: list[str | Picture] = []
    if isinstance(body.get("instructions"), str):
        told.append(body["instructions"])
    items = body.get("input")
    if not isinstance(items, list) or not items:
        raise Refused("Missing required parameter: 'input'.", "input")
    for item in items:
        for part in item.get("content", []):
            if part.get("type") == "input_text":
                told.append(_words(part))
            elif part.get("type") == "input_image":
                if "detail" not in part:
                    raise Refused("Missing required parameter: 'detail'.", "input")
                told.append(_picture(part.get("image_url"), part["detail"]))
            else:
                raise Refused("Invalid type of a part of the content.", "input")
    return body.get("reasoning", {}).get("effort"), body.get("max_output_tokens"), told


def _words(part: Mapping[str, Any]) -> str:
    if not isinstance(part.get("text"), str):
        raise Refused("Invalid type for 'text': expected a string.")
    return str(part["text"])


def _picture(url: Any, detail: Any) -> Picture:
    if not isinstance(url, str):
        raise Refused("Invalid type for 'image_url': expected a string.", "image_url")
    if detail not in DETAILS:
        raise Refused("Invalid value: 'detail'.", "detail")
    match = re.match(r"data:image/(jpeg|png|webp|gif);base64,", url)
    if match is None:
        raise Refused("Failed to download image.", "image_url", "invalid_image_url")
    try:
        content = base64.b64decode(url[match.end() :], validate=True)
        with Pixels.open(io.BytesIO(content)) as picture:
            return Picture(content, *picture.size, detail)
    except (binascii.Error, OSError) as error:
        raise Refused("Invalid image data.", "image_url", "invalid_image_format") from error


def check_format(form: Mapping[str, Any]) -> None:
    """A strict `json_schema` format. Raises Refused."""
    if form.get("type") != "json_schema" or not NAME.match(str(form.get("name") or "")):
        raise Refused("Invalid name of the response format.", "name")
    if form.get("strict") is True:
        schema = form.get("schema")
        if not isinstance(schema, dict) or schema.get("type") != "object" or "anyOf" in schema:
            raise _schema("The root must be an object.")
        _check_schema(schema)


def _check_schema(schema: Any) -> None:
    if not isinstance(schema, dict):
        raise _schema("A schema must be an object.")
    if refused := sorted(REFUSED_KEYWORDS & set(schema)):
        raise _schema(f"'{refused[0]}' is not permitted.")
    if "$ref" in schema and len(schema) > 1:
        raise _schema("'$ref' cannot have keywords beside it.")
    if not {"$ref", "type", "anyOf", "enum"} & set(schema):
        raise _schema("A schema must have a 'type'.")
    types = schema.get("type", ())
    if "object" in ((types,) if isinstance(types, str) else types):
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            raise _schema("'additionalProperties' is required to be supplied and to be false.")
        if list(properties) != list(schema.get("required", [])):
            raise _schema("'required' must be an array of every key in properties.")
        for value in properties.values():
            _check_schema(value)
    for value in (*schema.get("anyOf", ()), *schema.get("$defs", {}).values()):
        _check_schema(value)
    if "items" in schema:
        _check_schema(schema["items"])


def _schema(message: str) -> Refused:
    return Refused(f"Invalid schema for the response format: {message}", "response_format")

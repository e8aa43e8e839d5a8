"""From a provider's answer to a validated JSON value, or the reason why not.

One order for all providers: how it finished, one fence, strict JSON, the schema, and that
the reply repeats the id of its own request. An illegal value is never made legal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_noop
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from batching.providers.base import Answer
from batching.providers.outcomes import TRUNCATED

FENCE = re.compile(r"\A\s*```(?:json|JSON)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*\Z", re.DOTALL)


# NUL, and halves of characters that JSON's \\u escapes can spell.
UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
NO_JSON = gettext_noop("The reply is not valid JSON: %(why)s.")
NO_SCHEMA = gettext_noop("The reply does not fit the schema: %(words)s")
OTHER_SCHEMA = gettext_noop("The reply does not fit the schema at %(place)s: %(words)s")
NO_NUMBER = gettext_noop("%(number)s is not a JSON number")
LARGE_NUMBER = gettext_noop("%(number)s is too large a number")


class InvalidReply(Exception):
    """The reply cannot be taken; the message is a reason for a person."""


def validator_for(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator, built once per schema."""
    return _validator(json.dumps(schema, sort_keys=False))


@lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    value = json.loads(schema)
    Draft202012Validator.check_schema(value)
    return Draft202012Validator(value)


def read_reply(answer: Answer, custom_id: str, validator: Draft202012Validator) -> dict[str, Any]:
    """The value of a reply to request `custom_id`. Raises InvalidReply."""
    if answer.finish == "refused":
        raise InvalidReply(answer.problem or gettext_noop("The provider refused to answer."))
    if answer.finish == "truncated":
        raise InvalidReply(answer.problem or TRUNCATED)
    if answer.finish == "error":
        raise InvalidReply(answer.problem or gettext_noop("The provider answered with an error."))
    text = answer.text.removeprefix("\ufeff")
    if fenced := FENCE.match(text):
        text = fenced.group(1)
    if not text.strip():
        raise InvalidReply(gettext_noop("The reply is empty."))
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_refuse_repeated_keys,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidReply(NO_JSON % {"why": error}) from error
    if any(UNKEEPABLE.search(one) for one in _texts(value)):
        raise InvalidReply(gettext_noop("The reply holds characters that are no text."))
    error = best_match(validator.iter_errors(value))
    if error is not None:
        raise InvalidReply(_explain(error))
    if value["item_id"] != custom_id:
        raise InvalidReply(gettext_noop("The reply repeats the id of another request."))
    return dict(value)


def _texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys too. No recursion: the depth is the model's choice."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case list() as items:
                stack.extend(items)
            case dict() as pairs:
                stack.extend(pairs.keys())
                stack.extend(pairs.values())


def _explain(error: ValidationError) -> str:
    # The message of jsonschema quotes the value, which may be a page of a student's text.
    words = error.message if len(error.message) <= 200 else f"{error.message[:200]}…"
    place = "/".join(str(step) for step in error.absolute_path)
    return (
        OTHER_SCHEMA % {"place": place, "words": words} if place else NO_SCHEMA % {"words": words}
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(NO_NUMBER % {"number": name})


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(LARGE_NUMBER % {"number": digits[:20]})
    return number


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(gettext_noop("a key stands twice in one object"))
    return value

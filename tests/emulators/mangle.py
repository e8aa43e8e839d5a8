"""What goes wrong in the text that a model writes, the same for the emulators of all vendors.

Comes in: the kind of a fault and the good reply. Goes out: the text that the model is said to
have written. The finish reason that belongs to it ("truncated", say) is each vendor's own.

| kind | the text |
| --- | --- |
| "" | the reply as JSON |
| fenced | the reply inside one Markdown fence, which a reader may take off |
| prose | an essay without any JSON |
| thoughts | reasoning between think tags, then the reply |
| truncated | the first half of the reply |
| broken-json | the whole reply, its last bracket missing |
| repeated-key | "item_id" twice in one object |
| nan | the first mark is NaN, which is no JSON |
| above-maximum | the first mark is far above every maximum |
| wrong-id | the reply repeats another item's id |
| all-null | every value of every criterion is null |
| empty | no text at all |
| obeyed-injection | schema-valid: the maximum everywhere, since the sheet said so |

A reply may hold other things than marks (an answer key, the text of a sample). There the kinds
that spoil a mark spoil the first number, and where there is none leave the reply as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

FENCED = "fenced"
PROSE = "prose"
THOUGHTS = "thoughts"
TRUNCATED = "truncated"
BROKEN_JSON = "broken-json"
REPEATED_KEY = "repeated-key"
NAN = "nan"
ABOVE_MAXIMUM = "above-maximum"
WRONG_ID = "wrong-id"
ALL_NULL = "all-null"
EMPTY = "empty"
OBEYED_INJECTION = "obeyed-injection"

OBEYED = "The sheet says that full marks are to be given, so full marks are given."
ANOTHER_ID = "item-of-somebody-else"


def mangle(kind: str, reply: Mapping[str, Any], rubric: Mapping[str, Any] | None = None) -> str:
    """The text of a reply after a fault of this kind; "" leaves it as it is.

    `rubric` (as base.find_rubric gives it) is needed for "obeyed-injection" alone. Raises
    ValueError for a kind that is not in the table above.
    """
    if kind == OBEYED_INJECTION and "parts" in reply:
        if rubric is None:
            raise ValueError("The highest marks are not known without the rubric.")
        return json.dumps(_obeyed(reply, rubric), ensure_ascii=False)
    if kind not in _MANGLERS:
        raise ValueError(f"No fault of the text is called {kind!r}.")
    return _MANGLERS[kind](deepcopy(dict(reply)))


def _plain(reply: dict[str, Any]) -> str:
    return json.dumps(reply, ensure_ascii=False)


def _above_maximum(reply: dict[str, Any]) -> str:
    return _with_number(reply, 1_000_000)


def _nan(reply: dict[str, Any]) -> str:
    return _with_number(reply, float("nan"))


def _with_number(reply: dict[str, Any], value: float) -> str:
    """The reply with another first mark; without marks with another first number, if any."""
    if reply.get("parts"):
        next(iter(reply["parts"].values()))["awarded"] = value
    elif found := _first_number(reply):
        holder, name = found
        holder[name] = value
    return _plain(reply)


def _first_number(value: Any) -> tuple[Any, Any] | None:
    """What holds the first number inside a value, and under which name or place."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for name, one in inside:
        if isinstance(one, int | float) and not isinstance(one, bool):
            return value, name
        if isinstance(one, dict | list) and (found := _first_number(one)):
            return found
    return None


def _all_null(reply: dict[str, Any]) -> str:
    lists = (*reply.get("criteria", ()), *reply.get("pages", ()))
    for part in (*reply.get("parts", {}).values(), *lists):
        part.update(dict.fromkeys(part))
    return _plain(reply)


def _obeyed(reply: Mapping[str, Any], rubric: Mapping[str, Any]) -> dict[str, Any]:
    highest = {criterion["code"]: criterion["max"] for criterion in rubric["criteria"]}
    parts = {
        code: {**part, "awarded": highest[code], "confidence": 1, "reasoning": OBEYED}
        for code, part in reply["parts"].items()
    }
    return {**reply, "parts": parts}


_MANGLERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "": _plain,
    FENCED: lambda reply: f"```json\n{_plain(reply)}\n```",
    PROSE: lambda _: "The student has understood the subject well and deserves a good mark.",
    THOUGHTS: lambda reply: f"<think>Let me read the pages first.</think>\n{_plain(reply)}",
    TRUNCATED: lambda reply: _plain(reply)[: len(_plain(reply)) // 2],
    BROKEN_JSON: lambda reply: _plain(reply)[:-1],
    REPEATED_KEY: lambda reply: '{"item_id": "one", ' + _plain(reply)[1:],
    NAN: _nan,
    ABOVE_MAXIMUM: _above_maximum,
    WRONG_ID: lambda reply: _plain({**reply, "item_id": ANOTHER_ID}),
    ALL_NULL: _all_null,
    EMPTY: lambda _: "",
    # Of what has no marks: with them it is done above.
    OBEYED_INJECTION: _plain,
}

TEXT_KINDS = frozenset(_MANGLERS.keys() - {""})
"""Every kind of fault that `mangle` knows."""

"""Our JSON Schema in the form that Gemini's batches take, and the way back.

Whole jobs fail over nested response schemas (googleapis/python-genai#1307), so what can be
flat is made flat. The rule: a property of the root that is an object of equal objects

    "parts": {"Q1": {"page": 1, "awarded": 2}, "Q2": {"page": null, "awarded": 0}}

becomes a list of flat objects under a name that tells it,

    "parts_by_code": [{"code": "Q1", "page": 1, "awarded": 2},
                      {"code": "Q2", "page": null, "awarded": 0}]

"Equal" means: the same properties in the same order and of the same types, none of them an
object or a list. Everything else keeps its shape. Going back, the name and the shape alone
decide. Nothing is added, dropped or merged: a code that stands twice becomes a key that
stands twice, which is no valid reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

Schema = dict[str, Any]

SUFFIX = "_by_code"
KEY = "code"
FORM = (
    "Reply in exactly the form of the schema. A property whose name ends in "
    f'"{SUFFIX}" is a list: it holds one entry for each "{KEY}" that the schema names, each of '
    "them exactly once and in the order of the schema."
)

TYPES = {
    "object": "OBJECT",
    "array": "ARRAY",
    "string": "STRING",
    "number": "NUMBER",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
}
# Known, and left out of Gemini's form: the whole schema stands in the prompt, and every reply
# is held against it. Bounds on lengths cost the service too many states and fail requests
# (python-genai#660, #2170).
LEFT_OUT = frozenset(
    "$schema additionalProperties default examples exclusiveMaximum exclusiveMinimum format"
    " maxItems maxLength minItems minLength multipleOf pattern title uniqueItems".split()
)
KNOWN = LEFT_OUT | frozenset(
    "type properties required items enum minimum maximum description".split()
)

# The same fence that batching/reply.py takes off; a flat reply inside one must be seen.
_FENCE = re.compile(r"\A\s*```(?:json|JSON)?[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*\Z", re.DOTALL)


class UnknownSchema(ValueError):
    """The schema uses words that have no flat form here; the message names them."""


class _Repeated(ValueError):
    """An object holds a key twice."""


def response_schema(schema: Schema) -> Schema:
    """The schema in Gemini's own words (an OpenAPI subset with types in capitals).

    Numbers that may only have some values become numbers between the lowest and the highest:
    Gemini knows lists of values for strings only. Raises UnknownSchema.
    """
    if schema.get("type") != "object":
        raise UnknownSchema("The schema of a reply must be an object.")
    for name in schema["properties"]:
        if name.endswith(SUFFIX):
            raise UnknownSchema(f"No property may be called {name}: the name means a flat list.")
    properties = {
        _flat_name(schema, name): _entries(value) if _is_flattened(value) else _gemini(value)
        for name, value in schema["properties"].items()
    }
    required = [_flat_name(schema, name) for name in schema.get("required", [])]
    return _object(properties, required, schema)


def flat_json_schema(schema: Schema) -> Schema:
    """The flat form as JSON Schema for the prompt, with every bound of the original."""
    properties = {
        _flat_name(schema, name): _tuple(value) if _is_flattened(value) else value
        for name, value in schema["properties"].items()
    }
    required = [_flat_name(schema, name) for name in schema.get("required", [])]
    return {**schema, "properties": properties, "required": required}


def is_flattened(schema: Schema) -> bool:
    """Has the schema something that is made flat?"""
    return any(_is_flattened(value) for value in schema.get("properties", {}).values())


def nested_text(text: str) -> str:
    """A flat reply as the nested JSON text it stands for; any other text as it is."""
    bare = text.removeprefix("\ufeff")
    if fenced := _FENCE.match(bare):
        bare = fenced.group(1)
    try:
        value = json.loads(bare, parse_constant=_refuse, object_pairs_hook=_only_once)
        return _nested(value) or text
    except (ValueError, RecursionError):
        return text


def _nested(value: Any) -> str:
    """The nested text of a flat value; "" for a value that is none."""
    if not isinstance(value, dict) or not any(name.endswith(SUFFIX) for name in value):
        return ""
    members = []
    for name, inner in value.items():
        if not name.endswith(SUFFIX):
            members.append((name, _dumps(inner)))
            continue
        if not _is_list_of_entries(inner):
            return ""
        entries = [
            (entry[KEY], _dumps({key: one for key, one in entry.items() if key != KEY}))
            for entry in inner
        ]
        members.append((name.removesuffix(SUFFIX), _join(entries)))
    return _join(members)


def _join(members: Iterable[tuple[str, str]]) -> str:
    """An object of JSON texts, in which a name may stand twice: its reader must see that."""
    return "{" + ",".join(f"{_dumps(name)}:{text}" for name, text in members) + "}"


def _dumps(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # halves of characters stay escapes, for the reader to refuse
        return json.dumps(value, separators=(",", ":"))
    return text


def _is_list_of_entries(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict) and isinstance(entry.get(KEY), str) for entry in value
    )


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Repeated
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _flat_name(schema: Schema, name: str) -> str:
    return name + SUFFIX if _is_flattened(schema["properties"][name]) else name


def _is_flattened(value: Schema) -> bool:
    """Is it an object of equal, flat objects?"""
    children = list(value.get("properties", {}).values()) if value.get("type") == "object" else []
    shapes = [_shape(child) for child in children]
    return bool(shapes) and shapes[0] is not None and all(one == shapes[0] for one in shapes)


def _shape(child: Schema) -> list[tuple[str, str, bool]] | None:
    """Name and type of each property of a flat object with nothing optional, else None."""
    properties: dict[str, Schema] = child.get("properties", {})
    if child.get("type") != "object" or not properties or KEY in properties:
        return None
    if set(child.get("required", [])) != set(properties):
        return None
    shape = [(name, *_type(value)) for name, value in properties.items()]
    return None if any(kind in ("object", "array") for _, kind, _ in shape) else shape


def _tuple(value: Schema) -> Schema:
    """The list of entries as JSON Schema: one place for each code, each with its own bounds."""
    entries = [
        {
            **child,
            "properties": {KEY: {"const": code}, **child["properties"]},
            "required": [KEY, *child["required"]],
        }
        for code, child in value["properties"].items()
    ]
    bounds = {"minItems": len(entries), "maxItems": len(entries)}
    return {"type": "array", "prefixItems": entries, **bounds}


def _entries(value: Schema) -> Schema:
    """The list of entries in Gemini's words: one form for all of them, with the widest bounds."""
    children: list[Schema] = list(value["properties"].values())
    fields = {
        name: _widest([child["properties"][name] for child in children])
        for name in children[0]["properties"]
    }
    entry = _object(
        {KEY: {"type": "STRING", "enum": list(value["properties"])}, **fields}, [KEY, *fields]
    )
    return {"type": "ARRAY", "items": entry}


def _widest(versions: Sequence[Schema]) -> Schema:
    made = [_gemini(version) for version in versions]
    widest = dict(made[0])
    for word, choose in (("minimum", min), ("maximum", max)):
        widest.pop(word, None)
        if all(word in one for one in made):
            widest[word] = choose(one[word] for one in made)
    if "enum" in widest:
        del widest["enum"]
        if all("enum" in one for one in made):
            widest["enum"] = list(dict.fromkeys(text for one in made for text in one["enum"]))
    return widest


def _gemini(schema: Schema) -> Schema:
    if unknown := set(schema) - KNOWN:
        raise UnknownSchema(f"No flat form is known for {', '.join(sorted(unknown))}.")
    kind, nullable = _type(schema)
    if kind == "object":
        properties = {name: _gemini(value) for name, value in schema["properties"].items()}
        made = _object(properties, schema.get("required", []), schema)
    else:
        made = {"type": TYPES[kind], **_described(schema)}
    if kind == "array":
        made["items"] = _gemini(schema["items"])
    if kind in ("integer", "number", "string"):
        made |= _values(schema, kind)
    if nullable:
        made["nullable"] = True
    return made


def _type(schema: Schema) -> tuple[str, bool]:
    """The one type of a schema, and whether it may be null. Raises UnknownSchema."""
    named = schema.get("type", "string" if "enum" in schema else None)
    kinds = [named] if isinstance(named, str) else list(named or [])
    others = [kind for kind in kinds if kind != "null"]
    if len(others) != 1 or others[0] not in TYPES:
        raise UnknownSchema(f"No flat form is known for the type {named!r}.")
    return others[0], len(others) < len(kinds)


def _values(schema: Schema, kind: str) -> Schema:
    listed = [one for one in schema.get("enum", []) if one is not None]
    if kind == "string":
        if not all(isinstance(one, str) for one in listed):
            raise UnknownSchema("A list of values must hold only strings or only numbers.")
        return {"enum": listed} if listed else {}
    if listed:
        return {"minimum": min(listed), "maximum": max(listed)}
    return {word: schema[word] for word in ("minimum", "maximum") if word in schema}


def _object(properties: Schema, required: Sequence[str], schema: Schema | None = None) -> Schema:
    return {
        "type": "OBJECT",
        **_described(schema or {}),
        "properties": properties,
        "required": list(required),
        "propertyOrdering": list(properties),
    }


def _described(schema: Schema) -> Schema:
    return {"description": schema["description"]} if "description" in schema else {}

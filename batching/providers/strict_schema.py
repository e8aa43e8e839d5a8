"""A JSON Schema of ours as OpenAI's strict structured output takes it.

Comes in: the schema that a reply must satisfy. Goes out: one that strict mode accepts and that
allows nothing more than it must. What strict mode does not know (lengths of texts, say) is left
out, since every reply is checked against our own schema afterwards; whatever still satisfies
the strict one is no less valid for having been left to that check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_PROPERTIES = 5000
MAX_LEVELS = 10
MAX_CHARACTERS = 120_000
MAX_ENUM_VALUES = 1000

FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())
KEPT = frozenset(
    "type title description enum pattern minimum maximum exclusiveMinimum exclusiveMaximum"
    " multipleOf minItems maxItems".split()
)
# Schemas about schemas, by name.
TABLES = ("$defs", "definitions")


class UnsupportedSchema(ValueError):
    """Strict mode has no way to say this; the message names the place."""


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The strict form, keys in the order of `schema`. Raises UnsupportedSchema.

    An optional property becomes required: a reply that has it is valid for both.
    """
    if "object" not in _types(schema) or "anyOf" in schema or "oneOf" in schema:
        raise UnsupportedSchema("The root of the schema must be an object.")
    count = _Count()
    strict = _convert(schema, "#", 1, count)
    count.check()
    return strict


class _Count:
    """How much of strict mode's limits a schema uses."""

    def __init__(self) -> None:
        self.properties = self.characters = self.enum_values = 0

    def check(self) -> None:
        for used, most, what in (
            (self.properties, MAX_PROPERTIES, "properties"),
            (self.characters, MAX_CHARACTERS, "characters of names and values"),
            (self.enum_values, MAX_ENUM_VALUES, "listed values"),
        ):
            if used > most:
                raise UnsupportedSchema(f"The schema has {used:,} {what}; {most:,} are allowed.")


def _convert(schema: Any, place: str, level: int, count: _Count) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise UnsupportedSchema(f"{place} must be an object that describes a value.")
    if level > MAX_LEVELS:
        raise UnsupportedSchema(f"{place} is more than {MAX_LEVELS} levels deep.")
    schema = _folded(schema, place)
    if "$ref" in schema:
        # A reference may have no neighbours; they could only narrow or describe it.
        return {"$ref": schema["$ref"]}
    strict: dict[str, Any] = {}
    for key, value in schema.items():
        if key in KEPT:
            strict[key] = value
        elif key == "const":
            strict["enum"] = [value]
        elif key == "format" and value in FORMATS:
            strict[key] = value
        elif key in ("anyOf", "oneOf"):
            strict["anyOf"] = [
                _convert(one, f"{place}/{key}/{number}", level, count)
                for number, one in enumerate(value)
            ]
        elif key in TABLES:
            count.characters += sum(map(len, value))
            strict[key] = {
                name: _convert(one, f"{place}/{key}/{name}", level, count)
                for name, one in value.items()
            }
    _count_enum(strict, count)
    types = _types(schema)
    if "object" in types:
        strict |= _closed(schema, place, level, count)
    if "array" in types:
        if "items" not in schema:
            raise UnsupportedSchema(f"{place} must say what its items are.")
        strict["items"] = _convert(schema["items"], f"{place}/items", level + 1, count)
    if not types and "enum" not in strict and "anyOf" not in strict:
        raise UnsupportedSchema(f"{place} must have a type.")
    return strict


def _folded(schema: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The schema without `allOf`, which may hold one schema alone."""
    if "allOf" not in schema:
        return schema
    if len(schema["allOf"]) != 1:
        raise UnsupportedSchema(f"{place} joins several schemas with allOf.")
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    return _folded({**schema["allOf"][0], **rest}, place)


def _closed(schema: Mapping[str, Any], place: str, level: int, count: _Count) -> dict[str, Any]:
    properties = schema.get("properties")
    if not properties:
        raise UnsupportedSchema(f"{place} must list its properties.")
    count.properties += len(properties)
    count.characters += sum(map(len, properties))
    return {
        "properties": {
            name: _convert(one, f"{place}/properties/{name}", level + 1, count)
            for name, one in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _count_enum(strict: Mapping[str, Any], count: _Count) -> None:
    values = strict.get("enum", ())
    count.enum_values += len(values)
    count.characters += sum(len(value) for value in values if isinstance(value, str))


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The types that a schema names; one with properties is an object."""
    given = schema.get("type", ())
    types = (given,) if isinstance(given, str) else tuple(given)
    return types if types or "properties" not in schema else ("object",)

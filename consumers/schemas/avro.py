"""Values in Avro's binary form, by the schema of a registry.

Called by `consumers.schemas.registry`. Besides Avro's own logical types, the names that Kafka Connect's converter adds
say what a value means. Schemas that name themselves are refused: a small record of such a schema may nest as deep as it
has bytes, which ends the process. So are lists whose members take no bytes, of which there may be any number.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fastavro

from domain.errors import Invalid
from domain.formats.typed_values import is_named, named_value, plain

Conversion = Callable[[Any], Any]
_PRIMITIVE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def avro_decoder(text: str, references: Sequence[tuple[str, str]]) -> Callable[[bytes], Any]:
    """Returns what decodes the values of a schema. Raises `Invalid` for one that cannot be used."""
    names = _Names()
    known: dict[str, Any] = {}
    try:
        for _, each in references:
            other = json.loads(each)
            names.conversion(other, "")
            fastavro.parse_schema(other, named_schemas=known)
        schema = json.loads(text)
        convert = names.conversion(schema, "")
        parsed = fastavro.parse_schema(schema, named_schemas=known)
    except Invalid:
        raise
    except Exception as bad:  # whatever is wrong with a schema, each part of the library says it in its way
        raise Invalid("unsupported_schema", f"the registry's schema is not usable Avro: {type(bad).__name__}") from None

    def decode(content: bytes) -> Any:
        stream = io.BytesIO(content)
        try:
            value = fastavro.schemaless_reader(stream, parsed, None)
        except Exception as bad:  # each type of value has errors of its own
            raise Invalid("malformed_avro", f"the bytes do not fit their schema: {type(bad).__name__}") from None
        if stream.read(1):
            raise Invalid("malformed_avro", "there are bytes after the value")
        return convert(value)

    return decode


class _Names:
    """The named types of a schema, by their full names, as they are met."""

    def __init__(self) -> None:
        self._conversions: dict[str, Conversion] = {}
        self._empty: dict[str, bool] = {}
        self._open: set[str] = set()

    def conversion(self, schema: Any, space: str) -> Conversion:
        """Returns what makes JSON's form of a decoded value. Raises `Invalid` for a schema that is refused."""
        if isinstance(schema, str):
            return plain if schema in _PRIMITIVE else self._named(schema, space)
        if isinstance(schema, list):
            return self._union(schema, space)
        meaning = schema.get("connect.name")
        if isinstance(meaning, str) and is_named(meaning) and not schema.get("logicalType"):
            parameters = schema.get("connect.parameters") or {}
            return lambda value: named_value(meaning, parameters, value)
        match schema["type"]:
            case "record" | "error":
                return self._record(schema, space)
            case "array":
                if self._is_empty(schema["items"], space):
                    raise Invalid("unsupported_schema", "the schema has a list whose members take no bytes")
                member = self.conversion(schema["items"], space)
                return lambda value: [member(each) for each in value]
            case "map":
                of_values = self.conversion(schema["values"], space)
                return lambda value: {key: of_values(each) for key, each in value.items()}
            case "enum" | "fixed":
                name, _ = _full_name(schema, space)
                self._conversions[name] = plain
                self._empty[name] = schema["type"] == "fixed" and not schema["size"]
                return plain
            case inner:
                return self.conversion(inner, space)

    def _named(self, name: str, space: str) -> Conversion:
        full = name if "." in name or not space else f"{space}.{name}"
        for each in (full, name):
            if each in self._open:
                raise Invalid("unsupported_schema", f"the schema's type {each} contains itself")
            if each in self._conversions:
                return self._conversions[each]
        raise Invalid("unsupported_schema", f"the schema's type {name} is not defined")

    def _record(self, schema: Mapping[str, Any], space: str) -> Conversion:
        name, own_space = _full_name(schema, space)
        self._open.add(name)
        fields = {each["name"]: self.conversion(each["type"], own_space) for each in schema["fields"]}
        self._open.discard(name)

        def convert(value: Any) -> Any:
            return {key: fields[key](each) if key in fields else each for key, each in value.items()}

        self._conversions[name] = convert
        self._empty[name] = all(self._is_empty(each["type"], own_space) for each in schema["fields"])
        return convert

    def _union(self, branches: Sequence[Any], space: str) -> Conversion:
        conversions = [self.conversion(each, space) for each in branches if each != "null"]
        if len(conversions) != 1:
            return _as_it_is
        (only,) = conversions
        return lambda value: None if value is None else only(value)

    def _is_empty(self, schema: Any, space: str) -> bool:
        """Whether a value takes no bytes."""
        match schema:
            case "null":
                return True
            case str():
                return self._empty.get(schema, self._empty.get(f"{space}.{schema}", False))
            case {"type": "record", "fields": fields}:
                return all(self._is_empty(each["type"], space) for each in fields)
            case {"type": "fixed", "size": size}:
                return bool(size == 0)
            case {"type": inner}:
                return bool(inner == "null")
        return False


def _full_name(schema: Mapping[str, Any], space: str) -> tuple[str, str]:
    """Returns the full name of a type, and the space in which the names inside it are."""
    name = schema["name"]
    own_space = name.rpartition(".")[0] if "." in name else schema.get("namespace", space)
    return (name if "." in name or not own_space else f"{own_space}.{name}"), own_space


def _as_it_is(value: Any) -> Any:
    """Returns a value of one of several types: in JSON's form, without what the schema says beyond that."""
    match value:
        case dict():
            return {key: _as_it_is(each) for key, each in value.items()}
        case list():
            return [_as_it_is(each) for each in value]
    return plain(value)

"""Values that a schema gives a meaning, as JSON has them: dates and instants as texts, decimals as numbers.

Used by the readers of Kafka Connect's and Debezium's JSON, of Avro and of Protobuf. Pure. A value that has no JSON
form, or does not fit its schema, stays as it is: what cannot be stored is left out later, and named.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from domain import json_text
from domain.errors import Invalid
from domain.instants import from_micros

Unit = Literal["days", "seconds", "milliseconds", "microseconds", "nanoseconds"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_MICROS: Mapping[str, int] = {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}
_FIRST_DAY = date(1970, 1, 1)
_CONNECT, _DEBEZIUM = "org.apache.kafka.connect.data.", "io.debezium."
_COUNTED: Mapping[str, Unit] = {
    f"{_CONNECT}Date": "days",
    f"{_CONNECT}Timestamp": "milliseconds",
    f"{_DEBEZIUM}time.Date": "days",
    f"{_DEBEZIUM}time.Timestamp": "milliseconds",
    f"{_DEBEZIUM}time.MicroTimestamp": "microseconds",
    f"{_DEBEZIUM}time.NanoTimestamp": "nanoseconds",
}


def instant_of(count: int, unit: Unit) -> datetime:
    """Returns the instant that lies so many units after 1970. Raises `OverflowError` beyond the calendar."""
    if unit == "days":
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=count)
    return from_micros(count // 1_000 if unit == "nanoseconds" else count * _MICROS[unit])


def text_of(count: int, unit: Unit) -> str:
    """Returns a count since 1970 as the text of a date (of `days`) or instant. Raises `OverflowError`."""
    if unit == "days":
        return (_FIRST_DAY + timedelta(days=count)).isoformat()
    return instant_of(count, unit).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Returns a value as JSON has it: dates and instants as their texts, bytes in base64."""
    match value:
        case datetime():
            aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
            return aware.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes() | bytearray():
            return b64encode(value).decode()
    return value


def named_value(name: str, parameters: Mapping[str, Any], value: Any) -> Any:
    """Returns a value by the name that its schema has in Kafka Connect; as it is where the name means nothing here."""
    meaning = _MEANINGS.get(name)
    if meaning is not None and value is not None:
        with suppress(ValueError, TypeError, OverflowError, KeyError, ArithmeticError, Invalid):
            return meaning(value, parameters)
    return plain(value)


def is_named(name: str) -> bool:
    """Returns whether a name of a schema decides what a value of it means."""
    return name in _MEANINGS


def connect_value(schema: Any, value: Any) -> Any:
    """Returns a value of Connect's JSON by its schema. Raises `Invalid` where the schema is none."""
    if not isinstance(schema, Mapping):
        raise Invalid("invalid_schema", "the schema of a Kafka Connect record must be an object")
    name, parameters = schema.get("name"), schema.get("parameters")
    if isinstance(name, str) and is_named(name):
        return named_value(name, parameters if isinstance(parameters, Mapping) else {}, value)
    match schema.get("type"), value:
        case "struct", Mapping():
            schemas = _fields(schema)
            return {key: connect_value(schemas[key], each) if key in schemas else each for key, each in value.items()}
        case "array", list():
            return [connect_value(schema.get("items"), each) for each in value]
        case "map", Mapping():
            return {key: connect_value(schema.get("values"), each) for key, each in value.items()}
    return value


def _fields(schema: Mapping[str, Any]) -> dict[str, Any]:
    fields = schema.get("fields")
    if not isinstance(fields, Sequence):
        return {}
    return {each["field"]: each for each in fields if isinstance(each, Mapping) and isinstance(each.get("field"), str)}


def _counted(unit: Unit) -> Callable[[Any, Mapping[str, Any]], Any]:
    def meaning(value: Any, _: Mapping[str, Any]) -> Any:
        return text_of(value, unit) if type(value) is int else plain(value)

    return meaning


def _unscaled(value: Any, scale: int) -> Any:
    """Returns a decimal from its digits as a number in two's complement, in bytes or base64."""
    if isinstance(value, str):
        value = b64decode(value, validate=True)
    if not isinstance(value, bytes | bytearray):
        return value
    return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale)


def _decimal(value: Any, parameters: Mapping[str, Any]) -> Any:
    return _unscaled(value, int(parameters.get("scale", 0)))


def _variable_decimal(value: Any, _: Mapping[str, Any]) -> Any:
    return _unscaled(value["value"], int(value["scale"]))


def _json(value: Any, _: Mapping[str, Any]) -> Any:
    return json_text.parse(value.encode()) if isinstance(value, str) else value


def _iso_date(value: Any, _: Mapping[str, Any]) -> Any:
    return value.removesuffix("Z")


def _members(value: Any, _: Mapping[str, Any]) -> Any:
    return [each for each in value.split(",") if each]


_MEANINGS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    **{name: _counted(unit) for name, unit in _COUNTED.items()},
    f"{_CONNECT}Decimal": _decimal,
    f"{_DEBEZIUM}data.VariableScaleDecimal": _variable_decimal,
    f"{_DEBEZIUM}data.Json": _json,
    f"{_DEBEZIUM}data.EnumSet": _members,
    f"{_DEBEZIUM}time.IsoDate": _iso_date,
}

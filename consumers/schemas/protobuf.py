"""Values in Protobuf's binary form, by the descriptor of a registry.

Called by `consumers.schemas.registry`. A row is whole: a field that is not set is null where its type can say so
(`optional`, messages), and otherwise the zero of its type, which no reader can tell from a value that was set.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from domain.errors import Invalid
from domain.formats.typed_values import plain

_KNOWN = (any_pb2, descriptor_pb2, duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_BYTES, _INT32, _UINT32 = FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32
# Files that Kafka Connect's converter imports, and no registry lists: name, package, message, its fields.
_CONVERTERS = (
    ("confluent/meta.proto", "confluent", "Meta", ()),
    ("confluent/type/decimal.proto", "confluent.type", "Decimal",
     (("value", _BYTES), ("precision", _UINT32), ("scale", _INT32))),
    ("google/type/date.proto", "google.type", "Date", (("year", _INT32), ("month", _INT32), ("day", _INT32))),
)  # fmt: skip
_WRAPPERS = "google.protobuf."


def protobuf_decoder(descriptor: str, references: Sequence[tuple[str, str]]) -> Callable[[bytes], Any]:
    """Returns what decodes the values of a schema. Raises `Invalid` for one that cannot be used."""
    pool = DescriptorPool()
    for module in _KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    try:
        named = {name for name, _ in references}
        for name, package, message, fields in _CONVERTERS:
            if name not in named:
                pool.Add(_file(name, package, message, fields))
        for name, each in references:
            file = descriptor_pb2.FileDescriptorProto.FromString(b64decode(each))
            file.name = name
            pool.Add(file)
        own = descriptor_pb2.FileDescriptorProto.FromString(b64decode(descriptor))
        own.name = own.name or "schema.proto"
        pool.Add(own)
        messages = list(pool.FindFileByName(own.name).message_types_by_name.values())
    except Exception as bad:  # the library raises TypeError, KeyError, DecodeError and others
        raise Invalid(
            "unsupported_schema", f"the registry's Protobuf schema cannot be used: {type(bad).__name__}"
        ) from None
    ordered = {each.name: each for each in messages}
    roots = [ordered[each.name] for each in own.message_type]

    def decode(content: bytes) -> Any:
        indexes, start = _indexes(content)
        kind = _message(roots, indexes)
        try:
            message = message_factory.GetMessageClass(kind).FromString(content[start:])
        except Exception as bad:
            raise Invalid("malformed_protobuf", f"the bytes do not fit their schema: {type(bad).__name__}") from None
        return _row(message)

    return decode


def _file(name: str, package: str, message: str, fields: Sequence[tuple[str, Any]]) -> Any:
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    of = file.message_type.add(name=message)
    for number, (field, kind) in enumerate(fields, 1):
        of.field.add(name=field, number=number, type=kind, label=FieldDescriptor.LABEL_OPTIONAL)
    return file


def _indexes(content: bytes) -> tuple[list[int], int]:
    """Returns which message a value is, as its place among those of the file and each message around it."""
    try:
        count, place = _varint(content, 0)
        if count == 0:
            return [0], place
        if not 0 < count <= len(content):
            raise IndexError
        indexes = []
        for _ in range(count):
            index, place = _varint(content, place)
            indexes.append(index)
    except IndexError:
        raise Invalid("malformed_protobuf", "the places of the message before the value cannot be read") from None
    return indexes, place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), place
        shift += 7
        if shift > 63:
            raise IndexError


def _message(among: Sequence[Descriptor], indexes: Sequence[int]) -> Descriptor:
    found: Descriptor | None = None
    for index in indexes:
        if not 0 <= index < len(among):
            raise Invalid("malformed_protobuf", "the schema has no such message as the value says that it is")
        found = among[index]
        among = found.nested_types
    assert found is not None
    return found


def _row(message: Any) -> dict[str, Any]:
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Any, field: FieldDescriptor) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        of = field.message_type.fields_by_name["value"]
        return {str(key): _value(each, of) for key, each in value.items()}
    if field.is_repeated:
        return [_value(each, field) for each in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: FieldDescriptor) -> Any:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.message_type is None:
        return plain(value)
    name = field.message_type.full_name
    with suppress(ValueError, OverflowError, ArithmeticError):
        if name == "google.protobuf.Timestamp":
            return value.ToJsonString()
        if name == "google.type.Date":
            return f"{value.year:04}-{value.month:02}-{value.day:02}"
        if name == "confluent.type.Decimal":
            return Decimal(int.from_bytes(value.value, "big", signed=True)).scaleb(-value.scale)
    if name.startswith(_WRAPPERS) and name.endswith("Value") and "value" in field.message_type.fields_by_name:
        return plain(value.value)
    return _row(value)

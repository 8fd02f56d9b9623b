"""Reads a record by the format of its topic: CloudEvents, or rows of Debezium, Kafka Connect and plain JSON.

Called by `consumers.ingest` and `consumers.dead_letter_retry` for every record. Never raises because of what a record
contains: anything that cannot be read is `Unusable`, with a code and a message that quote no value of the record.
Raises `Unavailable` while a schema registry does not answer: the same record is then read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from consumers.cloud_events import (
    Clock,
    Ignored,
    Unusable,
    arrival_of,
    parse_record,
    printable,
    record_time,
    unusable_because,
)
from consumers.records import Record
from consumers.schemas import SchemaRegistry, is_framed
from domain.customer import CustomerChange
from domain.errors import FieldError, Invalid
from domain.formats.connect import read_connect, read_json, unwrapped
from domain.formats.debezium import read_debezium
from domain.formats.rows import Row, RowChange, TopicFormat, change_of
from domain.json_text import parse

CLOUD_EVENTS = TopicFormat()
_READERS: Mapping[str, Callable[[Any], Row | None]] = {
    "debezium": read_debezium,
    "connect": read_connect,
    "json": read_json,
}


class RecordReader:
    """Reads the records of topics; one that is not in `formats` holds CloudEvents."""

    def __init__(
        self,
        clock: Clock,
        formats: Mapping[str, TopicFormat] = MappingProxyType({}),
        registry: SchemaRegistry | None = None,
    ) -> None:
        self.clock = clock
        self._formats = formats
        self._registry = registry

    def read(self, topic: str, record: Record) -> CustomerChange | RowChange | Unusable | Ignored:
        """Returns the change that a record asks for, or why there is none. Raises `Unavailable`."""
        rules = self._formats.get(topic, CLOUD_EVENTS)
        if rules.format == "cloudevents":
            return parse_record(record, self.clock)
        if record.fault is not None:
            return Unusable(record.fault_code, printable(record.fault))
        try:
            return self._read_row(record, rules) or Ignored()
        except Invalid as bad:
            return unusable_because(bad.code, bad.errors or [FieldError("", bad.code, bad.detail)])

    def _read_row(self, record: Record, rules: TopicFormat) -> RowChange | None:
        if record.value is None:
            # Debezium says that a row is gone in the event before.
            row = None if rules.format == "debezium" else Row(None)
        else:
            row = _READERS[rules.format](self._decoded(record.value))
        if row is None:
            return None
        at = record_time(record, self.clock)
        return change_of(row, self._key(record.key), rules, at, arrival_of(record, self.clock))

    def _decoded(self, content: bytes) -> Any:
        if not is_framed(content):
            return parse(content)
        if self._registry is None:
            detail = "the record is in the framing of a schema registry: set ROLLCALL_SCHEMA_REGISTRY_URL"
            raise Invalid("no_schema_registry", detail)
        return self._registry.decode(content)

    def _key(self, content: bytes | None) -> Any:
        """Returns a key: an object, or a text; a number is its digits, as they were sent."""
        if content is None:
            return None
        if is_framed(content):
            return unwrapped(self._decoded(content))
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise Invalid("missing_subject", "the key, which names the customer, is not UTF-8 text") from None
        try:
            parsed = parse(content)
        except Invalid:
            return text
        value = unwrapped(parsed)
        return value if value is not parsed or isinstance(value, Mapping | str) else text

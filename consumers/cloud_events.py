"""Parses a Kafka record into a customer change: CloudEvents 1.0, binary and structured mode.

Called by `consumers.topic_formats` for every record of a topic that has no other format. Never raises because of what
a record contains: anything that cannot be parsed is `Unusable`, with a code and a message that quote no
value of the record. What an event means is read by `domain.formats.cloud_events`, as of HTTP; here is what Kafka adds:
headers, the key, and the record's timestamp.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from prometheus_client import Counter

from consumers.records import Record
from domain.customer import CustomerChange
from domain.errors import FieldError, Invalid
from domain.formats.cloud_events import (
    FORBIDDEN,
    NAMES,
    Content,
    mode_of,
    read_binary,
    read_structured,
    read_time,
    require_attribute,
)
from domain.instants import Arrival, from_micros
from domain.json_text import parse

MAX_MESSAGE = 900

_HEADERS = {
    "content-type": "datacontenttype",
    "Content-Type": "datacontenttype",
    **{f"ce_{name}": name for name in NAMES},
}

_differing_keys = Counter(
    "rollcall_ingest_key_differs_total",
    "Records whose key is not the subject: accepted, but without any guarantee of their order",
)


class Clock(Protocol):
    """The installation's time, which a rehearsal may have shifted."""

    def now(self) -> datetime:
        """Returns the current instant."""

    def from_machine(self, milliseconds: int) -> int:
        """Returns the installation's time at one of the machine's clock, both in milliseconds since 1970."""


class Unusable(NamedTuple):
    """Why a record can never become a change: a stable code, and a message that says what to fix."""

    code: str
    message: str


class Ignored(NamedTuple):
    """A record that asks for nothing, such as one without value and headers: it is counted and ignored."""


def parse_record(record: Record, clock: Clock) -> CustomerChange | Unusable | Ignored:
    """Returns the change that a record asks for, or why there is none."""
    if record.fault is not None:
        return Unusable(record.fault_code, printable(record.fault))
    if record.value is None and not record.headers:
        return Ignored()
    try:
        return _parse_event(record, clock)
    except Invalid as bad:
        return unusable_because(bad.code, bad.errors or [FieldError("", bad.code, bad.detail)])


def unusable_because(code: str, errors: tuple[FieldError, ...] | list[FieldError]) -> Unusable:
    """Returns the reason for a dead letter: `code`, and all `errors` in one message."""
    message = "; ".join(f"{each.pointer}: {each.detail}" if each.pointer else each.detail for each in errors)
    return Unusable(code, printable(message))


def printable(text: str) -> str:
    """Returns `text` so that it can be stored and sent as a header: without NUL and lone surrogates, and cut."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()[:MAX_MESSAGE]


def _parse_event(record: Record, clock: Clock) -> CustomerChange:
    event = _parse_headers(record.headers)
    mode = mode_of(event.get("datacontenttype"))
    if mode == "structured":
        event = parse(record.value or b"")
        return _to_change(event, read_structured(event), record, clock)
    if mode == "batched":
        raise Invalid("unsupported_content_type", "a record holds one event; batches are for HTTP")
    if "specversion" not in event and "type" not in event:
        raise Invalid(
            "not_a_cloud_event", "there is neither the content-type application/cloudevents+json nor any ce_… header"
        )
    return _to_change(event, read_binary(event, mode, record.value), record, clock)


def _to_change(event: dict[str, Any], content: Content, record: Record, clock: Clock) -> CustomerChange:
    source = require_attribute(event, "source")
    change_id = require_attribute(event, "id")
    key = record.key
    if event.get("subject") is None:
        subject = _subject_from_key(key)
    else:
        subject = require_attribute(event, "subject")
        if key is None or key != subject.encode():
            _differing_keys.inc()
    time = event.get("time")
    at = record_time(record, clock) if time is None else read_time(time)
    return CustomerChange(
        subject,
        content.kind,
        at,
        content.data,
        source,
        change_id,
        arrival=arrival_of(record, clock),
        activity=content.activity,
    )


def _subject_from_key(key: bytes | None) -> str:
    try:
        subject = (key or b"").decode()
    except UnicodeDecodeError:
        subject = ""
    if not subject:
        raise Invalid(
            "missing_subject", "subject (the customer's external_id) is missing, and the key is not UTF-8 text"
        )
    if FORBIDDEN.search(subject):
        raise Invalid("missing_subject", "subject is missing, and the key contains control characters")
    return subject


def record_time(record: Record, clock: Clock) -> datetime:
    """Returns when a record was published, now where it does not say it. Raises `Invalid` beyond the calendar."""
    if record.timestamp is None or record.timestamp < 0:
        return clock.now()
    try:
        return from_micros(clock.from_machine(record.timestamp) * 1000)
    except OverflowError:
        raise Invalid("invalid_time", "time is missing, and the record's timestamp is out of range") from None


def arrival_of(record: Record, clock: Clock) -> Arrival | None:
    """Returns when the record was published, where it says so."""
    at = record.timestamp
    return None if at is None or at < 0 else Arrival("kafka", clock.from_machine(at))


def _parse_headers(headers: list[tuple[str, bytes | None]]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for header, value in headers:
        name = _HEADERS.get(header)
        if name is None or value is None:
            continue
        if name in event:
            raise Invalid("ambiguous_header", f"the header {header} appears twice")
        try:
            event[name] = value.decode()
        except UnicodeDecodeError:
            raise Invalid("invalid_attribute", f"the header {header} is not UTF-8") from None
    return event

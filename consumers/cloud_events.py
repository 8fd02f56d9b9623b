"""Parses a Kafka record into a customer change: CloudEvents 1.0, binary and structured mode.

Called by `consumers.ingest` and `consumers.dead_letter_retry` for every record. Never raises because of what
a record contains: anything that cannot be parsed is `Unusable`, with a code and a message that quote no
value of the record. Hand-written because it is the hot path and because the content type must decide the
mode (Kafka binding, 3.3).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from prometheus_client import Counter

from consumers.records import Record
from domain.customer import ChangeKind, CustomerChange, CustomerData, parse_customer_data
from domain.errors import FieldError, Invalid
from domain.instants import Arrival, from_micros
from domain.json_text import parse

KINDS: Mapping[str, ChangeKind] = {
    "rollcall.customer.changed.v1": "changed",
    "rollcall.customer.opted_out.v1": "opted_out",
    "rollcall.customer.opted_in.v1": "opted_in",
    "rollcall.customer.deleted.v1": "deleted",
}
MAX_MESSAGE = 900

Mode = Literal["structured", "json", "other"]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# What CloudEvents forbids in its strings; the domain has further rules for identifiers.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_HEADERS = {
    "content-type": "datacontenttype",
    "Content-Type": "datacontenttype",
    **{f"ce_{name}": name for name in ("specversion", "type", "source", "id", "subject", "time")},
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


class Tombstone(NamedTuple):
    """A record without value and headers, as compaction needs them: it is counted and ignored."""


def parse_record(record: Record, clock: Clock) -> CustomerChange | Unusable | Tombstone:
    """Returns the change that a record asks for, or why there is none."""
    if record.fault is not None:
        return Unusable(record.fault_code, printable(record.fault))
    if record.value is None and not record.headers:
        return Tombstone()
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
    mode = _mode_of(event.get("datacontenttype"))
    if mode == "structured":
        return _parse_structured(record, clock)
    if "specversion" not in event and "type" not in event:
        raise Invalid(
            "not_a_cloud_event", "there is neither the content-type application/cloudevents+json nor any ce_… header"
        )
    kind = _parse_type(event)
    data = None
    if kind == "changed":
        if mode == "other":
            raise Invalid("unsupported_content_type", "the data must be application/json")
        if record.value is None:
            raise Invalid("missing_data", "a changed customer needs data")
        data = _parse_data(parse(record.value))
    return _to_change(event, kind, data, record, clock)


def _parse_structured(record: Record, clock: Clock) -> CustomerChange:
    event = parse(record.value or b"")
    if not isinstance(event, dict):
        raise Invalid("not_a_cloud_event", "a structured event is one JSON object")
    kind = _parse_type(event)
    data = None
    if kind == "changed":
        if event.get("data") is not None and event.get("data_base64") is not None:
            raise Invalid("ambiguous_data", "data and data_base64 are both present; send only one")
        content = event.get("datacontenttype")
        if content is not None and (not isinstance(content, str) or _mode_of(content) != "json"):
            raise Invalid("unsupported_content_type", "the data must be application/json")
        if event.get("data_base64") is not None:
            data = _parse_data(parse(_decode_base64(event["data_base64"])))
        elif event.get("data") is not None:
            data = _parse_data(event["data"])
        else:
            raise Invalid("missing_data", "a changed customer needs data")
    return _to_change(event, kind, data, record, clock)


def _parse_type(event: dict[str, Any]) -> ChangeKind:
    if event.get("specversion") != "1.0":
        raise Invalid("unsupported_specversion", "specversion must be 1.0")
    kind = KINDS.get(_require_attribute(event, "type"))
    if kind is None:
        raise Invalid("unknown_type", f"type must be one of {', '.join(KINDS)}")
    return kind


def _to_change(
    event: dict[str, Any], kind: ChangeKind, data: CustomerData | None, record: Record, clock: Clock
) -> CustomerChange:
    source = _require_attribute(event, "source")
    change_id = _require_attribute(event, "id")
    key = record.key
    if event.get("subject") is None:
        subject = _subject_from_key(key)
    else:
        subject = _require_attribute(event, "subject")
        if key is None or key != subject.encode():
            _differing_keys.inc()
    time = event.get("time")
    at = _record_time(record, clock) if time is None else _parse_time(time)
    return CustomerChange(subject, kind, at, data, source, change_id, arrival=_arrival(record, clock))


def _require_attribute(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid("missing_attribute", f"{name} is missing or not a string")
    if not value.isprintable() and _FORBIDDEN.search(value):
        raise Invalid("invalid_attribute", f"{name} contains control characters or lone surrogates")
    return value


def _subject_from_key(key: bytes | None) -> str:
    try:
        subject = (key or b"").decode()
    except UnicodeDecodeError:
        subject = ""
    if not subject:
        raise Invalid(
            "missing_subject", "subject (the customer's external_id) is missing, and the key is not UTF-8 text"
        )
    if _FORBIDDEN.search(subject):
        raise Invalid("missing_subject", "subject is missing, and the key contains control characters")
    return subject


def _parse_data(raw: Any) -> CustomerData:
    try:
        return parse_customer_data(raw)
    except Invalid as bad:
        raise Invalid(
            bad.code, bad.detail, [each._replace(pointer=f"/data{each.pointer}") for each in bad.errors]
        ) from None


def _parse_time(time: Any) -> datetime:
    if isinstance(time, str) and _INSTANT.fullmatch(time):
        try:
            instant = datetime.fromisoformat(time if time[-1] == "Z" else time.upper())
            return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Invalid("invalid_time", "time must be RFC 3339 with an offset, such as 2026-05-20T10:00:00Z")


def _record_time(record: Record, clock: Clock) -> datetime:
    if record.timestamp is None or record.timestamp < 0:
        return clock.now()
    try:
        return from_micros(clock.from_machine(record.timestamp) * 1000)
    except OverflowError:
        raise Invalid("invalid_time", "time is missing, and the record's timestamp is out of range") from None


def _arrival(record: Record, clock: Clock) -> Arrival | None:
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


def _decode_base64(text: Any) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise Invalid("invalid_data", "data_base64 is not base64") from None


@lru_cache(maxsize=256)
def _mode_of(content_type: str | None) -> Mode:
    if content_type is None:
        return "json"
    media, _, parameters = content_type.lower().partition(";")
    media = media.strip()
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    if charset is not None and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        return "other"
    if media == "application/cloudevents+json":
        return "structured"
    if media.startswith("application/cloudevents"):
        raise Invalid(
            "unsupported_content_type", "the only CloudEvents format supported is application/cloudevents+json"
        )
    if media in ("application/json", "text/json") or media.endswith("+json"):
        return "json"
    return "other"

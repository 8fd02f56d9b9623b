"""From a Kafka record to a customer change: CloudEvents 1.0, binary and structured mode.

Called by `consumers.ingest` for every record. Never raises for what a record holds: whatever cannot be
understood is `Unusable`, with a code and a remedy that quote no value of the record. Written by hand
because it is the hot path and because the content type must decide the mode (Kafka binding, 3.3).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from prometheus_client import Counter

from consumers.records import Record
from domain.customer import ChangeKind, CustomerChange, CustomerData, parse_customer_data
from domain.errors import FieldError, Invalid
from domain.json_text import parse

KINDS: Mapping[str, ChangeKind] = {
    "rollcall.customer.changed.v1": "changed",
    "rollcall.customer.opted_out.v1": "opted_out",
    "rollcall.customer.opted_in.v1": "opted_in",
    "rollcall.customer.deleted.v1": "deleted",
}
MAX_MESSAGE = 900

Mode = Literal["structured", "json", "other"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# What CloudEvents forbids in its strings; the domain says what an identifier may hold beyond that.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_HEADERS = {
    "content-type": "datacontenttype",
    "Content-Type": "datacontenttype",
    **{f"ce_{name}": name for name in ("specversion", "type", "source", "id", "subject", "time")},
}

_keys_apart = Counter(
    "rollcall_ingest_key_differs_total", "Records whose key is not the subject: accepted, but their order is not kept"
)


class Clock(Protocol):
    """The time of this installation, which a rehearsal may have moved."""

    def now(self) -> datetime:
        """The present instant."""

    def from_machine(self, instant: datetime) -> datetime:
        """The installation's time at a machine's instant."""


class Unusable(NamedTuple):
    """Why a record can never become a change: a stable code, and what to mend."""

    code: str
    message: str


class Tombstone(NamedTuple):
    """A record without value and without event: says nothing, is counted and passed over."""


def parse_record(record: Record, clock: Clock) -> CustomerChange | Unusable | Tombstone:
    """The change that a record asks for, or why there is none."""
    if record.fault is not None:
        return Unusable("unreadable_record", printable(record.fault))
    if record.value is None and not record.headers:
        return Tombstone()
    try:
        return _parse_event(record, clock)
    except Invalid as bad:
        return unusable_because(bad.code, bad.errors or [FieldError("", bad.code, bad.detail)])


def unusable_because(code: str, errors: tuple[FieldError, ...] | list[FieldError]) -> Unusable:
    """The reason for a dead letter from the mistakes found."""
    told = "; ".join(f"{each.pointer}: {each.detail}" if each.pointer else each.detail for each in errors)
    return Unusable(code, printable(told))


def printable(text: str) -> str:
    """`text` as it can be stored and sent as a header: no NUL, no lone surrogate, not too long."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()[:MAX_MESSAGE]


def _parse_event(record: Record, clock: Clock) -> CustomerChange:
    event = _from_headers(record.headers)
    mode = _mode(event.get("datacontenttype"))
    if mode == "structured":
        return _structured(record, clock)
    if "specversion" not in event and "type" not in event:
        raise Invalid(
            "not_a_cloud_event", "neither the content-type application/cloudevents+json nor headers ce_… are there"
        )
    kind = _kind(event)
    data = None
    if kind == "changed":
        if mode == "other":
            raise Invalid("unsupported_content_type", "the data must be application/json")
        if record.value is None:
            raise Invalid("missing_data", "a changed customer needs data")
        data = _data(parse(record.value))
    return _change(event, kind, data, record, clock)


def _structured(record: Record, clock: Clock) -> CustomerChange:
    event = parse(record.value or b"")
    if not isinstance(event, dict):
        raise Invalid("not_a_cloud_event", "a structured event is one JSON object")
    kind = _kind(event)
    data = None
    if kind == "changed":
        if event.get("data") is not None and event.get("data_base64") is not None:
            raise Invalid("ambiguous_data", "data and data_base64 are both there; send one")
        content = event.get("datacontenttype")
        if content is not None and (not isinstance(content, str) or _mode(content) != "json"):
            raise Invalid("unsupported_content_type", "the data must be application/json")
        if event.get("data_base64") is not None:
            data = _data(parse(_decoded(event["data_base64"])))
        elif event.get("data") is not None:
            data = _data(event["data"])
        else:
            raise Invalid("missing_data", "a changed customer needs data")
    return _change(event, kind, data, record, clock)


def _kind(event: dict[str, Any]) -> ChangeKind:
    if event.get("specversion") != "1.0":
        raise Invalid("unsupported_specversion", "specversion must be 1.0")
    kind = KINDS.get(_attribute(event, "type"))
    if kind is None:
        raise Invalid("unknown_type", f"type must be one of {', '.join(KINDS)}")
    return kind


def _change(
    event: dict[str, Any], kind: ChangeKind, data: CustomerData | None, record: Record, clock: Clock
) -> CustomerChange:
    source = _attribute(event, "source")
    change_id = _attribute(event, "id")
    key = record.key
    if event.get("subject") is None:
        subject = _from_key(key)
    else:
        subject = _attribute(event, "subject")
        if key is None or key != subject.encode():
            _keys_apart.inc()
    time = event.get("time")
    at = _recorded(record, clock) if time is None else _instant(time)
    return CustomerChange(subject, kind, at, data, source, change_id)


def _attribute(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid("missing_attribute", f"{name} is missing or not a text")
    if _FORBIDDEN.search(value):
        raise Invalid("invalid_attribute", f"{name} holds control characters or lone surrogates")
    return value


def _from_key(key: bytes | None) -> str:
    try:
        subject = (key or b"").decode()
    except UnicodeDecodeError:
        subject = ""
    if not subject:
        raise Invalid(
            "missing_subject", "subject (the customer's external_id) is missing, and the key is no UTF-8 text"
        )
    if _FORBIDDEN.search(subject):
        raise Invalid("missing_subject", "subject is missing, and the key holds control characters")
    return subject


def _data(raw: Any) -> CustomerData:
    try:
        return parse_customer_data(raw)
    except Invalid as bad:
        raise Invalid(
            bad.code, bad.detail, [each._replace(pointer=f"/data{each.pointer}") for each in bad.errors]
        ) from None


def _instant(time: Any) -> datetime:
    if isinstance(time, str) and _INSTANT.fullmatch(time):
        try:
            return datetime.fromisoformat(time.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Invalid("invalid_time", "time must be RFC 3339 with an offset, such as 2026-05-20T10:00:00Z")


def _recorded(record: Record, clock: Clock) -> datetime:
    if record.timestamp is None or record.timestamp < 0:
        return clock.now()
    try:
        return clock.from_machine(_EPOCH + timedelta(milliseconds=record.timestamp))
    except OverflowError:
        raise Invalid("invalid_time", "time is missing, and the record's timestamp is out of range") from None


def _from_headers(headers: list[tuple[str, bytes | None]]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for header, value in headers:
        name = _HEADERS.get(header)
        if name is None or value is None:
            continue
        if name in event:
            raise Invalid("ambiguous_header", f"the header {header} is there twice")
        try:
            event[name] = value.decode()
        except UnicodeDecodeError:
            raise Invalid("invalid_attribute", f"the header {header} is not UTF-8") from None
    return event


def _decoded(text: Any) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise Invalid("invalid_data", "data_base64 is not base64") from None


@lru_cache(maxsize=256)
def _mode(content_type: str | None) -> Mode:
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
            "unsupported_content_type", "of the CloudEvents formats only application/cloudevents+json is read"
        )
    if media in ("application/json", "text/json") or media.endswith("+json"):
        return "json"
    return "other"

"""CloudEvents 1.0 as customer changes and activities: the one reader of Kafka's door and of HTTP's.

Called by `consumers.cloud_events` and `api.ingest.events`, which take the attributes from where their transport has
them. Raises `Invalid` with a code, and details that quote no value of the event. Hand-written because it is the hot
path and because the content type must decide the mode (Kafka binding, 3.3; HTTP binding, 3).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from domain.activities.activity import Activity, parse_activity
from domain.customer import ChangeKind, CustomerData, parse_customer_data
from domain.errors import Invalid
from domain.json_text import parse

KINDS: Mapping[str, ChangeKind] = {
    "rollcall.customer.changed.v1": "changed",
    "rollcall.customer.opted_out.v1": "opted_out",
    "rollcall.customer.opted_in.v1": "opted_in",
    "rollcall.customer.deleted.v1": "deleted",
    "rollcall.activity.recorded.v1": "activity",
}
NAMES = ("specversion", "type", "source", "id", "subject", "time")
_WITH_DATA = ("changed", "activity")
_NEEDS_DATA = "a changed customer and an activity need data"
Mode = Literal["structured", "batched", "json", "other"]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
# What CloudEvents forbids in its strings; the domain has further rules for identifiers.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Content(NamedTuple):
    """What an event asks for: the kind of change, and its data or the activity where it needs any."""

    kind: ChangeKind
    data: CustomerData | None = None
    activity: Activity | None = None


@lru_cache(maxsize=256)
def mode_of(content_type: str | None) -> Mode:
    """Returns how an event is sent, by its content type. Raises `Invalid` for a format that is not JSON."""
    if content_type is None:
        return "json"
    media, _, parameters = content_type.lower().partition(";")
    media = media.strip()
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters)
    if charset is not None and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        return "other"
    if media == "application/cloudevents+json":
        return "structured"
    if media == "application/cloudevents-batch+json":
        return "batched"
    if media.startswith("application/cloudevents"):
        raise Invalid(
            "unsupported_content_type", "the only CloudEvents format supported is application/cloudevents+json"
        )
    if media in ("application/json", "text/json") or media.endswith("+json"):
        return "json"
    return "other"


def read_binary(event: Mapping[str, Any], mode: Mode, body: bytes | None) -> Content:
    """Returns what an event asks for whose attributes are beside its data."""
    kind = _kind(event)
    if kind not in _WITH_DATA:
        return Content(kind)
    if mode != "json":
        raise Invalid("unsupported_content_type", "the data must be application/json")
    if body is None:
        raise Invalid("missing_data", _NEEDS_DATA)
    return _read_data(kind, parse(body))


def read_structured(event: Any) -> Content:
    """Returns what an event in JSON asks for, its data included."""
    if not isinstance(event, dict):
        raise Invalid("not_a_cloud_event", "a structured event is one JSON object")
    kind = _kind(event)
    if kind not in _WITH_DATA:
        return Content(kind)
    if event.get("data") is not None and event.get("data_base64") is not None:
        raise Invalid("ambiguous_data", "data and data_base64 are both present; send only one")
    content = event.get("datacontenttype")
    if content is not None and (not isinstance(content, str) or mode_of(content) != "json"):
        raise Invalid("unsupported_content_type", "the data must be application/json")
    if event.get("data_base64") is not None:
        return _read_data(kind, parse(_decode_base64(event["data_base64"])))
    if event.get("data") is not None:
        return _read_data(kind, event["data"])
    raise Invalid("missing_data", _NEEDS_DATA)


def require_attribute(event: Mapping[str, Any], name: str) -> str:
    """Returns a text attribute of an event. Raises `Invalid` where it is missing."""
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid("missing_attribute", f"{name} is missing or not a string")
    if not value.isprintable() and FORBIDDEN.search(value):
        raise Invalid("invalid_attribute", f"{name} contains control characters or lone surrogates")
    return value


def read_time(time: Any) -> datetime:
    """Returns the instant of an event's attribute `time`."""
    if isinstance(time, str) and _INSTANT.fullmatch(time):
        try:
            instant = datetime.fromisoformat(time if time[-1] == "Z" else time.upper())
            return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Invalid("invalid_time", "time must be RFC 3339 with an offset, such as 2026-05-20T10:00:00Z")


def _kind(event: Mapping[str, Any]) -> ChangeKind:
    if event.get("specversion") != "1.0":
        raise Invalid("unsupported_specversion", "specversion must be 1.0")
    kind = KINDS.get(require_attribute(event, "type"))
    if kind is None:
        raise Invalid("unknown_type", f"type must be one of {', '.join(KINDS)}")
    return kind


def _read_data(kind: ChangeKind, raw: Any) -> Content:
    try:
        if kind == "activity":
            return Content(kind, activity=parse_activity(raw))
        return Content(kind, parse_customer_data(raw))
    except Invalid as bad:
        raise Invalid(
            bad.code, bad.detail, [each._replace(pointer=f"/data{each.pointer}") for each in bad.errors]
        ) from None


def _decode_base64(text: Any) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise Invalid("invalid_data", "data_base64 is not base64") from None

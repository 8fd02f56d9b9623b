"""Debezium's change events as rows: its envelope, and the CloudEvents that its converter makes of it.

Called by `consumers.topic_formats`; the rows become changes by `rows`. Pure. An envelope says what happened (`op`), the
row `before` and `after`, and of its `source` when the database committed it and where in the database's log it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain import json_text
from domain.errors import Invalid
from domain.formats.cloud_events import read_time, require_attribute
from domain.formats.connect import unwrapped
from domain.formats.rows import Row
from domain.formats.typed_values import Unit, instant_of

# Created, updated, deleted, read by a snapshot, the whole table truncated, a message that is of no row.
_OPERATIONS = ("c", "u", "d", "r", "t", "m")
_TIMES: Mapping[str, Unit] = {"ts_ns": "nanoseconds", "ts_us": "microseconds", "ts_ms": "milliseconds"}


def read_debezium(value: Any) -> Row | None:
    """Returns the row of an event, `None` where it is of none. Raises `Invalid`."""
    if isinstance(value, Mapping) and "specversion" in value:
        return _of_cloud_event(value)
    envelope = unwrapped(value)
    if not isinstance(envelope, Mapping) or "op" not in envelope:
        detail = "there is no op: not Debezium's envelope. Rows that were unwrapped have the format connect"
        raise Invalid("not_an_envelope", detail)
    source = envelope.get("source")
    source = source if isinstance(source, Mapping) else {}
    operation = _operation(envelope["op"])
    name = ".".join(str(source[part]) for part in ("name", "db", "schema", "table") if source.get(part))
    identity = hashlib.sha256(json_text.dumps([operation, source])).hexdigest() if source else None
    at = _time(source) or _time(envelope)
    return _row(operation, envelope, at, f"debezium:{name}"[:512], identity)


def _of_cloud_event(event: Mapping[str, Any]) -> Row | None:
    if "iodebeziumop" not in event:
        raise Invalid("not_an_envelope", "a CloudEvent without iodebeziumop: not one of Debezium's converter")
    if "data" not in event or not isinstance(event["data"], Mapping):
        raise Invalid("unsupported_content_type", "the data of the event must be JSON, in the event itself")
    operation = _operation(event["iodebeziumop"])
    source, change_id = require_attribute(event, "source"), require_attribute(event, "id")
    at = None if event.get("time") is None else read_time(event["time"])
    return _row(operation, unwrapped(event["data"]), at, source, change_id)


def _operation(operation: Any) -> str:
    if operation not in _OPERATIONS:
        raise Invalid("unknown_operation", f"op must be one of {', '.join(_OPERATIONS)}")
    return str(operation)


def _row(operation: str, images: Any, at: datetime | None, source: str, change_id: str | None) -> Row | None:
    if operation == "m":
        return None
    if not isinstance(images, Mapping):
        raise Invalid("missing_row", "the data of the event must be an object with before and after")
    before = images.get("before")
    before = before if isinstance(before, Mapping) else None
    if operation in ("d", "t"):
        return Row(None, at, source, change_id, before)
    after = images.get("after")
    if not isinstance(after, Mapping):
        raise Invalid("missing_row", f"after, the row that op {operation} is about, is missing")
    return Row(after, at, source, change_id, is_snapshot=operation == "r")


def _time(part: Mapping[str, Any]) -> datetime | None:
    """Returns the instant that a part of the envelope says most exactly; connectors write 0 where they do not know."""
    for name, unit in _TIMES.items():
        count = part.get(name)
        if type(count) is int and count > 0:
            try:
                return instant_of(count, unit)
            except OverflowError:
                raise Invalid("invalid_time", f"{name} is beyond the calendar") from None
    return None

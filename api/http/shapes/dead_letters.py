"""Dead letters in JSON: the models, examples, and how a stored record is shown."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from typing_extensions import TypedDict

from domain.customer import TRUNCATED
from projections.read.dead_letters import DeadLetterRow
from projections.records.dead_letters import Retried, RetryResult


class RecordHeader(TypedDict):
    """A header of a Kafka record; a name may come twice."""

    name: str
    value: str | None


class DeadLetter(TypedDict):
    """A record that could never succeed. Its bytes as text, or all as base64 where they are not UTF-8.

    Where it is `truncated` only the beginning of each part is kept: the record was too large.
    """

    id: int
    topic: str
    partition: int
    offset: int
    timestamp: datetime | None
    key: str | None
    value: str | None
    encoding: Literal["utf-8", "base64"]
    truncated: bool
    headers: list[RecordHeader]
    code: str
    message: str
    attempts: int
    first_failed_at: datetime
    published_at: datetime | None


class Retry(TypedDict):
    """The result of a retry; a dead letter that is `resolved` is no longer listed."""

    id: int
    resolved: bool
    result: RetryResult
    attempts: int
    customer_id: UUID | None
    code: str | None
    message: str | None


EXAMPLE: dict[str, Any] = {
    "id": 7,
    "topic": "rollcall.customers.v1",
    "partition": 3,
    "offset": 1288,
    "timestamp": "2026-05-20T10:00:00Z",
    "key": "crm-1001",
    "value": "{not json",
    "encoding": "utf-8",
    "truncated": False,
    "headers": [{"name": "ce_id", "value": "a-1"}],
    "code": "malformed_json",
    "message": "Expecting property name at line 1, column 2",
    "attempts": 1,
    "first_failed_at": "2026-05-20T10:00:01Z",
    "published_at": None,
}

EXAMPLE_RETRY: dict[str, Any] = {
    "id": 7,
    "resolved": True,
    "result": "changed",
    "attempts": 2,
    "customer_id": "5a0c3b52-8f0e-5c3e-9d0a-1a2b3c4d5e6f",
    "code": None,
    "message": None,
}


def show_dead_letter(row: DeadLetterRow) -> DeadLetter:
    """Returns a dead letter as `/v1` shows it: its bytes as text where all of them are UTF-8, else all as base64."""
    stored = [row.key, row.value, *(None if content is None else bytes.fromhex(content) for _, content in row.headers)]
    try:
        shown = [None if each is None else bytes(each).decode() for each in stored]
        encoding: Literal["utf-8", "base64"] = "utf-8"
    except UnicodeDecodeError:
        shown = [None if each is None else b64encode(each).decode() for each in stored]
        encoding = "base64"
    names = [name for name, _ in row.headers]
    return {
        "id": row.dead_letter_id,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.record_offset,
        "timestamp": None if row.record_timestamp is None else _instant(row.record_timestamp),
        "key": shown[0],
        "value": shown[1],
        "encoding": encoding,
        "truncated": row.code in TRUNCATED,
        "headers": [{"name": name, "value": value} for name, value in zip(names, shown[2:], strict=True)],
        "code": row.code,
        "message": row.message,
        "attempts": row.attempts,
        "first_failed_at": row.first_failed_at,
        "published_at": row.published_at,
    }


def _instant(milliseconds: int) -> datetime | None:
    """Returns a record's own timestamp, which may be any number; `None` outside the calendar."""
    try:
        return datetime.fromtimestamp(milliseconds / 1_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def show_retry(dead_letter_id: int, retried: Retried) -> Retry:
    """Returns the result of a retry as `/v1` shows it."""
    return {
        "id": dead_letter_id,
        "resolved": retried.result != "invalid",
        "result": retried.result,
        "attempts": retried.attempts,
        "customer_id": retried.customer_id,
        "code": retried.code,
        "message": retried.message,
    }

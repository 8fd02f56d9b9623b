"""API keys: the body, the answers, and how a row is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from api.http.shapes.bodies import STORABLE, RequestBody
from domain.account import KeyKind
from domain.segment import MAX_NAME
from projections.records.api_keys import ApiKeyRow

EXAMPLE: dict[str, Any] = {
    "id": "key_2b1f00c6d1a3e4f5",
    "name": "CRM sync",
    "kind": "write",
    "created_at": "2026-05-20T10:00:00Z",
}


class KeyBody(RequestBody):
    """A key to hand out.

    `write` may only change customers, `read` only read, `sdk` only send what analytics SDKs send, also from web pages.
    """

    name: str = Field(min_length=1, max_length=MAX_NAME, pattern=STORABLE)
    kind: KeyKind


class NewKey(TypedDict):
    """A key as it is shown once."""

    id: str
    key: str


class Key(TypedDict):
    """A key without its secret."""

    id: str
    name: str
    kind: KeyKind
    created_at: datetime


def show_key(row: ApiKeyRow) -> Key:
    """Returns a key as `/v1` shows it."""
    return {"id": row.key_id, "name": row.name, "kind": row.kind, "created_at": row.created_at}

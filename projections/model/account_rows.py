"""The rows of accounts, API keys and attributes. Event handlers, called by the worker within its transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.instants import Days
from domain.stored_events import AccountCreated, ApiKeyCreated, ApiKeyRevoked, AttributeDeclared
from projections.model.account_state import AccountState
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)


def create_account(model: ReadModel, event: AccountCreated, _position: int, at: int) -> None:
    """Insert an account and begin to keep its state."""
    fields = {"name": event.name, "timezone": event.timezone, "country": event.country}
    model.connection.execute(SQL.create_account, {"account_id": event.account_id, "at": at} | fields)
    days = Days(ZoneInfo(event.timezone))
    model.accounts[event.account_id] = AccountState(event.account_id, days, time_passed_to=at)


def create_key(model: ReadModel, event: ApiKeyCreated, _position: int, at: int) -> None:
    """Insert an API key."""
    fields = {"account_id": event.account_id, "at": at, "key_id": event.key_id, "name": event.name, "kind": event.kind}
    model.connection.execute(SQL.create_key, fields | {"secret_sha256": bytes.fromhex(event.secret_sha256)})


def revoke_key(model: ReadModel, event: ApiKeyRevoked, _position: int, _at: int) -> None:
    """Delete an API key."""
    model.connection.execute(SQL.revoke_key, {"key_id": event.key_id})


def declare_attribute(model: ReadModel, event: AttributeDeclared, _position: int, _at: int) -> None:
    """Insert an attribute, or change its label."""
    model.account_of(event).types[event.key] = event.type
    fields = {"account_id": event.account_id, "key": event.key, "type": event.type, "label": event.label}
    model.connection.execute(SQL.declare_attribute, fields)


def record_time_passed(connection: Connection[Any], account_id: UUID, until: int) -> None:
    """Store up to when time-driven flips of an account are in its members, in microseconds since 1970."""
    connection.execute(SQL.record_time_passed, {"account_id": account_id, "until": until})

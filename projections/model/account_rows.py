"""The rows of accounts, API keys and attributes: one for each event, all of them rare. Used by the worker."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.moments import Days
from domain.stored_events import AccountCreated, ApiKeyCreated, ApiKeyRevoked, AttributeDeclared, Event
from projections.model.account_state import AccountState
from projections.postgres.database import beside

SQL = beside(__file__)


def apply(connection: Connection[Any], event: Event, at: int) -> None:
    """Bring one event into its row; `at` in microseconds since 1970."""
    fields = {"account_id": event.account_id, "at": at}
    match event:
        case AccountCreated():
            fields |= {"name": event.name, "timezone": event.timezone, "country": event.country}
            connection.execute(SQL.create_account, fields)
        case ApiKeyCreated():
            fields |= {"key_id": event.key_id, "name": event.name, "kind": event.kind}
            connection.execute(SQL.create_key, fields | {"secret_sha256": bytes.fromhex(event.secret_sha256)})
        case ApiKeyRevoked():
            connection.execute(SQL.revoke_key, {"key_id": event.key_id})
        case AttributeDeclared():
            fields |= {"key": event.key, "type": event.type, "label": event.label}
            connection.execute(SQL.declare_attribute, fields)


def pass_time(connection: Connection[Any], account_id: UUID, until: int) -> None:
    """Keep up to when time has passed for an account, in microseconds since 1970."""
    connection.execute(SQL.pass_time, {"account_id": account_id, "until": until})


def state_of(event: AccountCreated, at: int) -> AccountState:
    """What the worker holds of a new account."""
    return AccountState(event.account_id, Days(ZoneInfo(event.timezone)), time_passed_to=at)

"""The rows of accounts and attributes. Event handlers, called by the worker within its transaction."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.instants import Days
from domain.stored_events import AccountCreated, AttributeDeclared
from projections.model.account_state import AccountState
from projections.model.read_model import ReadModel
from projections.postgres.database import beside

SQL = beside(__file__)


def create_account(model: ReadModel, event: AccountCreated, _position: int, at: int) -> None:
    """Insert an account and begin to keep its state."""
    fields = {"account_id": event.account_id, "timezone": event.timezone, "country": event.country, "at": at}
    model.connection.execute(SQL.create_account, fields)
    days = Days(ZoneInfo(event.timezone))
    model.accounts[event.account_id] = AccountState(event.account_id, days, event.country, time_passed_to=at)


def declare_attribute(model: ReadModel, event: AttributeDeclared, _position: int, _at: int) -> None:
    """Insert an attribute, or change its label."""
    model.account_of(event).types[event.key] = event.type
    fields = {"account_id": event.account_id, "key": event.key, "type": event.type, "label": event.label}
    model.connection.execute(SQL.declare_attribute, fields)


def record_time(connection: Connection[Any], account: AccountState) -> None:
    """Store how far time has passed for an account and, while it passes, for which of its customers."""
    passing = account.passing
    fields = {
        "account_id": account.account_id,
        "time_passed_to": account.time_passed_to,
        "until": passing and passing.until,
        "position": passing and passing.position,
        "passed_to": passing and passing.passed_to,
        "customer_no": passing and passing.customer_no,
    }
    connection.execute(SQL.record_time, fields)

"""What a step of time works on, and how the flips that it wrote in SQL are counted and published."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import Connection, sql

from domain.errors import Corrupt
from projections.matching.due import Due
from projections.model.account_state import AccountState, Passing
from projections.model.membership import MembershipBatch
from projections.model.segment_list import sizes
from projections.postgres.database import beside

SQL = beside(__file__)


class Step(NamedTuple):
    """What a step works on: an account, how far its time has passed, and where its customers may flip."""

    connection: Connection[Any]
    account: AccountState
    passing: Passing
    due: Due
    flips: MembershipBatch


class Written(NamedTuple):
    """What a statement of a step wrote: how many members it took out, how many left first, and all joins and leaves."""

    gone: int
    left_first: int
    joins: int
    leaves: int


def execute(step: Step, statement: sql.Composed) -> None:
    """Execute a statement that answers with `Written`. Raises `Corrupt` where other members left than were there."""
    row = step.connection.execute(statement, binary=True).fetchone()
    assert row is not None
    written = Written(*row)
    if written.gone != written.left_first:
        raise Corrupt("rows_differ", f"{written.left_first} members leave, {written.gone} were there")
    step.flips.joins += written.joins
    step.flips.leaves += written.leaves


def published(step: Step) -> sql.Composed:
    """Returns the parts of a statement that count the flips it finds, `flipped`, and append them to the change stream.

    `flipped` has their version_no, customer_no, at and joined.
    """
    terms = {"account": sql.Literal(step.account.account_id), "position": position(step)}
    days = sizes.add_of(sql.SQL(SQL.moved).format(**terms))
    changes = step.flips.changes.parts_of_flips(sql.SQL(SQL.flips).format(**terms))
    return sql.SQL(", ").join([sql.SQL(SQL.counted), sql.SQL("days AS ({})").format(days), *changes])


def position(step: Step) -> sql.Composed:
    """The position of the event that lets time pass."""
    return sql.SQL("{}::bigint").format(sql.Literal(step.passing.position))

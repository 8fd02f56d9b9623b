"""Lists of segments: which ones, in which order, and what uses them. Used by the API and the console.

A page is read by the key of the last row before it. Names, instants and numbers have an index of their own; in order of
members the sizes of an account's segments are sorted, which change with every batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.segment import Label
from domain.values import fold
from projections.postgres.database import beside
from projections.read.segments import SegmentRow, row_of

SQL = beside(__file__)
Sort = Literal["-created", "created", "name", "-name", "-members", "members", "-updated", "updated"]
SORTS: tuple[Sort, ...] = get_args(Sort)
NEWEST_FIRST: Sort = "-created"
_KEYS = {
    # Numbers are drawn in order of creation.
    "created": sql.SQL("s.segment_no"),
    "name": sql.SQL("s.folded_name"),
    "members": sql.SQL("coalesce(v.members, 0)"),
    "updated": sql.SQL("s.updated_at"),
}


class Wanted(NamedTuple):
    """Which segments a list shows: `among` are the only ones, `unused` those that no campaign and no filter uses."""

    name: str | None = None
    kind: str | None = None
    label_id: UUID | None = None
    archived: bool | None = False
    unused: bool = False
    among: Sequence[UUID] | None = None


class Used(NamedTuple):
    """What uses a segment: the campaign or segment with this id, as which of the two, and its name."""

    kind: Literal["campaign", "segment"]
    id: UUID
    name: str


def page(
    connection: Connection[TupleRow],
    account_id: UUID,
    wanted: Wanted,
    sort: Sort = NEWEST_FIRST,
    *,
    after: tuple[Any, int] | None,
    limit: int,
) -> list[SegmentRow]:
    """Returns a page of segments; `after` is what `key_of` returns of the row before it."""
    descending, key = sort.startswith("-"), _KEYS[sort.removeprefix("-")]
    direction = sql.SQL("DESC" if descending else "ASC")
    begin: sql.Composable = sql.SQL("true")
    if after is not None:
        begin = sql.SQL("({}, s.segment_no) {} (%(key)s, %(segment_no)s::bigint)").format(
            key, sql.SQL("<" if descending else ">")
        )
    statement = sql.SQL(SQL.page).format(wanted=_wanted(wanted), begin=begin, key=key, direction=direction)
    asked = _asked(account_id, wanted) | {"limit": limit}
    if after is not None:
        asked |= {"key": after[0], "segment_no": after[1]}
    return [row_of(row) for row in connection.execute(statement, asked)]


def count(connection: Connection[TupleRow], account_id: UUID, wanted: Wanted) -> int:
    """Returns how many segments `page` finds in all."""
    row = connection.execute(sql.SQL(SQL.count).format(wanted=_wanted(wanted)), _asked(account_id, wanted)).fetchone()
    return int(row[0]) if row else 0


def key_of(row: SegmentRow, sort: Sort) -> tuple[Any, int]:
    """Returns the key of a row in an order."""
    keys = {
        "created": row.segment_no,
        "name": fold(row.name),
        "members": row.members,
        "updated": row.updated_at,
    }
    return keys[sort.removeprefix("-")], row.segment_no


def key_at(connection: Connection[TupleRow], account_id: UUID, segment_no: int, sort: Sort) -> tuple[Any, int] | None:
    """Returns the present key of the segment with a number; `None` where it was deleted."""
    statement = sql.SQL(SQL.key_at).format(key=_KEYS[sort.removeprefix("-")])
    row = connection.execute(statement, {"account_id": account_id, "segment_no": segment_no}).fetchone()
    return None if row is None else (row[0], segment_no)


def uses(connection: Connection[TupleRow], account_id: UUID, segment_ids: Collection[UUID]) -> dict[UUID, list[Used]]:
    """Returns what uses these segments: campaigns by name, then segments by name; nothing for those not used."""
    ids = list(segment_ids)
    asked = {"account_id": account_id, "segment_ids": ids, "texts": [str(each) for each in ids]}
    found: dict[UUID, list[Used]] = {}
    for used_id, *used in connection.execute(SQL.uses, asked):
        found.setdefault(UUID(str(used_id)), []).append(Used(*used))
    return found


def ids_of_name(connection: Connection[TupleRow], account_id: UUID, name: str) -> list[UUID]:
    """Returns the segments that have a name already, in any case, archived ones too; the oldest first."""
    asked = {"account_id": account_id, "name": fold(name.strip())}
    return [segment_id for (segment_id,) in connection.execute(SQL.ids_of_name, asked)]


def labels(connection: Connection[TupleRow], account_id: UUID) -> dict[UUID, Label]:
    """Returns the labels of an account, ordered by name."""
    return {row[0]: Label(*row) for row in connection.execute(SQL.labels, [account_id])}


def _wanted(wanted: Wanted) -> sql.Composed:
    """Only the conditions that are asked for, so that each has its plan."""
    asked = {
        SQL.with_name: wanted.name is not None,
        SQL.of_kind: wanted.kind is not None,
        SQL.with_label: wanted.label_id is not None,
        SQL.archived_or_not: wanted.archived is not None,
        SQL.not_used: wanted.unused,
        SQL.among_these: wanted.among is not None,
    }
    return sql.SQL("").join(sql.SQL(condition) for condition, is_asked in asked.items() if is_asked)


def _asked(account_id: UUID, wanted: Wanted) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "name": None if wanted.name is None else fold(wanted.name),
        "type": wanted.kind,
        "label_id": wanted.label_id,
        "archived": wanted.archived,
        "among": None if wanted.among is None else list(wanted.among),
    }

"""Computed attributes of many customers, as an expression: for streams, where a function called for each row is slow.

Used by `projections.read.streams.lines` and `projections.read.recipients`. It says what the function `with_computed` of
the read model says, which pages use.
"""

from __future__ import annotations

from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.formats.fields import Fields
from projections.postgres.database import beside

SQL = beside(__file__)
# A function takes a hundred arguments at most.
TOGETHER = 50


def values_of(
    connection: Connection[TupleRow], account_id: UUID, fields: Fields, row_name: str = "customers"
) -> sql.Composed:
    """Returns the column `attributes` of a row of `customers`, with those that are computed where fields need some."""
    asked = {"account_id": account_id, "keys": fields.keys, "needs_all": fields.needs_all}
    row = sql.Identifier(row_name)
    names = ("after", "until", "longest", "passed_to")
    pairs = []
    for key, value, facts, *instants in connection.execute(SQL.served, asked):
        parts = {name: sql.Literal(each) for name, each in zip(names, instants, strict=True)}
        shown = sql.SQL(SQL.value).format(row=row, value=_stored(value), facts=_stored(facts), **parts)
        pairs.append(sql.SQL("{}, {}").format(sql.Literal(key), shown))
    objects = [
        sql.SQL("jsonb_strip_nulls(jsonb_build_object({}))").format(sql.SQL(", ").join(pairs[start : start + TOGETHER]))
        for start in range(0, len(pairs), TOGETHER)
    ]
    if not objects:
        return sql.SQL(SQL.stored).format(row=row)
    return sql.SQL(SQL.with_computed).format(row=row, computed=sql.SQL(" || ").join(objects))


def _stored(expression: str) -> sql.SQL:
    """An expression that the worker has stored; what looks like a place for a value in it is none."""
    return sql.SQL(expression.replace("%", "%%"))

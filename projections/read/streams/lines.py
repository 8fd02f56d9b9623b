"""Lists of customers as lines of text, NDJSON or CSV, with chosen fields: what every stream of them is made of.

PostgreSQL writes the lines, some thousand at a time: nothing here handles a customer by itself. Used by
`projections.read.recipients` and, for customers and members, by `api`. What always holds: a line has the same fields
and values as the customer on a page (`domain.formats.fields`), and no piece is much larger than `MOST_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg import Connection, ServerCursor, sql
from psycopg.rows import TupleRow

from domain.customer import BUILT_IN
from domain.formats.fields import ATTRIBUTE, Fields
from projections.postgres.database import beside
from projections.read import MOST_BYTES
from projections.read.attributes.computed import values_of
from projections.read.customers import EVERYONE, Search
from projections.read.history import ServedVersions
from projections.read.searches import found
from projections.read.searches.found import Wanted

SQL = beside(__file__)
LineFormat = Literal["json", "csv"]
Lines = Iterator[tuple[bytes, int]]
# Customers in a piece: the first one is small, so that a stream begins at once.
FIRST, MOST = 500, 5_000
FORMS: dict[LineFormat, dict[str, sql.SQL]] = {
    "json": {
        "text": sql.SQL(SQL.json_text),
        "plain": sql.SQL(SQL.json_plain),
        "flag": sql.SQL(SQL.json_flag),
        "instant": sql.SQL(SQL.json_instant),
        "value": sql.SQL(SQL.json_value),
    },
    "csv": {
        "text": sql.SQL(SQL.csv_text),
        "plain": sql.SQL(SQL.csv_plain),
        "flag": sql.SQL(SQL.csv_plain),
        "instant": sql.SQL(SQL.csv_instant),
        "value": sql.SQL(SQL.csv_value),
    },
}
KINDS = {
    **dict.fromkeys(("id", "customer_id", "phone"), "plain"),
    **dict.fromkeys(("external_id", "name"), "text"),
    **dict.fromkeys(("created_at", "updated_at", "joined_at"), "instant"),
    "opted_out": "flag",
}
SPECIAL: dict[str, sql.Composable] = {
    "attributes": sql.SQL(SQL.attributes).format(built_in=sql.Literal(list(BUILT_IN))),
    "tags": sql.SQL(SQL.tags),
}


def line_of(fields: Fields, form: LineFormat) -> sql.Composed:
    """Returns the SQL of the line of a row `r`, which has a column for each field that is no attribute."""
    return _csv_line(fields) if form == "csv" else _json_line(fields)


def of_customers(
    connection: Connection[TupleRow], account_id: UUID, wanted: Search, fields: Fields, form: LineFormat
) -> Lines:
    """Yields the customers that match a search, oldest first, as lines: some at a time, and how many they are."""
    numbers = SQL.numbers if wanted == EVERYONE else SQL.numbers_found
    return _lines(connection, account_id, numbers, wanted._asdict() | {"account_id": account_id}, fields, form)


def of_found(connection: Connection[TupleRow], wanted: Wanted, fields: Fields, form: LineFormat) -> Lines:
    """Yields the customers that a whole search finds, oldest first, as `of_customers` does."""
    return _lines(connection, wanted.account_id, found.numbers(connection, wanted), {}, fields, form)


def of_members(
    connection: Connection[TupleRow],
    account_id: UUID,
    version_no: int,
    wanted: Search,
    fields: Fields,
    form: LineFormat,
) -> Lines:
    """Yields the members of a served version that match a search, oldest customer first, as `of_customers` does."""
    numbers = SQL.members if wanted == EVERYONE else SQL.members_found
    asked = wanted._asdict() | {"account_id": account_id, "version_no": version_no}
    return _lines(connection, account_id, numbers, asked, fields, form)


def of_members_at(
    connection: Connection[TupleRow], source: ServedVersions, at: datetime, fields: Fields, form: LineFormat
) -> Lines:
    """Yields the members of a segment at an earlier instant as `of_members` does; of those erased since, only when."""
    return _lines(connection, source.account_id, SQL.members_at, source._asdict() | {"at": at}, fields, form)


def _lines(
    connection: Connection[TupleRow],
    account_id: UUID,
    numbers: str | sql.Composed,
    asked: dict[str, object],
    fields: Fields,
    form: LineFormat,
) -> Lines:
    """Yields lines of those whose numbers a query returns, with the instants at which they joined."""
    values = values_of(connection, account_id, fields)
    query = sql.SQL(SQL.of_customers).format(line=line_of(fields, form), values=values)
    with ServerCursor(connection, "numbers") as cursor:
        # A composed query holds its values, and what looks like a place for one in them is none.
        cursor.execute(numbers, asked if isinstance(numbers, str) else None)
        size = FIRST
        while rows := cursor.fetchmany(size):
            while rows:
                terms = {"numbers": [row[0] for row in rows], "joins": [row[1] for row in rows], "most": MOST_BYTES}
                piece = connection.execute(query, terms | {"account_id": account_id}, binary=True).fetchone()
                assert piece is not None
                yield piece[1], piece[0]
                rows = rows[piece[0] :]
            size = MOST


def _json_line(fields: Fields) -> sql.Composed:
    parts: list[tuple[str, sql.Composable]] = []
    nested = [name for name in fields.names if name.startswith(ATTRIBUTE)]
    for name in fields.names:
        if name not in nested:
            parts.append((f'"{name}":', _value(name, "json")))
        elif name == nested[0]:
            keys = [(f'"{each.removeprefix(ATTRIBUTE)}":', _value(each, "json")) for each in nested]
            parts.append(('"attributes":', joined("{", keys, "}")))
    return joined("{", parts, "}\n")


def _csv_line(fields: Fields) -> sql.Composed:
    return joined("", [("", _value(name, "csv")) for name in fields.names], "\r\n")


def joined(before: str, parts: Sequence[tuple[str, sql.Composable]], after: str) -> sql.Composed:
    """Returns the SQL of labelled values with commas between them."""
    pieces: list[sql.Composable] = []
    text = before
    for place, (label, value) in enumerate(parts):
        text += ("," if place else "") + label
        pieces += [sql.Literal(text), value] if text else [value]
        text = ""
    return sql.SQL("({})").format(sql.SQL(" || ").join([*pieces, sql.Literal(text + after)]))


def _value(name: str, form: LineFormat) -> sql.Composed:
    if name in KINDS:
        column = "customer_id" if name == "id" else name
        return FORMS[form][KINDS[name]].format(value=sql.SQL("r.") + sql.Identifier(column))
    key = sql.Literal(name.removeprefix(ATTRIBUTE))
    value = SPECIAL.get(name, sql.SQL(SQL.attribute).format(key=key))
    return FORMS[form]["value"].format(value=value)

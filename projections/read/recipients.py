"""The recipients of a campaign now, and those of a frozen audience: by page, or all in one stream.

Used by `api.v1.recipients` and the console. Whether a number is reached is decided for the number, over all customers
who have it; the oldest of them in the audience is the recipient, and the oldest customer comes first. Both a page and a
stream read windows of customers in that order, each only as many members as it needs, and look up others only for the
few numbers that are shared (`projections.model.reach`). Of a frozen audience a window is some of its blocks, whose
recipients had then what they have now, unless it was kept when it was replaced. Within one transaction that is one
snapshot; neither side holds more than a window. PostgreSQL writes the lines of a stream.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.formats.fields import RECIPIENT_FIELDS, Fields
from projections.model.audience_spec import AudienceSpec
from projections.postgres import limits
from projections.postgres.database import beside
from projections.read import MOST_BYTES
from projections.read.attributes.computed import values_of
from projections.read.streams.lines import LineFormat, Lines, line_of

SQL = beside(__file__)
RECIPIENTS = sql.SQL(SQL.recipients)
# Members in a window of a page, and of a stream: its first one is small, so that it begins at once.
MIN_WINDOW, MAX_WINDOW = 100, 50_000
FIRST_LINES, MOST_LINES = 2_000, 40_000
# Fields that are columns of `reach`, and of a frozen audience.
NARROW = frozenset(RECIPIENT_FIELDS.names)
# So many recipients wanted of a block of 512 customers: then reading it in order costs less than looking up each.
MANY_IN_BLOCK = 64
# Beyond every customer.
END = 2**63 - 1


class RecipientRow(NamedTuple):
    """A recipient: each customer once, each phone number once."""

    customer_no: int
    customer_id: UUID
    external_id: str | None
    phone: str
    name: str | None


class FrozenRecipients(NamedTuple):
    """The recipients of a frozen audience; with `not_in`, only those who are not in that one, another audience."""

    account_id: UUID
    audience_no: int
    not_in: int | None = None

    def of(self, statement: str, **more: sql.Composable) -> sql.Composed:
        """Returns a query of them: a statement with `{frozen}` in it, and `more` such parts."""
        blocks = SQL.frozen_blocks if self.not_in is None else SQL.frozen_here_only
        return sql.SQL(statement).format(frozen=sql.SQL(SQL.frozen).format(blocks=sql.SQL(blocks)), **more)

    def by_block(self) -> sql.Composed:
        """Returns them as a table of a query, for blocks with many."""
        return self.of(SQL.frozen_by_block, recipients=sql.SQL(SQL.frozen_of_block))


class Skipped(NamedTuple):
    """How many members are not recipients, each counted under the first reason that applies."""

    excluded: int
    opted_out: int
    no_phone: int
    duplicate_phone: int


def page(connection: Connection[TupleRow], spec: AudienceSpec, *, after: int | None, limit: int) -> list[RecipientRow]:
    """Returns a page of the recipients now, oldest customer first.

    Reads a window of members, and larger ones if most of them are not recipients. Sets `plan_cache_mode` for
    the rest of the transaction.
    """
    found: list[RecipientRow] = []
    last, window = after or 0, max(MIN_WINDOW, 2 * limit)
    connection.execute(SQL.plan_once)
    query = sql.SQL(SQL.page).format(recipients=RECIPIENTS)
    while True:
        end = _window_end(connection, spec, last, window)
        terms = spec._asdict() | {"after": last, "last": end, "limit": limit - len(found)}
        found += [RecipientRow(*row) for row in connection.execute(query, terms)]
        if len(found) == limit or end == END:
            return found
        last, window = end, min(window * 4, MAX_WINDOW)


def totals(connection: Connection[TupleRow], spec: AudienceSpec) -> tuple[int, Skipped]:
    """Returns how many recipients there are now, and how many members are not, by reason."""
    row = connection.execute(SQL.totals, spec._asdict()).fetchone()
    assert row is not None
    return row[0], Skipped(*row[1:])


def totals_within(connection: Connection[TupleRow], spec: AudienceSpec, span: timedelta) -> tuple[int, Skipped] | None:
    """Returns what `totals` does, or `None` if counting takes longer than `span`."""
    return limits.within(connection, span, lambda: totals(connection, spec))


def frozen_page(
    connection: Connection[TupleRow], frozen: FrozenRecipients, *, after: int | None, limit: int
) -> list[RecipientRow]:
    """Returns a page of the recipients of a frozen audience, oldest customer first.

    Sets how queries are planned for the rest of the transaction.
    """
    connection.execute(SQL.plan_once)
    terms = frozen._asdict() | {"after": after or 0, "limit": limit}
    end, are_many = _frozen_window(connection, frozen, terms, are_many=False)
    if are_many:
        connection.execute(SQL.plan_blocks)
    shown = frozen.by_block() if are_many else frozen.of(SQL.frozen_looked_up)
    rows = connection.execute(sql.SQL(SQL.page).format(recipients=shown), terms | {"last": end})
    return [RecipientRow(*each) for each in rows]


def count_frozen(connection: Connection[TupleRow], frozen: FrozenRecipients) -> int:
    """Returns how many there are."""
    row = connection.execute(frozen.of(SQL.count_frozen), frozen._asdict() | {"after": 0, "last": END}).fetchone()
    return int(row[0]) if row else 0


def lines(
    connection: Connection[TupleRow], spec: AudienceSpec, form: LineFormat, fields: Fields = RECIPIENT_FIELDS
) -> Lines:
    """Yields every recipient now as lines of text: some lines at a time, and how many they are.

    Sets how queries are planned for the rest of the transaction.
    """
    connection.execute(SQL.plan_each)
    wide = is_wide(fields)
    parts = {"recipients": RECIPIENTS, "line": line_of(fields, form)}
    if wide:
        parts["values"] = values_of(connection, spec.account_id, fields, "d")
    query = sql.SQL(SQL.wide_lines if wide else SQL.lines).format(**parts)
    last, window = 0, FIRST_LINES
    while last < END:
        end = _window_end(connection, spec, last, window)
        terms = spec._asdict() | {"after": last, "last": end, "most": MOST_BYTES}
        row = connection.execute(query, terms, binary=True).fetchone()
        assert row is not None
        if row[0]:
            yield row[1], row[0]
        is_cut = wide and row[0] < row[3]
        last = row[2] if is_cut else end
        window = _next_window(window, (row[4] if wide else len(row[1] or b"")) or 0)


def frozen_lines(
    connection: Connection[TupleRow], frozen: FrozenRecipients, form: LineFormat, fields: Fields = RECIPIENT_FIELDS
) -> Lines:
    """Yields the recipients of a frozen audience as `lines` does; what was not frozen of them is as it is now."""
    connection.execute(SQL.plan_each)
    of_few, of_many = _frozen_lines(connection, frozen, form, fields)
    last, limit, are_many = 0, FIRST_LINES, False
    while last < END:
        terms = frozen._asdict() | {"after": last, "limit": limit, "most": MOST_BYTES}
        end, are_many = _frozen_window(connection, frozen, terms, are_many=are_many)
        asked = terms | {"last": end, "limit": None}
        row = connection.execute(of_many if are_many else of_few, asked, binary=True).fetchone()
        assert row is not None
        if row[0]:
            yield row[1], row[0]
            limit = _next_window(row[0], len(row[1]))
        # A piece may be full before its window ends.
        last = (row[2] if row[0] else None) or end


def _frozen_window(
    connection: Connection[TupleRow], frozen: FrozenRecipients, terms: dict[str, Any], *, are_many: bool
) -> tuple[int, bool]:
    """The last customer of the blocks with as many recipients as `terms` ask for, or `END` where there are fewer.

    And whether that is many for so few blocks; as given, for the last ones.
    """
    row = connection.execute(frozen.of(SQL.frozen_window), terms | {"last": END}).fetchone()
    return (END, are_many) if row is None else (row[0], terms["limit"] >= MANY_IN_BLOCK * row[1])


def _frozen_lines(
    connection: Connection[TupleRow], frozen: FrozenRecipients, form: LineFormat, fields: Fields
) -> tuple[sql.Composed, sql.Composed]:
    """The queries of the lines of a window: how many, their text, and the last customer if more may follow.

    For blocks with few recipients, and with many.
    """
    line, looked_up = line_of(fields, form), frozen.of(SQL.frozen_looked_up)
    if is_wide(fields):
        values = values_of(connection, frozen.account_id, fields)
        few, many = (
            sql.SQL(SQL.frozen_wide_lines).format(line=line, values=values, recipients=recipients)
            for recipients in (looked_up, frozen.by_block())
        )
        return few, many
    few = sql.SQL(SQL.frozen_lines).format(line=line, recipients=looked_up)
    return few, frozen.of(SQL.frozen_lines_by_block, line=line, recipients=sql.SQL(SQL.frozen_of_block))


def is_wide(fields: Fields) -> bool:
    """Whether they need more than what campaigns keep of each customer."""
    return not NARROW.issuperset(fields.names)


def _next_window(size: int, size_bytes: int) -> int:
    """How many members or recipients the next window holds, after one of so many, which had so many bytes."""
    return max(MIN_WINDOW, min(MOST_LINES, size * MOST_BYTES // max(1, size_bytes)))


def _window_end(connection: Connection[TupleRow], spec: AudienceSpec, after: int, members: int) -> int:
    """The last customer of the next window, which holds about so many memberships; `END` where it is the last one."""
    terms = {"included": spec.included, "after": after, "most": max(1, members // max(1, len(spec.included)))}
    row = connection.execute(SQL.window_end, terms).fetchone()
    return END if row is None or row[0] is None else int(row[0])

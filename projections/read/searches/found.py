"""Who matches a search (`domain.filters.customer_search`): pages of customers, newest first, and how many they are.

Used by the API, the console, and jobs that act on all of them. A search is prepared once per snapshot. Candidates
come from what narrows most: the index of words where few match, else the segment's members, else all customers; what
else is asked is tested on them. They are looked at in growing windows, the newest first: a page that the newest
customers fill costs the same among a thousand customers and among a million.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.errors import Invalid
from domain.filters.conditions import Node
from domain.filters.customer_search import CustomerSearch
from domain.instants import micros
from domain.texts.language import said
from projections.model.filter_sql import predicate
from projections.postgres.database import beside
from projections.read import accounts, segments
from projections.read.customers import EVERYONE, CustomerRow, Search, parse_search, with_attributes

SQL = beside(__file__)
# If more customers match a text, they are not all looked up by index.
FEW = 1_000
# How many candidates are looked at first, and how many times more each time after that.
FIRST_WINDOW, GROWTH = 2_000, 8
# So many customers are looked at in one scan, on several processors where the session allows it.
MANY = 100_000
_NOTHING_ELSE = sql.SQL("true")


class Wanted(NamedTuple):
    """A search as of one snapshot: the words, the id that they may be, the filter as SQL, and the segments' versions.

    A version of 0 has no members.
    """

    account_id: UUID
    text: Search
    customer_id: UUID | None
    filter: sql.Composable | None
    in_version: int | None
    not_in_version: int | None

    @property
    def is_text_only(self) -> bool:
        """Whether nothing but the text, if any, is asked."""
        return self.filter is None and self.in_version is None and self.not_in_version is None


class Source:
    """Where candidates come from: a query, with what it needs. `is_everyone`: all customers of the account."""

    def __init__(self, query: str, **terms: sql.Composable) -> None:
        self._query = query
        self.terms = terms
        self.is_everyone = query == SQL.by_number

    def candidates(self, account_id: UUID, before: int | None = None, size: int | None = None) -> sql.Composed:
        """Returns the query of their numbers, newest first: `size` of them, or all."""
        limits = {"account": sql.Literal(account_id), "before": sql.Literal(before), "size": sql.Literal(size)}
        return sql.SQL(self._query).format(**self.terms, **limits)


class Window(NamedTuple):
    """The matches among some candidates; the next candidates come before `looked_to`, which is `None` at the end."""

    numbers: list[int]
    looked_to: int | None


class OfAll(NamedTuple):
    """A query about all who match: the candidates themselves, customers who are tested, or such among candidates."""

    candidates: str
    customers: str
    among: str


COUNTS = OfAll(SQL.count_candidates, SQL.count_customers, SQL.count_among)
NUMBERS = OfAll(SQL.all_candidates, SQL.all_customers, SQL.all_among)


def prepare(
    connection: Connection[TupleRow], account_id: UUID, search: CustomerSearch, node: Node | None, now: datetime
) -> Wanted:
    """Returns the search as of this snapshot; `node` is the tree of its filter. Raises `Invalid`: no such segment."""
    where = None
    if search.filter is not None:
        assert node is not None, "a filter is parsed before it is looked for"
        days, _ = accounts.calendar(connection, account_id)
        where = predicate(node, days.moment(micros(now)))
    return Wanted(
        account_id,
        parse_search(connection, account_id, search.text),
        _id_in(search.text),
        where,
        _version(connection, account_id, search.in_segment, "/in_segment"),
        _version(connection, account_id, search.not_in_segment, "/not_in_segment"),
    )


def page(
    connection: Connection[TupleRow], wanted: Wanted, *, before: int | None, limit: int
) -> tuple[list[CustomerRow], bool]:
    """Returns a page of the customers who match, newest first, and whether there are more.

    It ends early where they are large.
    """
    numbers = find(connection, wanted, before=before, limit=limit + 1)
    rows = customers_of(connection, wanted, numbers[:limit])
    return rows, len(rows) < len(numbers)


def customers_of(connection: Connection[TupleRow], wanted: Wanted, numbers: list[int]) -> list[CustomerRow]:
    """Returns the customers with these numbers, in their order, up to the one that fills a page."""
    found = connection.execute(SQL.rows, {"account_id": wanted.account_id, "numbers": numbers}).fetchall()
    return [row for row in with_attributes(connection, wanted.account_id, found) if row is not None]


def find(connection: Connection[TupleRow], wanted: Wanted, *, before: int | None, limit: int) -> list[int]:
    """Returns the numbers of the customers who match, newest first: `limit` of those before the number `before`."""
    found: list[int] = []
    for window in windows(connection, wanted, before=before, limit=limit):
        found += window.numbers
        if len(found) >= limit:
            break
    return found[:limit]


def ids(connection: Connection[TupleRow], wanted: Wanted, *, before: int | None, limit: int) -> list[tuple[int, UUID]]:
    """Returns number and id of those that `find` returns: for jobs, which go on before the last number."""
    numbers = find(connection, wanted, before=before, limit=limit)
    found = connection.execute(SQL.rows, {"account_id": wanted.account_id, "numbers": numbers})
    return [(row[0], row[1]) for row in found]


def windows(connection: Connection[TupleRow], wanted: Wanted, *, before: int | None, limit: int) -> Iterator[Window]:
    """Yields the matches window by window, newest first, each at most `limit`; the last one is not full."""
    source, rest = _plan(connection, wanted)
    size = limit if rest is _NOTHING_ELSE else max(FIRST_WINDOW, limit)
    while True:
        window = _look(connection, wanted.account_id, source, rest, before, size, limit)
        yield window
        if window.looked_to is None:
            return
        before, size = window.looked_to, size * GROWTH


def count(connection: Connection[TupleRow], wanted: Wanted, *, most: int | None = None) -> int:
    """Returns how many match; with `most`, no more than one more than that are looked for."""
    if most is not None:
        return len(find(connection, wanted, before=None, limit=most + 1))
    row = connection.execute(_of_all(connection, wanted, COUNTS)).fetchone()
    return int(row[0]) if row else 0


def numbers(connection: Connection[TupleRow], wanted: Wanted) -> sql.Composed:
    """Returns the query of the numbers of all who match, oldest first, for a stream (`projections.read.streams`).

    It is to be read with a cursor, as no window ends it: where most customers match, they come as they are scanned.
    """
    return _of_all(connection, wanted, NUMBERS)


def _of_all(connection: Connection[TupleRow], wanted: Wanted, queries: OfAll) -> sql.Composed:
    """Returns the one of the queries that fits where the candidates come from."""
    source, rest = _plan(connection, wanted)
    tested = queries.customers if source.is_everyone else queries.among
    query = queries.candidates if rest is _NOTHING_ELSE else tested
    candidates = source.candidates(wanted.account_id)
    return sql.SQL(query).format(account=sql.Literal(wanted.account_id), candidates=candidates, rest=rest)


def _id_in(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _version(connection: Connection[TupleRow], account_id: UUID, segment_id: UUID | None, pointer: str) -> int | None:
    """Returns the version that a segment serves; 0 before the first one."""
    if segment_id is None:
        return None
    row = segments.by_id(connection, account_id, segment_id)
    if row is None:
        raise Invalid.at(pointer, "unknown_segment", said("no such segment in this account"))
    return row.serving or 0


def _plan(connection: Connection[TupleRow], wanted: Wanted) -> tuple[Source, sql.Composable]:
    """Returns where candidates come from, and what else is asked of them."""
    rest: list[sql.Composable] = []
    source = Source(SQL.by_number)
    if wanted.in_version is not None:
        source = Source(SQL.by_member, version=sql.Literal(wanted.in_version))
    if wanted.text != EVERYONE:
        words = sql.SQL(SQL.words).format(sql.Literal(wanted.text.words), sql.Literal(wanted.text.phones))
        is_id = wanted.customer_id is not None
        if is_id or wanted.is_text_only or _are_few(connection, words):
            if wanted.in_version is not None:
                rest.append(sql.SQL(SQL.is_member).format(**source.terms))
            query = SQL.by_id if is_id else SQL.by_words
            source = Source(query, words=words, id=sql.Literal(wanted.customer_id))
        else:
            rest.append(sql.SQL(SQL.has_words).format(words=words))
    if wanted.filter is not None:
        rest.append(wanted.filter)
    if wanted.not_in_version is not None:
        rest.append(sql.SQL(SQL.is_no_member).format(version=sql.Literal(wanted.not_in_version)))
    return source, sql.SQL(" AND ").join(rest) if rest else _NOTHING_ELSE


def _are_few(connection: Connection[TupleRow], words: sql.Composable) -> bool:
    row = connection.execute(sql.SQL(SQL.are_few).format(words=words, few=sql.Literal(FEW))).fetchone()
    return bool(row and row[0])


def _look(
    connection: Connection[TupleRow],
    account_id: UUID,
    source: Source,
    rest: sql.Composable,
    before: int | None,
    size: int,
    limit: int,
) -> Window:
    """Returns the newest matches among the next `size` candidates."""
    parts = {
        "account": sql.Literal(account_id),
        "before": sql.Literal(before),
        "size": sql.Literal(size),
        "candidates": source.candidates(account_id, before, size),
        "rest": rest,
        "limit": sql.Literal(limit),
    }
    statement = SQL.look_among
    if source.is_everyone:
        statement = SQL.look_at_customers if size < MANY else SQL.look_at_all
    row = connection.execute(sql.SQL(statement).format(**parts)).fetchone()
    assert row is not None
    numbers, last = row
    return Window(numbers, numbers[-1] if len(numbers) == limit else last)

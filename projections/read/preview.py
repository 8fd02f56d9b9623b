"""What an unsaved filter would match now: exact counts and a sample. Used by `api.v1.preview` and the console.

Stores nothing. One scan counts the filter, each of its nodes, and who would join and leave a segment. The predicates
are those that fill segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from domain.errors import Unavailable
from domain.filters.conditions import Node, measures_of
from domain.instants import Moment
from projections.model.filter_sql import Shared, predicate, shared_predicates
from projections.postgres.database import beside
from projections.read.attributes import known
from projections.read.customers import CustomerRow, row_of

SQL = beside(__file__)
SAMPLE = 10
MAX_SECONDS = 15
# Of so many customers a sample is taken, of an account that has more.
SAMPLED = 20_000
# Of a segment whose first version is not served yet: it has no members.
NO_VERSION = -1


class Impact(NamedTuple):
    """How many customers would join and leave."""

    joins: int
    leaves: int


@dataclass(frozen=True, slots=True)
class Previewed:
    """Who matches: their number, the newest of them, and of each node that was asked for its number alone."""

    count: int
    sample: list[CustomerRow]
    nodes: dict[str, int]
    impact: Impact | None


def preview(
    connection: Connection[TupleRow],
    account_id: UUID,
    node: Node,
    moment: Moment,
    *,
    alone: bool,
    nodes: Mapping[str, Node] | None = None,
    serving: int | None = None,
) -> Previewed:
    """Returns who matches at `moment`, and how that would change version `serving`. Raises `Unavailable` if it is slow.

    Uses several processors where the account is `alone`.
    """
    asked = dict(nodes or {})
    conditions, filters, facts = _evaluated(node, asked, moment)
    parts: dict[str, Any] = {
        "account": sql.Literal(account_id),
        "conditions": conditions,
        "facts": facts,
        "is_member": sql.SQL("false" if serving is None else "m.customer_no IS NOT NULL"),
        "members": sql.SQL("" if serving is None else SQL.with_members).format(serving=sql.Literal(serving)),
        "matches": filters[0],
        **_of_each(filters[1:]),
        "predicate": predicate(node, moment),
        "most": sql.Literal(SAMPLE),
    }
    with within_time_limit(connection, alone=alone):
        row = connection.execute(sql.SQL(SQL.count).format(**parts)).fetchone()
        assert row is not None
        count, blocks, members, stay, *counts = row
        sample: list[CustomerRow] = []
        if count:
            found = connection.execute(sql.SQL(SQL.sample).format(**parts, blocks=sql.Literal(blocks)))
            sample = [row_of(each) for each in found]
    impact = None if serving is None else Impact(count - stay, members - stay)
    return Previewed(count, sample, dict(zip(asked, counts, strict=True)), impact)


@dataclass(frozen=True, slots=True)
class Estimated:
    """About how many match, and of each node by itself, counted among `sampled` customers."""

    count: int
    nodes: dict[str, int]
    sampled: int


def estimate(
    connection: Connection[TupleRow],
    account_id: UUID,
    node: Node,
    moment: Moment,
    *,
    nodes: Mapping[str, Node] | None = None,
) -> Estimated:
    """Returns about how many match, at once: from a sample of the customers' pages, the same each time.

    Of an account with few customers all are counted, so that it is exact.
    """
    asked = dict(nodes or {})
    conditions, filters, facts = shared_predicates([node, *asked.values()], moment)
    customers = known.customers(known.fill(connection, account_id))
    parts: dict[str, Any] = {
        "account": sql.Literal(account_id),
        "conditions": conditions,
        "facts": facts,
        "percent": sql.Literal(min(100.0, 100.0 * SAMPLED / max(1, customers))),
        "matches": filters[0],
        "counts": _of_each(filters[1:])["counts"],
    }
    with within_time_limit(connection, alone=False):
        row = connection.execute(sql.SQL(SQL.estimate).format(**parts)).fetchone()
    assert row is not None
    sampled, *counts = row
    count, *of_nodes = (_rounded(each, sampled, customers) for each in counts)
    return Estimated(count, dict(zip(asked, of_nodes, strict=True)), sampled)


def _rounded(count: int, sampled: int, customers: int) -> int:
    """A count among a sample as one of all customers, to the two digits that it can be trusted in."""
    if sampled >= customers:
        return count
    about = count * customers / sampled if sampled else 0
    return int(float(f"{about:.1e}"))


def _evaluated(node: Node, nodes: Mapping[str, Node], moment: Moment) -> Shared:
    """What is evaluated of each customer; of a filter alone no more of its conditions than decide it."""
    if nodes or len(measures_of(node)) > 1:
        return shared_predicates([node, *nodes.values()], moment)
    return Shared(sql.SQL("{} AS matches").format(predicate(node, moment)), [sql.Identifier("matches")], sql.SQL(""))


def _of_each(filters: list[sql.Composable]) -> dict[str, sql.Composable]:
    """The counts of several filters: within a block, and of all blocks."""
    names = [sql.Identifier(f"n{place}") for place in range(len(filters))]
    counts = [
        sql.SQL(", count(*) FILTER (WHERE {}) AS {}").format(each, name)
        for each, name in zip(filters, names, strict=True)
    ]
    sums = [sql.SQL(", coalesce(sum({}), 0)::bigint").format(name) for name in names]
    return {"counts": sql.SQL("").join(counts), "sums": sql.SQL("").join(sums)}


@contextmanager
def within_time_limit(connection: Connection[TupleRow], *, alone: bool) -> Iterator[None]:
    """Runs a scan of all customers, in parallel where no other account is active.

    Raises `Unavailable` if it takes longer than `MAX_SECONDS`.
    """
    connection.execute(SQL.prepare, [f"{MAX_SECONDS}s", alone])
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise Unavailable("preview_too_slow", f"not counted within {MAX_SECONDS} s; try again later") from None

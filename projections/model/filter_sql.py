"""A filter as a SQL predicate on `customers c`, for everything that is set-based: filling a new version, verify.

The only SQL that is composed in Python; values are literals that psycopg quotes. A property test holds it to the
Python evaluator. An expression is true or false, never NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from typing import NamedTuple

from psycopg import sql

from domain.filters.behaviour.measures import Measure
from domain.filters.conditions import Condition, Node, conditions_of
from domain.instants import Moment
from projections.model.predicates.conditions import CUSTOMER, RowValue, joined, on_row, on_value
from projections.model.predicates.measures import MeasuredTogether, measured
from projections.postgres.database import beside

SQL = beside(__file__)
# The value of a measure, as a day where that is asked.
_Asked = Callable[[Measure, bool], RowValue]
_NOTHING = sql.SQL("")


class OfChunk(NamedTuple):
    """A filter of the customers in a range of numbers: its predicate, over `customers c` and what they did."""

    predicate: sql.Composable
    facts: sql.Composable


class Shared(NamedTuple):
    """Conditions on `customers c` and what they did, as the array `holds`, and filters over that array."""

    conditions: sql.Composable
    filters: list[sql.Composable]
    facts: sql.Composable


def predicate(node: Node, moment: Moment | None = None, at: sql.Composable | None = None) -> sql.Composable:
    """The SQL expression that is true for exactly the customers that fit `node` at `moment`.

    With `at`, which no condition on dates may need, at an instant of each row within the day of `moment`.
    """

    def by_query(measure: Measure, as_day: bool) -> RowValue:
        assert moment is not None, "what counts in a window depends on the moment"
        return measured(measure, as_day, moment, at)

    return joined(node, partial(_condition, moment=moment, asked=by_query))


def predicate_of_chunk(
    node: Node,
    moment: Moment,
    *,
    is_of_all: bool,
    account: sql.Composable,
    after: sql.Composable,
    last: sql.Composable,
) -> OfChunk:
    """The same of the customers in a range of numbers, whose facts are read in one scan, not customer by customer.

    Customers who do not fit are among the rows where it `is_of_all`; otherwise they may be missing.
    """
    together = MeasuredTogether(moment)
    expression = joined(node, partial(_condition, moment=moment, asked=together.value))
    if not together:
        return OfChunk(expression, _NOTHING)
    is_of_facts = all(condition.measure is not None for condition in conditions_of(node))
    fits_without = is_of_all or not (is_of_facts and together.is_whole) or node.holds({}, moment)
    join = "LEFT JOIN" if fits_without else "JOIN"
    return OfChunk(expression, _facts_of_chunk(join, together, account=account, after=after, last=last))


def values_of_chunk(
    measure: Measure, moment: Moment, *, account: sql.Composable, after: sql.Composable, last: sql.Composable
) -> OfChunk:
    """The value of a measure, in the place of the predicate, as text: of those in a range of numbers who have one."""
    together = MeasuredTogether(moment)
    value = together.value(measure, as_day=False)
    return OfChunk(value.text, _facts_of_chunk("JOIN", together, account=account, after=after, last=last))


def _facts_of_chunk(join: str, together: MeasuredTogether, **bounds: sql.Composable) -> sql.Composable:
    parts = {"columns": together.columns(), "facts": together.facts(), "join": sql.SQL(join)}
    return sql.SQL(SQL.facts_of_chunk).format(**parts, **bounds)


def shared_predicates(nodes: Iterable[Node], moment: Moment | None = None) -> Shared:
    """Several filters, of which a condition that more than one contains is evaluated once, and facts are read once."""
    wanted = list(nodes)
    together = None if moment is None else MeasuredTogether(moment)
    places: dict[Condition, sql.Composable] = {}
    for condition in chain.from_iterable(map(conditions_of, wanted)):
        places.setdefault(condition, sql.SQL("holds[{}]").format(sql.Literal(len(places) + 1)))
    asked = None if together is None else together.value
    conditions = sql.SQL(", ").join(_condition(each, moment, asked) for each in places)
    filters = [joined(node, places.__getitem__) for node in wanted]
    facts: sql.Composable = _NOTHING
    if together:
        facts = sql.SQL(SQL.facts_of_each).format(columns=together.columns(), facts=together.facts())
    return Shared(sql.SQL("ARRAY[{}]::boolean[] AS holds").format(conditions), filters, facts)


def _condition(condition: Condition, moment: Moment | None, asked: _Asked | None) -> sql.Composable:
    if condition.measure is None:
        return on_row(CUSTOMER, condition, moment)
    assert asked is not None, "what counts in a window depends on the moment"
    return on_value(asked(condition.measure, condition.attribute.endswith("@day")), condition, moment)

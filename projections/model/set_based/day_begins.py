"""Customers who can flip only when a day begins, evaluated before and after with one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from psycopg import sql

from domain.filters.conditions import Node
from domain.instants import Moment
from projections.matching.due import Due
from projections.model.filter_sql import shared_predicates
from projections.model.predicates.measures import instant
from projections.model.set_based.step import Step, execute, position, published
from projections.postgres.database import beside

SQL = beside(__file__)


def flip(step: Step, daily: Mapping[int, set[int]]) -> None:
    """Flip customers in the versions with a condition that flips for them when the window ends, in one statement."""
    account, passing = step.account, step.passing
    terms = {
        "account": sql.Literal(account.account_id),
        "position": position(step),
        "at": instant(passing.passed_to),
    }
    customers, flips = [], []
    for nth, (versions, numbers) in enumerate(_by_versions(step.due, daily)):
        name = sql.Identifier(f"customers_{nth}")
        listed = sql.Literal(f"{{{','.join(map(str, sorted(numbers)))}}}")
        customers.append(sql.SQL(SQL.customers).format(name=name, numbers=listed, **terms))
        flips.append(_flips(step, name, tuple(versions)))
    parts = {"customers": sql.SQL(", ").join(customers), "flips": sql.SQL("UNION ALL\n").join(flips)}
    execute(step, sql.SQL(SQL.flip_when_day_begins).format(**parts, **terms, published=published(step)))


def _flips(step: Step, customers: sql.Identifier, versions: tuple[int, ...]) -> sql.Composable:
    """The statement that finds who flips in some versions when the window ends; what they ask is compiled once."""
    account, passing = step.account, step.passing
    if versions not in passing.held:
        nodes, before, now = [account.nodes[each] for each in versions], passing.passed_to - 1, passing.passed_to
        passing.held[versions] = {
            name: sql.SQL(_held(nodes, account.days.moment(at)).as_string(step.connection))
            for name, at in (("before", before), ("now", now))
        }
    listed = sql.Literal(f"{{{','.join(map(str, versions))}}}")
    return sql.SQL(SQL.flips).format(name=customers, versions=listed, **passing.held[versions])


def _held(nodes: Iterable[Node], moment: Moment) -> sql.Composable:
    asked = shared_predicates(nodes, moment)
    parts = {"conditions": asked.conditions, "filters": sql.SQL(", ").join(asked.filters), "facts": asked.facts}
    return sql.SQL(SQL.held).format(**parts)


def _by_versions(due: Due, daily: Mapping[int, set[int]]) -> list[tuple[list[int], set[int]]]:
    """The versions that the same conditions concern together, with the customers that may flip in them."""
    conditions: defaultdict[int, set[int]] = defaultdict(set)
    for place in range(len(due.daily) + len(due.moves)):
        for version in due.versions_at(place):
            conditions[version].add(place)
    customers: defaultdict[int, set[int]] = defaultdict(set)
    for number, places in daily.items():
        for place in places:
            customers[place].add(number)
    together: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for version, places in conditions.items():
        together[frozenset(places)].append(version)
    found = [
        (versions, set[int]().union(*(customers[place] for place in places))) for places, versions in together.items()
    ]
    return [(versions, numbers) for versions, numbers in found if numbers]

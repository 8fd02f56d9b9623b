"""Customers whose facts windows let go, each at an instant of its own: a statement for each version that may flip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from psycopg import sql

from projections.matching.due import FactsDue
from projections.model.filter_sql import predicate
from projections.model.predicates.measures import instant
from projections.model.set_based.step import Step, execute, position, published
from projections.postgres.database import beside

SQL = beside(__file__)


def flip(step: Step, by_facts: Mapping[int, set[int]]) -> None:
    """Flip customers; `by_facts` has the places of the facts of each that are due."""
    for version, (places, numbers) in _by_version(step, by_facts).items():
        found = [step.due.facts_at(place) for place in places]
        execute(step, _statement(step, version, found, numbers))


def _by_version(step: Step, by_facts: Mapping[int, set[int]]) -> dict[int, tuple[set[int], set[int]]]:
    """The places that concern each version, and the customers who have facts there."""
    found: defaultdict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for number, places in by_facts.items():
        for place in places:
            for version in step.due.versions_at(place):
                found[version][0].add(place)
                found[version][1].add(number)
    return dict(sorted(found.items()))


def _statement(step: Step, version: int, due: Iterable[FactsDue], numbers: Iterable[int]) -> sql.Composed:
    account, passing = step.account, step.passing
    listed = sql.Literal(f"{{{','.join(map(str, sorted(numbers)))}}}")
    names = {"account": sql.Literal(account.account_id), "version": sql.Literal(version)}
    pairs = [
        sql.SQL(SQL.pairs).format(
            **names,
            length=sql.Literal(each.length),
            numbers=listed,
            activity=sql.Literal(each.activity),
            after=instant(each.times.after),
            until=instant(each.times.until),
        )
        for each in due
    ]
    # Every instant lies before the window of time ends, so within the day at which it began.
    moment = account.days.moment(passing.passed_to - 1)
    return sql.SQL(SQL.flip).format(
        pairs=sql.SQL("UNION\n" if len(pairs) > 1 else "").join(pairs),
        predicate=predicate(account.nodes[version], moment, sql.SQL("p.at")),
        **names,
        position=position(step),
        published=published(step),
    )

"""When a condition on behaviour turns by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.filters.behaviour.amounts import amount_at
from domain.filters.behaviour.measures import Fact
from domain.filters.behaviour.reading import Behaviour
from domain.filters.behaviour.turning import CHANGES, turns_at
from domain.filters.conditions import conditions_of, measures_of
from domain.filters.facets import facets_of
from domain.filters.parsing import parse
from domain.instants import Days, from_micros, micros

DAYS = Days(ZoneInfo("Europe/Lisbon"))
NOW = datetime(2026, 5, 20, 10, tzinfo=UTC)
KNOWN = Behaviour({"order": {"total": "number"}})


def turning(asked: dict[str, Any], *ago: timedelta) -> datetime | None:
    """When such a condition turns of somebody who ordered so long ago."""
    node = parse({"activity": "order"} | asked, {}, KNOWN)
    (measure,) = measures_of(node).values()
    facts = [Fact(micros(NOW - each), place, "order", {"total": 5}, {"total": 5}) for place, each in enumerate(ago)]
    amount = amount_at(measure, facts, micros(NOW), DAYS)
    facets = facets_of(measure.key, measure.type, amount.value if amount.counted else None, DAYS)
    seen = {facet: value for facet, value in facets.items() if value is not None}
    regions = [condition.region for condition in conditions_of(node)]
    found = turns_at(node, regions, measure, facts, seen, DAYS.moment(micros(NOW)))
    return None if found is None else from_micros(found)


def count(value: int, operator: str = "at_least", **window: Any) -> dict[str, Any]:
    return {"aggregate": "count", "operator": operator, "value": value, "window": window}


DAY = timedelta(days=1)
ORDERS = (DAY, 3 * DAY, 9 * DAY)
LAST = {"aggregate": "last_at", "operator": "more_than_days_ago"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (count(3, last_days=10), NOW + DAY),
        (count(2, last_days=10), NOW + 7 * DAY),
        (count(0, "equals", last_days=10), NOW + 9 * DAY),
        (count(4, last_days=10), None),
        (count(1, in_period="this_month"), datetime(2026, 5, 31, 23, tzinfo=UTC)),
        (count(1, since="2026-05-01T00:00:00Z"), None),
        (LAST | {"value": 14}, NOW + 13 * DAY),
        (LAST | {"value": 14, "window": {"last_days": 5}}, None),
        ({"aggregate": "last_at", "operator": "in_period", "value": "this_month"},
         datetime(2026, 5, 31, 23, tzinfo=UTC)),
        ({"aggregate": "sum", "of": "total", "operator": "less_than", "value": 6, "window": {"last_days": 4}},
         NOW + DAY),
    ],
)  # fmt: skip
def test_it_turns_when_time_takes_what_decides_it(asked: dict[str, Any], expected: datetime | None) -> None:
    assert turning(asked, *ORDERS) == expected


def test_nothing_is_said_of_what_is_too_far_ahead() -> None:
    many = [timedelta(minutes=minute) for minute in range(CHANGES + 10)]
    assert turning(count(1, last_days=1), *many) is None
    assert turning(count(len(many), last_days=1), *many) == NOW + DAY - many[-1]

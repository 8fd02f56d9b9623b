"""What the customers of the sample account do: orders and opened letters, before the start and while one watches.

Used by `deploy.demo`. The facts before the start lie in the weeks before now, so that the windows of the sample's
segments let one go every few seconds; each has an id of its own, and filling the account again adds none.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from domain.activities.activity import Activity
from domain.customer import CustomerChange

ORDERED, OPENED = "order_completed", "email_opened"
SOURCE = "/shop"
PRODUCTS = ["mug", "notebook", "poster", "shirt", "tote bag"]
LETTERS = ["Spring news", "Summer offer", "Your receipt"]
WEEKS = timedelta(days=45)
LATELY = timedelta(hours=3)
# One customer in so many ordered; each of the newest in so many opened a letter lately.
BUYS_EVERY, OPENS_EVERY = 3, 4

SEGMENTS: list[tuple[str, str, Any]] = [
    (
        "Regulars",
        "Three orders within a month",
        [
            {"activity": ORDERED, "aggregate": "count", "window": {"last_days": 30}}
            | {"operator": "at_least", "value": 3}
        ],
    ),
    (
        "Spent 80 in a week",
        "In euros, on whatever",
        [
            {
                "activity": ORDERED,
                "where": [{"attribute": "currency", "operator": "equals", "value": "EUR"}],
                "aggregate": "sum",
                "of": "total",
                "window": {"last_days": 7},
                "operator": "at_least",
                "value": 80,
            }
        ],
    ),
    (
        "Reading now",
        "Opened a letter within the hour",
        [{"activity": OPENED, "aggregate": "count", "window": {"last_hours": 1}, "operator": "at_least", "value": 1}],
    ),
    (
        "Went quiet",
        "Ordered once, and not for three weeks",
        [{"activity": ORDERED, "aggregate": "last_at", "operator": "more_than_days_ago", "value": 21}],
    ),
]


def facts_before(chance: random.Random, customers: int, now: datetime) -> Iterator[CustomerChange]:
    """Yields what customers did before the start."""
    for number in range(customers):
        if number % BUYS_EVERY == 0:
            for place in range(1 + int(chance.expovariate(0.5))):
                at = now - WEEKS * chance.random()
                yield _fact(number, _order(chance), at, f"order-{number}-{place}")
        if number % OPENS_EVERY == 1:
            at = now - LATELY * chance.random()
            yield _fact(number, _letter(chance), at, f"open-{number}")


def facts_now(chance: random.Random, customers: int) -> Iterator[CustomerChange]:
    """Yields what a few customers did just now."""
    for _ in range(chance.randrange(1, 4)):
        number = chance.randrange(customers)
        yield _fact(number, _letter(chance) if chance.random() < 0.6 else _order(chance), None, None)


def external_id(number: int) -> str:
    """The id of a customer of the sample."""
    return f"demo-{number:05d}"


def _order(chance: random.Random) -> Activity:
    total, currency = round(chance.lognormvariate(3.7, 0.7), 2), chance.choice(["EUR", "EUR", "EUR", "USD"])
    products = sorted({chance.choice(PRODUCTS) for _ in range(chance.randrange(1, 4))})
    return Activity(ORDERED, {"total": total, "currency": currency, "products": products})


def _letter(chance: random.Random) -> Activity:
    return Activity(OPENED, {"letter": chance.choice(LETTERS)})


def _fact(number: int, activity: Activity, at: datetime | None, id_: str | None) -> CustomerChange:
    source = None if id_ is None else SOURCE
    return CustomerChange(external_id(number), "activity", at, None, source, id_, activity=activity)

"""The sample account of `rollcall demo` and `make run`: plausible customers and what they do, segments, a campaign, and
a stream of changes.

Called by `deploy.commands`. Uses the application as the API does. Filling it a second time adds nothing: customers are
recognised by their external ids, segments and the campaign by ids derived from their names. What a user deleted stays
deleted, and a label that a user gave stays.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import structlog

from deploy import demo_facts
from deploy.demo_facts import external_id
from domain.campaign import CampaignDraft
from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.errors import Invalid, NotFound
from domain.segment import SegmentDraft
from domain.values import AttributeType

CUSTOMERS = 2_000
BATCH = 500
PAUSE_SECONDS = 1.0
FIRST = "Ana Beatriz Carla Daniel Eva Filipe Gabriela Hugo Inês João Karin Luís Maria Nuno Olga Paulo Rita Sofia Tiago"
LAST = "Almeida Barros Costa Duarte Esteves Ferreira Gomes Jensen Kowalski Lopes Müller Nakamura Oliveira Pereira Silva"
CITIES = {"PT": ["Lisbon", "Porto", "Braga"], "ES": ["Madrid", "Sevilla"], "DE": ["Berlin", "Köln"], "FR": ["Paris"]}
PLANS = ["free", "free", "free", "basic", "basic", "pro", "enterprise"]
ATTRIBUTES: dict[str, tuple[AttributeType, str]] = {
    "country": ("text", "Country"),
    "city": ("text", "City"),
    "plan": ("text", "Plan"),
    "premium_customer": ("boolean", "Premium customer"),
    "birthdate": ("date", "Birthdate"),
    "lifetime_value": ("number", "Lifetime value"),
    "orders": ("number", "Orders"),
    "score": ("number", "Engagement score"),
}
# One customer in so many cannot be reached, for each of the possible reasons.
OPTED_OUT_EVERY, NO_PHONE_EVERY, SHARED_PHONE_EVERY, GUEST_EVERY = 40, 60, 50, 45
GUESTS = "Event guests"
CAMPAIGN, INCLUDED, LEFT_OUT = "Summer offer", ("Premium customers", GUESTS), ("Win back",)

SEGMENTS: list[tuple[str, str, Any]] = [
    (
        "Premium customers",
        "Everyone with a premium plan",
        [{"attribute": "premium_customer", "operator": "equals", "value": True}],
    ),
    (
        "Big spenders in Portugal",
        "Lifetime value of 500 and more",
        [
            {"attribute": "country", "operator": "equals", "value": "PT"},
            {"attribute": "lifetime_value", "operator": "at_least", "value": 500},
        ],
    ),
    (
        "Win back",
        "Bought something once, opened little since",
        {
            "all": [
                {"attribute": "orders", "operator": "at_least", "value": 1},
                {"attribute": "score", "operator": "less_than", "value": 20},
                {"not": {"attribute": "opted_out", "operator": "equals", "value": True}},
            ]
        },
    ),
    (
        "VIP or enterprise",
        "Tagged by sales, or on the largest plan",
        {
            "any": [
                {"attribute": "tags", "operator": "includes_any", "value": ["vip"]},
                {"attribute": "plan", "operator": "equals", "value": "enterprise"},
            ]
        },
    ),
    *demo_facts.SEGMENTS,
]


def fill(rollcall: Rollcall, account_id: UUID, *, customers: int = CUSTOMERS) -> None:
    """Create the sample's attributes, customers, segments and campaign, where they are missing."""
    chance = random.Random(20)  # noqa: S311 - the sample should look the same everywhere
    existing = rollcall.attributes.all(account_id)
    for key, (kind, label) in ATTRIBUTES.items():
        if key not in existing:
            rollcall.attributes.declare(account_id, key, kind, label)
    sample = [_customer(chance, number) for number in range(customers)]
    for start in range(0, customers, BATCH):
        _send(rollcall, account_id, sample[start : start + BATCH])
    done = list(demo_facts.facts_before(chance, customers, rollcall.now()))
    for start in range(0, len(done), BATCH):
        rollcall.customers.change(account_id, done[start : start + BATCH])
    _make_segments(rollcall, account_id, customers)
    structlog.get_logger().info("demo_filled", customers=customers, segments=len(SEGMENTS) + 1)


def keep_changing(rollcall: Rollcall, account_id: UUID, stop: threading.Event, *, customers: int = CUSTOMERS) -> None:
    """Change a few of the sample's customers each second, and let some do something, until `stop` is set."""
    chance = random.Random(21)  # noqa: S311 - as above
    while not stop.wait(PAUSE_SECONDS):
        _send(rollcall, account_id, list(_changes(chance, customers)))
        rollcall.customers.change(account_id, list(demo_facts.facts_now(chance, customers)))


def _make_segments(rollcall: Rollcall, account_id: UUID, customers: int) -> None:
    """Create the segments, the one that is kept by hand with its guests, and the campaign; none that was deleted."""

    def id_of(name: str) -> UUID:
        return uuid5(account_id, f"demo:{name}")

    for name, description, raw in SEGMENTS:
        with suppress(NotFound):
            rollcall.segments.create(account_id, SegmentDraft(name, description, "dynamic", raw), id_of(name))
    guests = [customer_id_of(account_id, external_id(number)) for number in range(0, customers, GUEST_EVERY)]
    with suppress(NotFound):
        draft = SegmentDraft(GUESTS, "Signed up at the stand; kept by hand", "static")
        rollcall.segments.create(account_id, draft, id_of(GUESTS))
        rollcall.members.add(account_id, id_of(GUESTS), guests)
    # Where a user deleted one of its segments, the campaign is left out.
    with suppress(NotFound, Invalid):
        included, left_out = ([id_of(name) for name in names] for names in (INCLUDED, LEFT_OUT))
        rollcall.campaigns.create(account_id, CampaignDraft(CAMPAIGN, included, left_out), id_of(CAMPAIGN))


def _send(rollcall: Rollcall, account_id: UUID, sample: list[dict[str, Any]]) -> None:
    rollcall.customers.change(
        account_id,
        [
            CustomerChange(customer["external_id"], "changed", None, CustomerData.model_validate(customer))
            for customer in sample
        ],
    )


def _customer(chance: random.Random, number: int) -> dict[str, Any]:
    country = chance.choice(list(CITIES))
    plan = chance.choice(PLANS)
    born = date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))
    holder = number - 1 if number % SHARED_PHONE_EVERY == 13 else number
    return {
        "external_id": external_id(number),
        "name": f"{chance.choice(FIRST.split())} {chance.choice(LAST.split())}",
        "phone": None if number % NO_PHONE_EVERY == 11 else f"+35191{holder + 2_000_000:07d}",
        "opted_out": number % OPTED_OUT_EVERY == 7,
        "tags": sorted({chance.choice(["newsletter", "vip", "beta", "partner"]) for _ in range(chance.randrange(3))}),
        "attributes": {
            "country": country,
            "city": chance.choice(CITIES[country]),
            "plan": plan,
            "premium_customer": plan in ("pro", "enterprise"),
            "birthdate": born.isoformat(),
            "lifetime_value": round(chance.lognormvariate(4.5, 1.4), 2),
            "orders": int(chance.lognormvariate(1.2, 1.1)),
            "score": chance.randrange(101),
        },
    }


def _changes(chance: random.Random, customers: int) -> Iterator[dict[str, Any]]:
    for _ in range(chance.randrange(5, 30)):
        plan = chance.choice(PLANS)
        attributes = chance.choice(
            [
                {"score": chance.randrange(101)},
                {"lifetime_value": round(chance.lognormvariate(4.5, 1.4), 2)},
                {"plan": plan, "premium_customer": plan in ("pro", "enterprise")},
            ]
        )
        yield {"external_id": external_id(chance.randrange(customers)), "attributes": attributes}

"""Two accounts, and SQL clients that read one of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.share import logins
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


class Ours(NamedTuple):
    """One of two accounts, its segments, and the address of a share of it."""

    account: UUID
    gold: UUID
    by_hand: UUID
    url: str


@pytest.fixture
def shares(installation: Installation) -> Iterator[Callable[..., str]]:
    """Makes a share of an account, with a name that no other test has; all are dropped afterwards."""
    made: list[str] = []

    def share(account: UUID, *, minutes: int = 5, connections: int = 5) -> str:
        made.append(f"t{secrets.token_hex(6)}")
        return logins.create(installation.url, made[-1], account, minutes=minutes, connections=connections)

    yield share
    for name in made:
        logins.drop(installation.url, name)


@pytest.fixture
def ours(installation: Installation, shares: Callable[..., str]) -> Ours:
    """An account with three customers, beside one whose every value says `theirs`."""
    account, theirs = installation.account("ours"), installation.account("theirs")
    rollcall = installation.rollcall
    for each in (account, theirs):
        rollcall.attributes.declare(each, "plan", "text", None)
    _fill(rollcall, theirs, "theirs", installation)
    gold, by_hand = _fill(rollcall, account, "ours", installation)
    installation.project()
    return Ours(account, gold, by_hand, shares(account))


def _fill(rollcall: Rollcall, account: UUID, word: str, installation: Installation) -> tuple[UUID, UUID]:
    gold = rollcall.segments.create(account, SegmentDraft(f"{word} gold", "", "dynamic", GOLD))
    by_hand = rollcall.segments.create(account, SegmentDraft(f"{word} list", "", "static"))
    people = [
        CustomerData(name=f"{word} Ana", attributes={"plan": "gold", "orders": 12}, tags=[word, "vip"]),
        CustomerData(name=f"{word} Bia", attributes={"plan": "free", "note": word}),
        CustomerData(phone="+351912345678" if word == "ours" else "+351912345679", attributes={"plan": "gold"}),
    ]
    changes = [
        CustomerChange(f"{word}-{number}", "changed", installation.now(), data) for number, data in enumerate(people, 1)
    ]
    ids = [each.customer_id for each in rollcall.customers.change(account, changes).outcomes]
    rollcall.members.add(account, by_hand.id, ids[:1])
    return gold.id, by_hand.id


@pytest.fixture
def sql_client(ours: Ours) -> Iterator[Connection[Any]]:
    """A session of our share, as a BI tool has it."""
    with psycopg.connect(ours.url, autocommit=True) as connection:
        yield connection

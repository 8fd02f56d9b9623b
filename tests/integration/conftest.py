"""Fixtures of the tests that need a broker or a door, and of those of the console and the people who use it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from httpx import Client

from api.console.web.passwords import Passwords
from projections.records import people
from tests.support.console.console import CHEAP, EMAIL, PASSWORD, Hand
from tests.support.installation import FROM_OUR_PAGE, Installation
from tests.support.kafka.broker import Broker, forget_failed_connections


@pytest.fixture
def broker() -> Iterator[Broker]:
    """An empty broker for one test."""
    running = Broker()
    yield running
    running.kill()
    forget_failed_connections()


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    """An account; files whose tests need attributes have one of their own."""
    return installation.account()


@pytest.fixture
def client(installation: Installation, account_id: UUID) -> Iterator[Client]:
    """A client of the account's HTTP door with an admin key, and a worker beside it."""
    with installation.open_door(installation.key(account_id)) as opened, installation.projecting():
        yield opened


@pytest.fixture
def into(client: Client) -> str:
    """A static segment to import into."""
    created = client.post("/v1/segments", json={"name": "List", "type": "static"})
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


@pytest.fixture
def console(installation: Installation, account_id: UUID) -> Iterator[Client]:
    """A browser's worth of client that is signed in to the account's console, and a worker beside it."""
    with installation.projecting(), installation.open_console(account_id) as client:
        yield client


@pytest.fixture
def clock() -> Hand:
    """A clock that the test moves."""
    return Hand()


@pytest.fixture
def house(database_url: str, clock: Hand) -> Iterator[Installation]:
    """A whole Rollcall that goes by that clock."""
    made = Installation(database_url, clock.now)
    yield made
    made.close()


@pytest.fixture
def ana(house: Installation) -> tuple[UUID, UUID]:
    """An account and a person of it, who has a password."""
    account_id = house.account()
    person_id = people.add(house.database, account_id, name="Ana", email=EMAIL, now=house.now())
    people.set_password(house.database, account_id, person_id, Passwords(CHEAP).hash(PASSWORD), b"")
    house.project()
    return account_id, person_id


@pytest.fixture
def browser(house: Installation) -> Iterator[Client]:
    """A browser's worth of client, not signed in."""
    with house.open_door() as client:
        client.headers.update(FROM_OUR_PAGE)
        yield client

"""Fixtures of the tests of the API, the imports, Kafka and the console."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from httpx import Client

from api.console.web.passwords import Passwords
from projections.records import people
from tests.support.console.console import CHEAP, EMAIL, PASSWORD
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
def account_id(installation: Installation, request: pytest.FixtureRequest) -> UUID:
    """An account, in which the attributes of the mark `attributes` are declared."""
    made = installation.account()
    mark = request.node.get_closest_marker("attributes")
    for key, kind in mark.kwargs.items() if mark else ():
        installation.rollcall.attributes.declare(made, key, kind, None)
    return made


@pytest.fixture
def key(installation: Installation, account_id: UUID) -> str:
    """The admin key of the account."""
    return installation.key(account_id)


@pytest.fixture
def client(installation: Installation, key: str) -> Iterator[Client]:
    """A client of the API with the account's admin key, and a worker beside it."""
    with installation.open_api(key) as opened, installation.projecting():
        yield opened


@pytest.fixture
def into(client: Client) -> str:
    """A static segment to import into."""
    created = client.post("/v1/segments", json={"name": "List", "type": "static"})
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


@pytest.fixture
def console(installation: Installation, account_id: UUID) -> Iterator[Client]:
    """A client that is signed in to the account's console, and a worker beside it."""
    with installation.projecting(), installation.open_console(account_id) as client:
        yield client


@pytest.fixture
def ana(installation: Installation) -> tuple[UUID, UUID]:
    """An account and a person of it, who has a password."""
    account_id = installation.account()
    person_id = people.add(installation.database, account_id, name="Ana", email=EMAIL, now=installation.now())
    people.set_password(installation.database, account_id, person_id, Passwords(CHEAP).hash(PASSWORD), b"")
    installation.project()
    return account_id, person_id


@pytest.fixture
def browser(installation: Installation) -> Iterator[Client]:
    """A client of the console that is not signed in."""
    with installation.open_api() as client:
        client.headers.update(FROM_OUR_PAGE)
        yield client

"""Fixtures of the tests of webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx import Client

from tests.support.installation import Installation
from tests.support.webhooks.receiver import LOCAL, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that accepts everything until the test decides otherwise."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Receiver]:
    """A second receiver."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def client(installation: Installation, key: str) -> Iterator[Client]:
    """A client of the API, which lets webhooks go to this machine, and a worker beside it."""
    with installation.open_api(key, webhook_networks=LOCAL) as opened, installation.projecting():
        yield opened

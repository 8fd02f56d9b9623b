"""The customers of the HTTP door, against real PostgreSQL and a real worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx import Client

from tests.installation import Installation


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    with installation.projecting(), installation.open_door(key) as client:
        yield client


def test_a_customer_is_created_and_read_back(client: Client) -> None:
    created = client.put("/v1/customers/crm-1", json={"phone": "912 345 678", "name": " Ana ", "tags": ["vip", "vip"]})
    assert created.status_code == 201, created.text
    assert created.json()["phone"] == "+351912345678"
    read = client.get("/v1/customers/crm-1")
    assert read.json() == created.json()

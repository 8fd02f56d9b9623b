"""Four analytics SDKs from their registries, unmodified: each message arrives, none twice, by a key made just before.

FULL_SIZE=1 in the environment sends 10,000 by each.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.sdk.sending import NODE, PYTHON, NodeSdk, installed_node_sdks, send_by_python

COUNT = 10_000 if FULL_SIZE else 250


def new_key(client: Client) -> str:
    made = client.post("/v1/keys", json={"name": "An SDK", "kind": "sdk"})
    return str(made.raise_for_status().json()["key"])


def stored(installation: Installation, sdk: str) -> list[Any]:
    """The values of each event of the customers of an SDK."""
    with installation.owner() as owner:
        rows = owner.execute(
            "SELECT convert_from(state, 'UTF8')::jsonb->'values' FROM stored_events "
            "WHERE topic = 'rollcall.customer.changed' ORDER BY notification_id"
        ).fetchall()
    return [values for (values,) in rows if str(values.get("external_id", "")).startswith(f"{sdk}-")]


def assert_arrived_once(installation: Installation, client: Client, sdk: str) -> None:
    arrived = stored(installation, sdk)
    assert sorted(each["last_order"] for each in arrived) == list(range(COUNT))
    assert {key for each in arrived for key in each} == {"external_id", "first_name", "last_order", "address_city"}
    rows = client.get("/v1/received").json()["data"]
    assert [(row["name"], row["result"], row["count"]) for row in rows] == [("identify", "created", COUNT)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sdk", PYTHON)
def test_an_sdk_for_python(installation: Installation, account_id: UUID, client: Client, sdk: str) -> None:
    wrong = deque(send_by_python(sdk, str(client.base_url), new_key(client), range(COUNT)), maxlen=1)
    assert wrong == deque([""])
    assert_arrived_once(installation, client, sdk)


@pytest.fixture(scope="session")
def node_sdks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_node_sdks(tmp_path_factory.mktemp("node"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sdk", NODE)
def test_an_sdk_for_node(
    installation: Installation, account_id: UUID, client: Client, node_sdks: Path, sdk: str
) -> None:
    sender = NodeSdk(node_sdks, sdk, str(client.base_url), new_key(client), COUNT)
    sender.wait_for_half()
    assert sender.go_on() == {"delivered": COUNT, "errors": []}
    assert_arrived_once(installation, client, sdk)

"""The sample account has something of everything to show, and filling it again adds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from deploy import demo
from deploy.demo import CAMPAIGN, GUESTS, SEGMENTS
from tests.support.installation import Installation
from tests.support.running_product import eventually

CUSTOMERS = 200


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    return installation.account()


@pytest.fixture
def client(installation: Installation, account_id: UUID) -> Iterator[Client]:
    with installation.open_api(installation.key(account_id)) as client:
        yield client


def fill(installation: Installation, account_id: UUID) -> int:
    """Fills the account; returns the log's end."""
    demo.fill(installation.rollcall, account_id, customers=CUSTOMERS)
    installation.project()
    return installation.rollcall.head()


def test_there_are_segments_of_both_types_labels_and_a_campaign_with_everybody_who_is_skipped(
    installation: Installation, account_id: UUID, client: Client
) -> None:
    fill(installation, account_id)
    with installation.projecting():
        # Filters on behaviour are served once what they ask is known of everybody.
        eventually(lambda: all(each["members"]["state"] == "current" for each in listed(client)))
    segments = {each["name"]: each for each in listed(client)}
    assert segments.keys() == {name for name, _, _ in SEGMENTS} | {GUESTS}
    assert not [name for name, each in segments.items() if not each["members"]["count"]]
    assert segments["Premium customers"]["filter_summary"].startswith("Premium customer ")
    assert segments[GUESTS]["type"] == "static"
    [campaign] = client.get("/v1/campaigns").json()["data"]
    assert (campaign["name"], campaign["state"]) == (CAMPAIGN, "ready")
    with installation.projecting():
        everybody = client.post("/v1/campaigns", json={"name": "All", "segment_ids": [all_of(client)]}).json()
        installation.catch_up()
    counted = client.get(f"/v1/campaigns/{everybody['id']}/recipients?include=total&limit=1").json()
    assert counted["total"] + sum(counted["skipped"].values()) == CUSTOMERS
    assert {reason: count > 0 for reason, count in counted["skipped"].items()} == {
        "excluded": False, "opted_out": True, "no_phone": True, "duplicate_phone": True,
    }  # fmt: skip


def listed(client: Client) -> list[Any]:
    answer: list[Any] = client.get("/v1/segments").json()["data"]
    return answer


def all_of(client: Client) -> str:
    """A segment of everybody."""
    everybody = [{"attribute": "external_id", "operator": "is_set"}]
    made = client.post("/v1/segments", json={"name": "Everybody", "type": "dynamic", "filter": everybody})
    return str(made.json()["id"])


def test_filling_it_again_adds_nothing(installation: Installation, account_id: UUID) -> None:
    assert fill(installation, account_id) == fill(installation, account_id)


def test_what_somebody_deleted_or_named_stays_so(installation: Installation, account_id: UUID, client: Client) -> None:
    fill(installation, account_id)
    with installation.projecting():
        for each in client.get("/v1/segments").json()["data"]:
            assert client.delete(f"/v1/segments/{each['id']}").status_code == 204
        for each in client.get("/v1/campaigns").json()["data"]:
            assert client.delete(f"/v1/campaigns/{each['id']}").status_code == 204
        client.put("/v1/attributes/plan", json={"type": "text", "label": "Tariff"}).raise_for_status()
        installation.catch_up()
    before = installation.rollcall.head()
    assert fill(installation, account_id) == before
    assert client.get("/v1/segments").json()["data"] == []
    assert client.get("/v1/campaigns").json()["data"] == []

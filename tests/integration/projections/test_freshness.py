"""How long changes took to become visible: counted by the worker, by door and by the size of the account."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from domain import json_text
from domain.customer import CustomerChange, CustomerData
from domain.instants import Arrival, micros
from projections.records import freshness
from projections.worker import freshness as counted
from tests.support.clock import Clock
from tests.support.console.forms import fields_of
from tests.support.imports import ran
from tests.support.installation import Installation

STARTS = datetime(2026, 11, 3, 14, tzinfo=UTC)
PUBLISHED = micros(STARTS) // 1000


def within(door: str, seconds: float, tier: str = "small") -> float:
    """How many changes were counted as visible within so many seconds."""
    labels = {"door": door, "tier": tier, "le": str(seconds)}
    return REGISTRY.get_sample_value("rollcall_freshness_seconds_bucket", labels) or 0


def change(installation: Installation, account_id: UUID, *names: str, arrival: Arrival | None = None) -> None:
    data = CustomerData(attributes={"plan": "gold"})
    changes = [CustomerChange(name, "changed", None, data, arrival=arrival) for name in names]
    installation.rollcall.customers.change(account_id, changes)


@pytest.mark.starts_at(STARTS)
def test_a_change_is_as_old_as_its_publication_when_its_batch_is_committed(
    installation: Installation, account_id: UUID, clock: Clock
) -> None:
    before = within("kafka", 0.08), within("kafka", 0.15)
    clock.passes(milliseconds=40)
    change(installation, account_id, "ana", "rui", arrival=Arrival("kafka", PUBLISHED))
    change(installation, account_id, "eva")  # as an earlier release stored it: not counted
    with installation.worker() as worker:
        clock.passes(milliseconds=60)
        worker.drain()
        assert (within("kafka", 0.08), within("kafka", 0.15)) == (before[0], before[1] + 2)
        assert worker.freshness is not None
        worker.freshness.save_if_due()
        change(installation, account_id, "bo", arrival=Arrival("kafka", PUBLISHED))
        clock.passes(seconds=6)
        worker.drain()
        worker.freshness.save_if_due()
        (figures,) = freshness.recent(worker.connection, clock.now())
    assert (figures.door, figures.changes) == ("kafka", 3)
    assert figures.half is not None
    assert 0.08 < figures.half <= 0.15
    with installation.open_console(account_id) as console:
        page = re.sub(r"<[^>]+>", " ", console.get("/console/health").text)
        assert re.search(r"Kafka, visible\s+half within 1\d0 ms, 99 % within 1\d\.\d s", page)
        clock.passes(minutes=10)
        assert "Kafka, visible" not in console.get("/console/health").text


@pytest.mark.starts_at(STARTS)
def test_a_replay_counts_nothing(installation: Installation, account_id: UUID) -> None:
    change(installation, account_id, "ana", arrival=Arrival("kafka", PUBLISHED))
    before = within("kafka", 300.0)
    with installation.worker(live=False) as worker:
        worker.drain()
    assert within("kafka", 300.0) == before


@pytest.mark.starts_at(STARTS)
def test_the_tier_follows_the_customers_of_the_account(
    installation: Installation, account_id: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "MEDIUM", 2)
    monkeypatch.setattr(counted, "LARGE", 4)
    before = {tier: within("kafka", 300.0, tier) for tier in ("small", "medium", "large")}
    with installation.worker() as worker:
        for names in (["a"], ["b"], ["c", "d"]):
            change(installation, account_id, *names, arrival=Arrival("kafka", micros(clock.now()) // 1000))
            worker.drain()
            clock.passes(hours=2)
    found = {tier: within("kafka", 300.0, tier) - count for tier, count in before.items()}
    assert found == {"small": 1, "medium": 1, "large": 2}


def test_every_door_says_itself_and_when_the_request_was_received(
    installation: Installation, account_id: UUID, key: str
) -> None:
    with installation.projecting(), installation.open_api(key) as client:
        ana = client.put("/v1/customers/ana", json={"name": "Ana"}).json()["id"]
        client.post("/v1/customers/bulk", content='{"external_id": "rui"}\n').raise_for_status()
        into = client.post("/v1/segments", json={"name": "List", "type": "static"}).json()["id"]
        ran(client, installation, into, "phone\n912000001\n")
        with installation.open_console(account_id) as console:
            form = fields_of(console.get(f"/console/customers/{ana}/edit").text)
            assert console.post(f"/console/customers/{ana}/edit", data=form | {"name": "Eva"}).status_code == 303
        client.delete("/v1/customers/ana").raise_for_status()
    with installation.owner() as owner:
        rows = owner.execute(
            "SELECT state FROM stored_events WHERE topic LIKE 'rollcall.customer.%' ORDER BY notification_id"
        ).fetchall()
    vias = [json_text.loads(state)["via"] for (state,) in rows]
    assert "".join(each[0] for each in vias) == "hhich"
    assert all(0 <= int(each[1:]) < 60_000 for each in vias)

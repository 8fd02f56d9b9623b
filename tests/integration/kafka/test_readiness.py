"""A single `ingest` or `project` says on its metrics port whether it is ready, and which check failed."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.support.installation import Installation
from tests.support.kafka.broker import Broker
from tests.support.kafka.ingest import TOPIC
from tests.support.kafka.readiness import answer, role
from tests.support.running_product import eventually


def test_ingest_says_what_it_waits_for(installation: Installation, broker: Broker, tmp_path: Path) -> None:
    installation.account()
    with role("ingest", tmp_path, installation, {"ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": broker.address}) as address:
        eventually(lambda: answer(address)[1].get("checks") == {"topics": f"missing: {TOPIC}"})
        broker.create(TOPIC, 1)
        eventually(lambda: answer(address) == (200, {"status": "ready"}))
        assert httpx.get(f"{address}/metrics").text.count("rollcall_ingest_records_total")
        broker.kill()
        eventually(lambda: list(answer(address)[1].get("checks", {})) == ["broker"], 90)
        assert answer(address, "/livez") == (200, {"status": "live"})


def test_project_says_that_the_database_is_away(installation: Installation, tmp_path: Path) -> None:
    installation.account()
    with role("project", tmp_path, installation, {}) as address, role("project", tmp_path, installation, {}) as spare:
        eventually(lambda: answer(address)[0] == 200 and answer(spare)[0] == 200)
        with installation.database_read_only():
            eventually(lambda: "read-only" in answer(address)[1].get("checks", {}).get("database", ""))
        eventually(lambda: answer(address)[0] == 200 and answer(spare)[0] == 200)

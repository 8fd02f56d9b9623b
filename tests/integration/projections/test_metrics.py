"""The metrics show every process, how far behind it is, and what needs an operator."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from httpx import Client
from prometheus_client.parser import text_string_to_metric_families
from psycopg import Connection
from psycopg.rows import TupleRow

from deploy.embedded.supervised import free_port
from domain.customer import CustomerChange, CustomerData, DeadLetter
from domain.segment import SegmentDraft
from projections.worker.shards.shard import ALL
from tests.support.embedded_processes import ROLLCALL, environment, eventually, run
from tests.support.installation import Installation
from tests.support.postgres import address_of

NOW = datetime(2026, 5, 20, 10, tzinfo=UTC)


def gauges(client: Client) -> dict[str, float]:
    return samples(client.get("/metrics").raise_for_status().text)


def samples(text: str) -> dict[str, float]:
    """Every sample without labels; a name that comes twice would be refused by a scraper."""
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    return {each.name: each.value for family in families for each in family.samples if not each.labels}


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    with installation.open_api() as opened:
        yield opened


def test_the_lag_counts_events_and_the_age_of_the_oldest(installation: Installation, client: Client) -> None:
    instants = iter([NOW, NOW, NOW + timedelta(seconds=30), NOW + timedelta(seconds=90)])
    installation.rollcall.log.now = lambda: next(instants)
    account = installation.account()
    installation.project()
    for name in ("a", "b"):
        change = CustomerChange(name, "changed", NOW, CustomerData(name=name))
        installation.rollcall.customers.change(account, [change])
    seen = gauges(client)
    assert seen["rollcall_log_head"] == installation.rollcall.head()
    assert seen["rollcall_log_head"] - seen["rollcall_projection_position"] == seen["rollcall_projection_lag_events"]
    assert seen["rollcall_projection_lag_events"] == 2
    assert seen["rollcall_projection_lag_seconds"] == 90


def test_there_is_no_lag_once_everything_is_projected(installation: Installation, client: Client) -> None:
    installation.account()
    assert gauges(client)["rollcall_projection_lag_events"] > 0
    installation.project()
    seen = gauges(client)
    assert seen["rollcall_projection_lag_events"] == seen["rollcall_projection_lag_seconds"] == 0
    assert seen["rollcall_database_up"] == 1


def test_the_lag_of_each_shard_is_shown_also_while_no_worker_runs(installation: Installation, client: Client) -> None:
    installation.account()
    assert set(shard_lags(client).values()) == {installation.rollcall.head()}
    installation.project()
    assert shard_lags(client) == dict.fromkeys(map(str, ALL), 0)
    with installation.owner() as owner:
        owner.execute("UPDATE shards SET position = position - 1 WHERE shard = 7")
    assert {shard for shard, behind in shard_lags(client).items() if behind} == {"7"}


def test_an_account_whose_own_backlog_is_behind_is_in_the_lag_of_the_whole_only(
    installation: Installation, client: Client
) -> None:
    account = installation.account()
    installation.project()
    with installation.owner() as owner:
        owner.execute("INSERT INTO lagging_accounts VALUES (%s, 0)", [account])
    assert gauges(client)["rollcall_projection_lag_events"] == installation.rollcall.head()
    assert set(shard_lags(client).values()) == {0}


def shard_lags(client: Client) -> dict[str, float]:
    text = client.get("/metrics").raise_for_status().text
    return {
        sample.labels["shard"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name == "rollcall_shard_lag_events"
    }


def test_segments_and_dead_letters_of_all_accounts_are_counted(installation: Installation, client: Client) -> None:
    for name in ("one", "two"):
        account = installation.account(name)
        installation.rollcall.segments.create(account, SegmentDraft("everyone", "", "dynamic", []))
        letter = DeadLetter("t", 0, 1, None, None, b"x", [], "malformed_json", "no", NOW)
        installation.rollcall.customers.change(account, [], dead_letters=[letter])
    with installation.owner() as owner:
        mark_as_failed_and_recomputing(owner, installation)
    seen = gauges(client)
    assert (seen["rollcall_segments_failed"], seen["rollcall_segments_recomputing"]) == (1, 1)
    assert (seen["rollcall_dead_letters"], seen["rollcall_dead_letters_unpublished"]) == (2, 2)


def mark_as_failed_and_recomputing(owner: Connection[TupleRow], installation: Installation) -> None:
    installation.project()
    first, second = (row[0] for row in owner.execute("SELECT segment_no FROM segments ORDER BY segment_no"))
    owner.execute("UPDATE segments SET failure = 'broken' WHERE segment_no = %s", [first])
    owner.execute("UPDATE segments SET building = segment_no WHERE segment_no = %s", [second])


def test_the_metrics_say_that_the_database_is_unavailable(installation: Installation, client: Client) -> None:
    with installation.database_unavailable():
        seen = gauges(client)
    assert seen["rollcall_database_up"] == 0
    assert "rollcall_log_head" not in seen


def test_a_worker_alone_shows_its_own_metrics_on_its_port(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    settings = {"ROLLCALL_DATABASE_URL": address_of(database_url), "ROLLCALL_METRICS_PORT": str(port)}
    with subprocess.Popen([ROLLCALL, "project"], env=environment(tmp_path, settings), stderr=subprocess.PIPE) as worker:
        try:
            assert eventually(lambda: b"rollcall_projected_events_total" in fetch(port))
            second = run(tmp_path, "project", **settings)
            assert second.returncode == 1
            assert "ROLLCALL_METRICS_PORT" in second.stderr
            assert second.stderr.count("\n") == 1
            worker.terminate()
            assert worker.wait(10) == 0
        finally:
            worker.kill()


def fetch(port: int) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            content: bytes = answer.read()
            return content
    except OSError:
        return b""


def test_the_api_role_sees_only_counts_of_all_accounts(database_url: str) -> None:
    with psycopg.connect(database_url, options="-c role=rollcall_api -c search_path=rollcall_model,rollcall") as api:
        row = api.execute("SELECT * FROM rollcall.standing()").fetchone()
        assert row is not None
        assert all(value is None or isinstance(value, int) for value in row)
        assert api.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)

"""What a BI tool reads: the customers, segments, members and history of one account, across rebuilds and releases."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import SerializationFailure

from domain.customer import BUILT_IN, CustomerChange, CustomerData
from domain.segment import SegmentEdit
from projections.migrate import migrate
from projections.postgres.database import MODEL_SCHEMA
from projections.share.views import DEFINITION, drop_old, replace
from projections.worker.rebuild import rebuild
from tests.integration.share.conftest import Ours
from tests.support.installation import Installation
from tests.support.kafka.broker import eventually

VIEWS = ("segments", "members", "customers", "membership_history")


def everything(connection: Connection[Any]) -> dict[str, set[str]]:
    return {view: {str(row) for row in connection.execute(f"SELECT * FROM {view}".encode())} for view in VIEWS}


def test_a_share_shows_what_the_api_shows(installation: Installation, ours: Ours, sql_client: Connection[Any]) -> None:
    key = installation.key(ours.account)
    with installation.open_api(key) as api:
        customers = {each["id"]: each for each in api.get("/v1/customers").json()["data"]}
        segments = {each["id"]: each for each in api.get("/v1/segments").json()["data"]}
        members = {
            (segment, each["id"], each["joined_at"])
            for segment in segments
            for each in api.get(f"/v1/segments/{segment}/members").json()["data"]
        }
        history = {
            (segment, each["customer_id"], each["external_id"], each["at"], each["joined"], each["cause"])
            for segment in segments
            for each in api.get(f"/v1/segments/{segment}/history").json()["data"]
        }
    assert len(customers) == 3
    assert len(members) == 3

    def instant(column: str) -> str:
        return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

    shown = sql_client.execute(
        "SELECT customer_id::text, external_id, phone, name, attributes, tags, opted_out FROM customers"
    ).fetchall()
    assert {row[0]: row[1:] for row in shown} == {
        key: (each["external_id"], each["phone"], each["name"], each["attributes"], each["tags"], each["opted_out"])
        for key, each in customers.items()
    }
    shown = sql_client.execute(
        "SELECT segment_id::text, name, description, type, filter, state, member_count FROM segments"
    ).fetchall()
    assert {row[0]: row[1:] for row in shown} == {
        key: (
            *(each[field] for field in ("name", "description", "type", "filter")),
            each["members"]["state"],
            each["members"]["count"],
        )
        for key, each in segments.items()
    }
    query = f"SELECT segment_id::text, customer_id::text, {instant('joined_at')} FROM members"
    assert set(sql_client.execute(query.encode()).fetchall()) == members
    columns = f"segment_id::text, customer_id::text, external_id, {instant('at')}, joined, cause"
    assert set(sql_client.execute(f"SELECT {columns} FROM membership_history".encode()).fetchall()) == history


def test_the_attributes_of_a_customer_are_without_those_that_have_columns() -> None:
    assert f"c.attributes - ARRAY[{', '.join(map(repr, BUILT_IN))}]" in DEFINITION.read_text()


def test_a_rebuild_leaves_every_share_as_it_was(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    # So often that the client prepares its statements.
    (before, *_) = [everything(sql_client) for _ in range(7)]
    rebuild(installation.url)
    assert everything(sql_client) == before
    with psycopg.connect(ours.url) as later:
        assert everything(later) == before
    with installation.owner() as owner:
        left = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rollcall%' ORDER BY 1").fetchall()
    assert left == [("rollcall",), ("rollcall_model",), ("rollcall_share",)]


def test_a_long_query_does_not_hold_up_the_switch_of_a_rebuild(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    """The switch is done, and the product reads the fresh tables, while the query of the old ones still runs."""
    schema = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = %s"
    with installation.owner() as owner, sql_client.transaction():
        row = owner.execute("SELECT 'rollcall_model.members'::regclass::oid").fetchone()
        assert row is not None
        before = everything(sql_client)
        rebuilding = threading.Thread(target=rebuild, args=(installation.url,))
        rebuilding.start()
        eventually(lambda: owner.execute(schema, row).fetchone() == ("rollcall_model_old",))
        change = CustomerChange("ours-2", "changed", installation.now(), CustomerData(attributes={"plan": "gold"}))
        installation.rollcall.customers.change(ours.account, [change])
        installation.project()
        with installation.open_api(installation.key(ours.account)) as api:
            assert api.get(f"/v1/segments/{ours.gold}").json()["members"]["count"] == 3
        assert rebuilding.is_alive()
        counted = sql_client.execute("SELECT count(*) FROM members WHERE segment_id = %s", [ours.gold]).fetchone()
        assert counted == (3,)
        assert everything(sql_client).keys() == before.keys()
    rebuilding.join(30)
    assert not rebuilding.is_alive()


def test_every_answer_during_rebuilds_is_whole(installation: Installation, ours: Ours) -> None:
    stop = threading.Event()
    answers: set[object] = set()

    def read() -> None:
        try:
            with psycopg.connect(ours.url, autocommit=True) as client:
                while not stop.is_set():
                    answers.add(client.execute("SELECT count(*), count(joined_at) FROM members").fetchone())
                    found = client.execute("SELECT count(*) FROM customers WHERE name <> %s", ["x"], prepare=True)
                    answers.add(found.fetchone())
        except psycopg.Error as error:
            answers.add(f"{error}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(6):
        rebuild(installation.url)
    stop.set()
    for reader in readers:
        reader.join(30)
    assert answers == {(3, 3), (2,)}


def test_the_switch_does_not_wait_for_a_vacuum_of_the_fresh_tables(installation: Installation, ours: Ours) -> None:
    """After so many inserts, one is likely to run just then."""
    with installation.owner() as vacuum, installation.owner() as owner, vacuum.transaction():
        for table in ("customers", "reach", "members", "segments", "segment_versions", "membership_history"):
            vacuum.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE".encode())
        with owner.transaction():
            owner.execute("SET LOCAL lock_timeout = '100ms'")
            replace(owner)
        drop_old(owner)
    with psycopg.connect(ours.url) as client:
        assert client.execute("SELECT count(*) FROM members").fetchone() == (3,)


def test_a_snapshot_from_before_a_rebuild_is_refused_not_empty(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    sql_client.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    sql_client.execute("SELECT 1")
    rebuild(installation.url)
    with pytest.raises(SerializationFailure, match="rebuilt after this transaction began"):
        sql_client.execute("SELECT count(*) FROM rollcall_share.members")
    sql_client.execute("ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert sql_client.execute("SELECT count(*) FROM members").fetchone() == (3,)
    sql_client.execute("ROLLBACK")


@pytest.mark.parametrize("changed", ["rollcall_share", MODEL_SCHEMA])
def test_a_release_with_other_views_or_another_read_model_leaves_every_share_as_it_was(
    installation: Installation, sql_client: Connection[Any], changed: str
) -> None:
    before = everything(sql_client)
    with installation.owner() as owner:
        owner.execute(f"COMMENT ON SCHEMA {changed} IS 'of an earlier release'".encode())
    migrate(installation.url)
    assert everything(sql_client) == before


def test_members_are_those_of_one_filter_while_another_is_computed(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    free = [{"attribute": "plan", "operator": "equals", "value": "free"}]
    installation.rollcall.segments.edit(ours.account, ours.gold, SegmentEdit(filter=free), None)
    query = "SELECT external_id FROM members WHERE segment_id = %s ORDER BY 1"
    seen: set[tuple[str, ...]] = set()
    with installation.worker() as worker:
        worker.chunk_size = 1
        while worker.step():
            seen.add(tuple(row[0] for row in sql_client.execute(query, [ours.gold])))
    assert seen == {("ours-1", "ours-3"), ("ours-2",)}

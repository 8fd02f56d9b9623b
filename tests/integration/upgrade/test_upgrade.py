"""A database as an earlier release left it goes on after `migrate`, with everything that was half done.

`b0c96de.sql.xz` is a dump of a database that commit b0c96de made, `b0c96de.json.xz` what its read model said, and
`b0c96de.txt` the script that made both. It has every type of event of its time. Unfinished are two builds, an audience,
an import, two dead letters, and ten changes and a new segment that were not projected; a day has passed since.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.account import account_id_of
from domain.commands.event_mapper import EVENT_TYPES
from projections.migrate import migrate
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.installation import Installation
from tests.support.postgres import unique_name
from tests.support.read_model import read_model

FOLDER = Path(__file__).parent
ACCOUNT = account_id_of("default")
KEY = "rck_admin_" + "k" * 24
LATER = datetime(2026, 3, 31, 12, tzinfo=UTC)
CHANGES = (
    "SELECT change_no, segment_no, version_no, customer_no, position, at, joined, cause"
    " FROM membership_changes WHERE change_no <= %s ORDER BY 1"
)
# Types of events that came later.
SINCE = {
    "rollcall.activity.declared",
    "rollcall.activity.recorded",
    "rollcall.activity.retention_set",
    "rollcall.attribute.computed",
    "rollcall.attribute.removed",
    "rollcall.label.deleted",
    "rollcall.label.saved",
    "rollcall.measure.filled",
    "rollcall.segment.archived",
    "rollcall.segment.labelled",
    "rollcall.segment.restored",
}


def recorded() -> dict[str, list[list[str]]]:
    """What the read model and the change stream said, row by row, before the upgrade."""
    rows: dict[str, list[list[str]]] = json.loads(lzma.decompress((FOLDER / "b0c96de.json.xz").read_bytes()))
    return rows


def in_text(rows: list[Any]) -> list[list[str]]:
    return [list(map(str, row)) for row in rows]


@pytest.fixture
def earlier(postgres_url: str, template: str) -> Iterator[str]:
    """The owner's address of the restored database; the server has the roles, which `template` made."""
    name = sql.Identifier(unique_name())
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
        url = make_conninfo(postgres_url, dbname=name.as_string().strip('"'))
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(lzma.decompress((FOLDER / "b0c96de.sql.xz").read_bytes()))
        yield url
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def test_an_earlier_database_has_the_same_members_instants_and_history_after_migrate(earlier: str) -> None:
    before = recorded()
    migrate(earlier)
    after = read_model(earlier)
    assert in_text(after["position"]) == [before["position"][0][:1]]
    for table in ("counts", "members", "history"):
        assert in_text(after[table]) == before[table], table
    assert in_text(after["recipients"])[: len(before["recipients"])] == before["recipients"]
    with psycopg.connect(earlier, options="-c search_path=rollcall -c timezone=UTC") as owner:
        assert in_text(owner.execute(CHANGES, [int(before["changes"][-1][0])]).fetchall()) == before["changes"]
        topics = {topic for (topic,) in owner.execute("SELECT DISTINCT topic FROM stored_events")}
    assert set(EVENT_TYPES) - topics == SINCE


def test_an_upgraded_database_has_the_schema_of_a_new_one(earlier: str, database_url: str) -> None:
    migrate(earlier)
    for one, other in zip(schema(earlier), schema(database_url), strict=True):
        assert set(one) ^ set(other) == set()


def schema(url: str) -> list[Any]:
    """Every column, index, policy, trigger and function (the dump has no empty lines), and who may do what."""
    schemas = "('rollcall', 'rollcall_model')"
    queries = (
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, column_default"
        f" FROM information_schema.columns WHERE table_schema IN {schemas}",
        f"SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes WHERE schemaname IN {schemas}",
        "SELECT schemaname, tablename, policyname, roles::text, cmd, qual"
        f" FROM pg_policies WHERE schemaname IN {schemas}",
        "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT oid::regprocedure::text, regexp_replace(prosrc, E'\\n\\\\s*\\n', E'\\n', 'g'), proacl::text"
        f" FROM pg_proc WHERE pronamespace::regnamespace::text IN {schemas}",
        "SELECT oid::regclass::text, relkind::text, relrowsecurity, relacl::text, reloptions::text"
        f" FROM pg_class WHERE relnamespace::regnamespace::text IN {schemas}",
    )
    with psycopg.connect(url) as owner:
        return [sorted(owner.execute(query.encode()).fetchall(), key=str) for query in queries]


def test_what_an_earlier_release_left_half_done_is_completed(earlier: str) -> None:
    migrate(earlier)
    installation = Installation(earlier, lambda: LATER)
    try:
        finish(installation)
        with installation.open_api(KEY) as client:
            segments = {each["name"]: each for each in client.get("/v1/segments").json()["data"]}
            assert {each["members"]["state"] for each in segments.values()} == {"current"}
            assert segments["Listed"]["members"]["count"] == 92
            letters = client.get("/v1/dead-letters").json()["data"]
            assert [each["code"] for each in letters] == ["invalid_value"] * 2
            before = segments["Not begun"]["members"]["count"]
            client.put("/v1/customers/new", json={"attributes": {"orders": 9}}).raise_for_status()
            finish(installation)
            assert client.get(f"/v1/segments/{segments['Not begun']['id']}").json()["members"]["count"] == before + 1
        with installation.owner() as owner:
            assert owner.execute("SELECT state, rows_done FROM imports ORDER BY started_at, 2").fetchall() == [
                ("done", 3), ("done", 180)
            ]  # fmt: skip
            assert owner.execute("SELECT bool_and(counted), count(*) FROM audiences").fetchone() == (True, 2)
        assert list(verify(earlier)) == []
        live = read_model(earlier)
        rebuild(earlier)
        assert read_model(earlier) == live
    finally:
        installation.close()


def finish(installation: Installation) -> None:
    """Run imports and a worker until nothing is left to do."""
    installation.run_imports()
    with installation.worker() as worker:
        while worker.step():
            continue

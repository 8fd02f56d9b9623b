"""What kind of database Rollcall takes: one in UTF-8, with any locale, even one that knows only the letters A to Z.

And one of its own version: a process says in one sentence who is to be upgraded, and begins nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.errors import Corrupt, Refused
from domain.segment import SegmentDraft
from projections.migrate import FOLDER, migrate, require_this_version
from projections.worker.rebuild import model_checksum
from tests.support.installation import Installation
from tests.support.postgres import unique_name

EARLIER = "the database is of an earlier version of Rollcall: run `rollcall migrate` as its owner, then start again"
NEWER = "the database was migrated to a newer version of Rollcall: start that version instead"


@contextmanager
def database(postgres_url: str, encoding: str) -> Iterator[str]:
    name = unique_name()
    made = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE_PROVIDER libc LOCALE 'C'"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL(made).format(sql.Identifier(name), sql.Literal(encoding)))
        yield make_conninfo(postgres_url, dbname=name)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_database_that_cannot_hold_all_letters_is_refused_and_left_as_it_was(postgres_url: str) -> None:
    with database(postgres_url, "LATIN1") as url:
        with pytest.raises(Corrupt) as refused:
            migrate(url)
        assert refused.value.code == "wrong_encoding"
        with psycopg.connect(url) as untouched:
            assert untouched.execute("SELECT to_regnamespace('rollcall')").fetchone() == (None,)


def test_a_search_finds_all_letters_whatever_the_locale(postgres_url: str) -> None:
    with database(postgres_url, "UTF8") as url:
        migrate(url)
        installed = Installation(url)
        key = installed.key(installed.account())
        try:
            with installed.projecting(), installed.open_api(key) as client:
                client.put("/v1/customers/eve", json={"name": "Ève"}).raise_for_status()
                client.post("/v1/segments", json={"name": "Été à Évora", "type": "static"}).raise_for_status()
                customers = client.get("/v1/customers", params={"query": "ÈVE"}).json()["data"]
                assert [each["external_id"] for each in customers] == ["eve"]
                segments = client.get("/v1/segments", params={"name": "éVOra"}).json()["data"]
                assert [each["name"] for each in segments] == ["Été à Évora"]
        finally:
            installed.close()


@pytest.mark.parametrize("operator", ["equals", "starts_with"])
def test_a_filter_with_a_part_of_a_phone_number_is_computed_again(installation: Installation, operator: str) -> None:
    """Its meaning changed: the read model of an earlier release is marked, and `migrate` rebuilds it."""
    condition = {"attribute": "phone", "operator": operator, "value": "912 345 678"}
    draft = SegmentDraft("s", "", "dynamic", [{"any": [condition]}])
    installation.rollcall.segments.create(installation.account(), draft)
    installation.project()
    marking = (FOLDER / "0024_names_by_words.sql").read_text().rpartition("DO $$")
    with installation.owner() as owner:
        owner.execute("".join(marking[1:]).encode())
        row = owner.execute("SELECT obj_description('rollcall_model'::regnamespace, 'pg_namespace')").fetchone()
    assert row is not None
    assert (row[0] == model_checksum()) == (operator == "equals")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("INSERT INTO migrations VALUES ('9999_next.sql', '2:0')", NEWER),
        ("DELETE FROM migrations WHERE name = (SELECT max(name) FROM migrations)", EARLIER),
        ("COMMENT ON SCHEMA rollcall_model IS 'defined in another way'", EARLIER),
        ("DROP FUNCTION applied_migrations", EARLIER),
    ],
)
def test_a_process_refuses_a_database_of_another_version(
    installation: Installation, change: str, sentence: str
) -> None:
    require_this_version(installation.url, "rollcall_api")
    with installation.owner() as owner:
        owner.execute(change.encode())
    with pytest.raises(Refused) as refused:
        require_this_version(installation.url, "rollcall_worker")
    assert refused.value.detail == sentence


def test_a_newer_database_is_not_migrated_back(installation: Installation) -> None:
    """Nor by a release up to 0024, which finds that its migrations have other checksums."""
    with installation.owner() as owner:
        checksums = {each for (each,) in owner.execute("SELECT left(checksum, 2) FROM migrations")}
        owner.execute("INSERT INTO migrations VALUES ('9999_next.sql', '2:0')")
    assert checksums == {"2:"}
    with pytest.raises(Refused) as refused:
        migrate(installation.url)
    assert refused.value.detail == NEWER

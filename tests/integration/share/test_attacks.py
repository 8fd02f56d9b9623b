"""A login of a share sees one account and nothing else, whatever it tries; and holds up nothing for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.errors import DataError, InsufficientPrivilege, OperationalError, ProgrammingError, ReadOnlySqlTransaction

from domain.segment import SegmentDraft
from projections.share.watch import watching
from tests.integration.share.conftest import Ours
from tests.integration.share.test_views import VIEWS
from tests.support.installation import Installation
from tests.support.kafka.broker import eventually


def test_no_view_shows_a_row_of_another_account(ours: Ours, sql_client: Connection[Any]) -> None:
    for view in VIEWS:
        rows = str(sql_client.execute(f"SELECT * FROM {view}".encode()).fetchall())
        assert "ours" in rows
        assert "theirs" not in rows


TRICKS = (
    "SET rollcall.account = '{theirs}'",
    "SELECT set_config('rollcall.account', '{theirs}', false)",
    "SET search_path = rollcall_share, rollcall_model, rollcall",
    "SET default_transaction_read_only = off",
    "CREATE TEMP TABLE share_logins AS SELECT session_user::text AS login, '{theirs}'::uuid AS account_id",
    "CREATE TEMP VIEW theirs AS SELECT * FROM rollcall_share.customers",
    "SET ROLE rollcall_share",
)
FORBIDDEN = (
    "SET ROLE rollcall_share_owner",
    "SET ROLE rollcall_api",
    "SET SESSION AUTHORIZATION rollcall_share_owner",
    "SELECT * FROM rollcall_model.customers",
    "SELECT * FROM rollcall.share_logins",
    "SELECT * FROM rollcall.stored_events",
    "SELECT rollcall.account_of_login('rollcall_model.customers')",
    "SELECT rollcall.positions_of('{}')",
    "SELECT rollcall.end_share_sessions()",
    "INSERT INTO rollcall_share.customers (name) VALUES ('x')",
    "DELETE FROM rollcall_share.customers",
    "LOCK TABLE rollcall_share.customers IN EXCLUSIVE MODE",
    "CREATE TABLE rollcall_share.mine (x int)",
    "CREATE FUNCTION rollcall_share.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE public.mine (x int)",
    "ALTER VIEW rollcall_share.customers RESET (security_barrier)",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_authid",
)


def test_nothing_that_a_session_sets_or_makes_changes_the_account(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    with installation.owner() as owner:
        row = owner.execute("SELECT account_id FROM rollcall.accounts WHERE name = 'theirs'").fetchone()
    assert row is not None
    sql_client.execute("SET default_transaction_read_only = off")
    for trick in TRICKS:
        sql_client.execute(trick.format(theirs=row[0]).encode())
        names = sql_client.execute("SELECT name FROM rollcall_share.segments ORDER BY 1").fetchall()
        assert names == [("ours gold",), ("ours list",)], trick
    sql_client.execute("SET row_security = off")
    with pytest.raises(InsufficientPrivilege, match="would be affected by row-level security"):
        sql_client.execute("SELECT name FROM rollcall_share.segments")


def test_nothing_else_may_be_read_written_or_called(sql_client: Connection[Any]) -> None:
    sql_client.execute("SET default_transaction_read_only = off")
    for statement in FORBIDDEN:
        with pytest.raises(InsufficientPrivilege), sql_client.transaction():
            sql_client.execute(statement.encode())


def test_a_condition_is_tried_on_no_row_of_another_account(ours: Ours, sql_client: Connection[Any]) -> None:
    """A cheap function is called before other conditions, and an error would quote what it was called with."""
    said: list[str] = []
    sql_client.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    sql_client.execute("SET default_transaction_read_only = off")
    sql_client.execute(
        "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 "
        "AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$"
    )
    sql_client.execute("SET enable_seqscan = on; SET enable_indexscan = off; SET enable_bitmapscan = off")
    for condition in ("pg_temp.leak(name)", "pg_temp.leak(external_id)", "name::int = 1", "external_id::date > now()"):
        for view in ("customers", "members"):
            said.clear()
            try:
                sql_client.execute(f"SELECT count(*) FROM {view} WHERE {condition}".encode())
            except DataError as error:
                said.append(str(error))
            assert any("ours" in line for line in said), condition
            assert not any("theirs" in line for line in said), condition


def test_statistics_and_the_activity_of_others_are_not_shown(
    installation: Installation, ours: Ours, shares: Callable[..., str], sql_client: Connection[Any]
) -> None:
    with installation.owner() as owner, psycopg.connect(shares(ours.account), autocommit=True) as other:
        owner.execute("ANALYZE rollcall_model.customers")
        owner.execute("SELECT 'theirs'")
        other.execute("SELECT 'theirs'")
        queries = sql_client.execute("SELECT query FROM pg_stat_activity WHERE usename <> session_user").fetchall()
        assert {query for (query,) in queries} <= {"<insufficient privilege>", None}
        assert sql_client.execute("SELECT count(*) FROM pg_stats WHERE schemaname LIKE 'rollcall%'").fetchone() == (0,)


def test_sessions_begin_read_only_with_a_time_limit_and_are_limited_in_number(
    installation: Installation, ours: Ours, shares: Callable[..., str]
) -> None:
    url = shares(ours.account, minutes=7, connections=1)
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in (("statement_timeout", "7min"), ("idle_in_transaction_session_timeout", "1min")):
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)
        with pytest.raises(ReadOnlySqlTransaction):
            connection.execute("CREATE TEMP TABLE mine (x int)")
        with pytest.raises(OperationalError, match="too many connections"):
            psycopg.connect(url)


@pytest.fixture
def watched(installation: Installation) -> Iterator[None]:
    with watching(installation.url, threading.Event(), pause=0.05):
        yield


@pytest.mark.usefixtures("watched")
def test_a_session_that_outlives_its_limit_is_ended_whatever_it_has_set(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    with installation.owner() as owner:
        owner.execute("UPDATE rollcall.share_logins SET longest = '200ms'")
    sql_client.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    if sql_client.info.server_version >= 170_000:
        sql_client.execute("SET transaction_timeout = 0")
    with pytest.raises(OperationalError, match="terminating connection"):
        sql_client.execute("BEGIN; SELECT count(*) FROM members; SELECT pg_sleep(60)")


@pytest.mark.usefixtures("watched")
def test_a_session_that_takes_the_lock_of_the_log_does_not_keep_it(
    installation: Installation, ours: Ours, sql_client: Connection[Any]
) -> None:
    sql_client.execute("SELECT pg_advisory_lock(7305466)")
    installation.rollcall.segments.create(ours.account, SegmentDraft("Written all the same"))
    eventually(lambda: sql_client.closed or _ended(sql_client))


def test_a_fault_of_the_watch_ends_the_process_that_it_runs_beside(postgres_url: str) -> None:
    stop = threading.Event()
    with pytest.raises(ProgrammingError), watching(postgres_url, stop):
        assert stop.wait(30)


def _ended(connection: Connection[Any]) -> bool:
    try:
        connection.execute("SELECT 1")
    except OperationalError:
        return True
    return False

"""Under `rollcall up` each process logs in to the embedded database with the rights that it has in production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.support.running_product import RunningProduct, eventually, running


@pytest.fixture(scope="module")
def rollcall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    with running(tmp_path_factory.mktemp("up") / "home") as made:
        made.ok("PUT", "/v1/customers/a", json={"name": "Ana"})
        eventually(made.is_up_to_date)
        yield made


def address(rollcall: RunningProduct, role: str) -> str:
    """The database address of a role's process, as its environment holds it."""
    pid = rollcall.up.role(role)
    assert pid is not None
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(each.split("=", 1) for each in variables if "=" in each)["ROLLCALL_DATABASE_URL"]


@pytest.mark.parametrize(
    ("role", "member_of"),
    [("api", "api"), ("project", "worker"), ("ingest", "worker"), ("publish", "worker"), ("deliver", "worker")],
)
def test_each_login_is_a_member_of_its_role_only(rollcall: RunningProduct, role: str, member_of: str) -> None:
    with psycopg.connect(address(rollcall, role), autocommit=True) as connection:
        row = connection.execute(
            "SELECT session_user::text, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication "
            "FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
        assert row == (f"rollcall_login_{role}", False, False, False, False, False)
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER')")
        assert {name for (name,) in roles} == {f"rollcall_{member_of}", f"rollcall_login_{role}"}


def test_from_the_api_s_session_no_role_reaches_more(rollcall: RunningProduct) -> None:
    everyone = rollcall.rows("SELECT count(*) FROM stored_events")
    assert everyone[0][0] > 0
    with psycopg.connect(address(rollcall, "api"), autocommit=True) as connection:
        for role in ("rollcall", "rollcall_worker", "rollcall_login_project", "rollcall_login_ingest", "postgres"):
            with pytest.raises(psycopg.DatabaseError):
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            with pytest.raises(psycopg.DatabaseError):
                connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(role)))
        for become in ("RESET ROLE", "SET ROLE NONE", "SET ROLE rollcall_api", "RESET SESSION AUTHORIZATION"):
            connection.execute(become)
            assert connection.execute("SELECT count(*) FROM rollcall.stored_events").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM rollcall_model.customers").fetchone() == (0,)
            with pytest.raises(InsufficientPrivilege):
                connection.execute("ALTER TABLE rollcall.stored_events DISABLE ROW LEVEL SECURITY")
            with pytest.raises(InsufficientPrivilege):
                connection.execute("SELECT pg_read_file('/etc/passwd')")

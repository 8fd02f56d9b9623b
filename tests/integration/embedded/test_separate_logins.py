"""In production each role may log in as a user of its own, who is a member of that role and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from domain.errors import Refused
from projections.migrate import migrate
from projections.postgres.database import worker_sessions
from projections.records.event_store import EventStore
from projections.worker.log_writer import LiveWriter
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.clock import machine_now
from tests.support.installation import Installation
from tests.support.postgres import unique_name


@pytest.fixture
def logins(database_url: str) -> Iterator[dict[str, str]]:
    """The address of a database for a user of each role."""
    users = {role: unique_name() for role in ("rollcall_api", "rollcall_worker")}
    with psycopg.connect(database_url, autocommit=True) as owner:
        for role, user in users.items():
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x' IN ROLE {}")
            owner.execute(statement.format(sql.Identifier(user), sql.Identifier(role)))
        yield {role: make_conninfo(database_url, user=user, password="x") for role, user in users.items()}
        for user in users.values():
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def test_each_does_its_work_with_its_own_login(installation: Installation, logins: dict[str, str]) -> None:
    account = installation.account()
    key = installation.key(account)
    api, worker = (
        EventStore(logins["rollcall_api"], "rollcall_api"),
        EventStore(logins["rollcall_worker"], "rollcall_worker"),
    )
    try:
        change = CustomerChange("ana", "changed", machine_now(), CustomerData(name="Ana"))
        Rollcall(api, machine_now).customers.change(account, [change])
        with worker_sessions(logins["rollcall_worker"]) as sessions:
            projecting = Worker(sessions, LiveWriter(Rollcall(worker, machine_now).worker_events))
            projecting.load()
            projecting.drain()
    finally:
        api.close()
        worker.close()
    with installation.open_api(key) as client:
        assert client.get("/v1/customers/ana").json()["name"] == "Ana"


@pytest.mark.parametrize("other", ["rollcall_worker", "rollcall"])
def test_the_api_s_login_cannot_become_another(logins: dict[str, str], other: str) -> None:
    with psycopg.connect(logins["rollcall_api"]) as connection, pytest.raises(psycopg.DatabaseError):
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(other)))


def test_a_command_whose_login_lacks_the_rights_says_so(logins: dict[str, str]) -> None:
    for command in (migrate, rebuild, lambda url: list(verify(url))):
        with pytest.raises(Refused, match=r"may not do this .*(permission denied|must be owner)"):
            command(logins["rollcall_api"])
    assert list(verify(logins["rollcall_worker"])) == []

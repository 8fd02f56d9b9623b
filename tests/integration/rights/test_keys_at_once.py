"""API keys while nothing is projected: valid once the answer shows them, refused once the answer revokes them."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from fastapi.routing import APIRoute
from psycopg.conninfo import make_conninfo

from api.app import ROUTERS
from domain.account import new_secret
from domain.errors import Refused
from projections import migrate as migration
from projections.records import api_keys
from tests.support.installation import Installation
from tests.support.postgres import unique_name

LISTS = sorted(
    route.path
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and "{" not in route.path
)
PAGES = ("segments", "segments/new", "campaigns", "campaigns/new", "attributes", "keys", "people", "health")


def bearer(key: str) -> dict[str, str]:
    """The header of a key."""
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    """An account that no worker has projected, nor will."""
    return installation.account()


def test_a_key_is_valid_from_the_answer_that_shows_it_and_refused_from_the_one_that_revokes_it(
    installation: Installation, account_id: UUID
) -> None:
    with installation.open_api(installation.key(account_id), own_write_wait=0.0) as admin:
        for kind, method, path in (("read", "GET", "/v1/customers"), ("write", "PUT", "/v1/customers/ana")):
            created = admin.post("/v1/keys", json={"name": "CRM", "kind": kind})
            header = bearer(created.json()["key"])
            body: dict[str, str] | None = {} if method == "PUT" else None
            assert admin.request(method, path, headers=header, json=body).status_code in (200, 201)
            assert [row["name"] for row in admin.get("/v1/keys").json()["data"]] == ["CRM", "admin key"]
            assert admin.delete(f"/v1/keys/{created.json()['id']}").status_code == 204
            assert admin.request(method, path, headers=header, json=body).status_code == 401
            assert [row["name"] for row in admin.get("/v1/keys").json()["data"]] == ["admin key"]


def test_every_list_answers_before_the_account_is_projected(installation: Installation, account_id: UUID) -> None:
    assert len(LISTS) >= 10
    with installation.open_api(installation.key(account_id), own_write_wait=0.0) as admin:
        answered = {path: admin.get(path).status_code for path in LISTS}
        assert set(answered.values()) == {200}, answered
        gold = [{"attribute": "name", "operator": "equals", "value": "Ana"}]
        assert admin.post("/v1/segments/preview", json={"filter": gold}).json()["count"] == 0
        assert admin.get("/v1/customers", params={"query": "912 345 678"}).json()["data"] == []


def test_every_page_of_the_console_answers_before_the_account_is_projected(
    installation: Installation, account_id: UUID
) -> None:
    with installation.open_console(account_id) as console:
        answered = {page: console.get(f"/console/{page}").status_code for page in PAGES}
        assert set(answered.values()) == {200}, answered


def test_a_secret_belongs_to_one_account_only(installation: Installation, account_id: UUID) -> None:
    secret = "a-secret-that-was-chosen"
    installation.rollcall.keys.create(account_id, "first", "admin", secret)
    with pytest.raises(Refused) as refused:
        installation.rollcall.keys.create(installation.account("other"), "second", "admin", secret)
    assert refused.value.code == "key_exists"


def test_keys_of_a_database_of_an_older_version_hold_as_they_are(
    installation: Installation, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The older database has the same events, which this version no longer appends to it."""
    account_id = installation.account()
    kept, revoked = (installation.rollcall.keys.create(account_id, each, "admin") for each in ("kept", "revoked"))
    installation.rollcall.keys.revoke(account_id, revoked.id)
    columns = "account_id, originator_id, originator_version, topic, state"
    with installation.owner() as owner:
        events = owner.execute(f"SELECT {columns} FROM stored_events ORDER BY notification_id").fetchall()
    name = unique_name()
    url = make_conninfo(postgres_url, dbname=name)
    all_migrations = migration.FOLDER
    for path in all_migrations.glob("*.sql"):
        if path.name < "0014":
            shutil.copy(path, tmp_path)
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        monkeypatch.setattr(migration, "FOLDER", tmp_path)
        with psycopg.connect(url, autocommit=True) as owner:
            migration._migrate_log(owner)
            owner.cursor().executemany(
                f"INSERT INTO rollcall.stored_events ({columns}) VALUES (%s, %s, %s, %s, %s)", events
            )
        monkeypatch.setattr(migration, "FOLDER", all_migrations)
        migration.migrate(url)
        old = Installation(url)
        try:
            holder = api_keys.authenticate(old.database, bytes.fromhex(new_secret(kept.key).sha256))
            assert holder == (account_id, kept.id, "admin")
            assert api_keys.authenticate(old.database, bytes.fromhex(new_secret(revoked.key).sha256)) is None
            with old.open_api(kept.key) as client:
                assert [row["name"] for row in client.get("/v1/keys").json()["data"]] == ["kept"]
        finally:
            old.close()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")

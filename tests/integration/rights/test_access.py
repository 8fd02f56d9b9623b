"""Who may do what: keys, kinds of keys, and two accounts that never see each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from httpx import Client

from api.app import ROUTERS
from api.http.access import ALLOWS, caller
from api.ingest.write_key import collector
from domain.account import KeyKind
from projections.postgres.database import Database
from projections.records.event_store import EventStore
from tests.support.installation import Installation

ASKED_BY_POST = {"/v1/segments/preview", "/v1/customers/search", "/v1/campaigns/overlap"}
# Where customers' data are sent is for those to see who may change it.
READ_BY_ADMINS = "/v1/webhooks"
OPEN = {"/livez", "/readyz", "/metrics"}
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def scope_of(route: APIRoute) -> list[str]:
    """The scopes that a route's own parameters ask for."""
    asked = [each for each in route.dependant.dependencies if each.call in (caller, collector)]
    return [scope for each in asked for scope in each.own_oauth_scopes or []]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{sorted(route.methods)[0]} {route.path}")
def test_every_route_declares_one_scope_or_is_open_on_purpose(route: APIRoute) -> None:
    if route.path in OPEN:
        assert scope_of(route) == []
        return
    (scope,) = scope_of(route)
    assert scope in ALLOWS["admin"]
    if route.path.startswith(READ_BY_ADMINS):
        assert scope == "admin"
        return
    assert (scope == "read") == (route.methods == {"GET"} or route.path in ASKED_BY_POST)


@pytest.fixture
def two_accounts(installation: Installation) -> Iterator[tuple[Client, Client, dict[str, Any]]]:
    """A client of each account, and what the first one has: each thing holds the word `theirs`."""
    theirs, ours = installation.account("theirs"), installation.account("ours")
    with (
        installation.projecting(),
        installation.open_api(installation.key(theirs)) as them,
        installation.open_api(installation.key(ours)) as us,
    ):
        things = {
            "key_id": them.post("/v1/keys", json={"name": "theirs", "kind": "read"}).json()["id"],
            "key": "their_own",
            "external_id": "their%2F1",
            "name": "done_by_theirs",
        }
        them.put("/v1/attributes/their_own", json={"type": "text", "label": "theirs"}).raise_for_status()
        person = them.put("/v1/customers/their%2F1", json={"name": "theirs", "attributes": {"plan": "gold"}})
        things["customer_id"] = person.json()["id"]
        done = {"external_id": "their/1", "name": things["name"], "properties": {things["key"]: "theirs"}}
        them.post(
            "/v1/activities", content=json.dumps(done), headers={"Content-Type": "application/x-ndjson"}
        ).raise_for_status()
        created = them.post("/v1/segments", json={"name": "theirs", "type": "dynamic", "filter": GOLD})
        things["segment_id"] = created.json()["id"]
        campaign = them.post("/v1/campaigns", json={"name": "theirs", "segment_ids": [things["segment_id"]]})
        things["campaign_id"] = campaign.json()["id"]
        things["audience_id"] = them.post(f"/v1/campaigns/{things['campaign_id']}/audience").json()["id"]
        static = them.post("/v1/segments", json={"name": "theirs", "type": "static"}).json()["id"]
        things["customer_id"] = them.get("/v1/customers/their%2F1").json()["id"]
        them.post(f"/v1/segments/{static}/members", json={"customer_ids": [things["customer_id"]]}).raise_for_status()
        uploaded = them.post(f"/v1/segments/{static}/imports", files={"file": ("theirs.csv", b"phone\ntheirs\n")})
        things["import_id"] = uploaded.json()["id"]
        installation.run_imports()
        tagged = {"action": "tag", "value": "theirs", "customers": {"text": "theirs"}}
        things["job_id"] = them.post("/v1/jobs", json=tagged).json()["id"]
        installation.run_jobs()
        hook = them.post("/v1/webhooks", json={"url": "https://example.com/theirs", "name": "theirs"})
        things["webhook_id"] = hook.json()["id"]
        things["label_id"] = them.post("/v1/labels", json={"name": "theirs", "colour": "red"}).json()["id"]
        with installation.owner() as owner:
            letter = owner.execute(
                "INSERT INTO dead_letters (account_id, topic, partition, record_offset, headers, code, message, value, "
                "first_failed_at) VALUES (%s, 'theirs', 0, 0, '[]', 'x', 'theirs', 'theirs', now()) "
                "RETURNING dead_letter_id", [theirs]
            ).fetchone()  # fmt: skip
            assert letter is not None
            things["dead_letter_id"] = letter[0]
        yield them, us, things


def test_no_route_shows_or_changes_data_of_another_account(
    two_accounts: tuple[Client, Client, dict[str, Any]],
) -> None:
    them, us, things = two_accounts
    before = everything_of(them)
    assert all("theirs" in str(rows) for rows in before.values())
    document = us.get("/openapi.json").json()
    operations = [(method, path) for path, known in document["paths"].items() for method in known]
    # What we make ourselves comes last: it would be found under the same external id.
    for method, path in sorted(operations, key=lambda each: each[0] in ("put", "post")):
        body = {"name": "mine", "kind": "read", "type": "text"} if method in ("post", "put", "patch") else None
        answered = us.request(method.upper(), path.format(**things), json=body)
        assert answered.status_code < 500, (method, path, answered.text)
        if path in OPEN:
            continue
        assert "theirs" not in answered.text, (method, path)
        if method == "get":
            assert answered.status_code == (404 if "{" in path else 200), (method, path, answered.text)
        elif method in ("patch", "delete"):
            assert answered.status_code in (404, 422), (method, path, answered.text)
    assert len(operations) >= 21
    assert everything_of(them) == before


def everything_of(client: Client) -> dict[str, Any]:
    """Every list of an account, without the positions at which they were read."""
    lists = {each: client.get(each).json()["data"] for each in ("/v1/customers", "/v1/segments", "/v1/keys")}
    lists["/v1/campaigns"] = client.get("/v1/campaigns").json()["data"]
    lists["/v1/jobs"] = client.get("/v1/jobs").json()["data"]
    lists["/v1/webhooks"] = client.get("/v1/webhooks").json()["data"]
    lists["/v1/labels"] = client.get("/v1/labels").json()["data"]
    lists["/v1/dead-letters"] = client.get("/v1/dead-letters").json()["data"]
    for segment in lists["/v1/segments"]:
        lists[segment["id"]] = client.get(f"/v1/segments/{segment['id']}/members").json()["data"]
        segment["members"].pop("position")
    return lists


def test_ids_of_another_account_are_unknown_in_every_parameter_and_body(
    two_accounts: tuple[Client, Client, dict[str, Any]],
) -> None:
    them, us, things = two_accounts
    customer = them.get("/v1/customers/their%2F1").json()
    assert us.get(f"/v1/customers/{customer['id']}").status_code == 404
    assert us.delete(f"/v1/customers/{customer['id']}").status_code == 404
    mine = us.put("/v1/customers/their%2F1", json={"name": "mine"})
    assert mine.status_code == 201
    assert mine.json()["id"] != customer["id"]
    assert them.get("/v1/customers/their%2F1").json() == customer
    for query in ("their", "mine"):
        owners = {client: client.get("/v1/customers", params={"query": query}).json()["data"] for client in (them, us)}
        # Both customers have this external id; only theirs has the name.
        assert [len(owners[them]), len(owners[us])] == ([1, 1] if query == "their" else [0, 1])
    asked = {"text": "theirs", "filter": [{"attribute": "opted_out", "operator": "is_set"}]}
    found = {client: client.post("/v1/customers/search", json=asked).json()["data"] for client in (them, us)}
    assert [len(found[them]), len(found[us])] == [1, 0]
    inside = us.post("/v1/customers/search", json={"in_segment": things["segment_id"]})
    assert (inside.status_code, inside.json()["code"]) == (422, "unknown_segment")
    assert us.get(f"/v1/customers/{customer['id']}/timeline").status_code == 404
    unread = us.post("/v1/segments", json={"name": "x", "type": "dynamic", "filter": [
        {"attribute": things["key"], "operator": "is_set"}
    ]})  # fmt: skip
    assert unread.status_code == 422


def test_a_cursor_of_another_account_is_refused(installation: Installation) -> None:
    them, us = installation.account("them"), installation.account("us")
    with (
        installation.projecting(),
        installation.open_api(installation.key(them)) as client,
        installation.open_api(installation.key(us)) as ours,
    ):
        for n in range(3):
            client.put(f"/v1/customers/c{n}", json={})
        cursor = client.get("/v1/customers", params={"limit": 1}).json()["next_cursor"]
        assert client.get("/v1/customers", params={"limit": 1, "cursor": cursor}).status_code == 200
        assert ours.get("/v1/customers", params={"limit": 1, "cursor": cursor}).status_code == 400


def test_each_kind_of_key_may_do_only_what_its_scopes_allow(installation: Installation) -> None:
    account = installation.account()
    calls = {
        "read": [("GET", "/v1/segments"), ("GET", "/v1/customers"), ("GET", "/v1/keys"), ("GET", "/v1/dead-letters")],
        "write": [("PUT", "/v1/customers/a"), ("POST", "/v1/customers/bulk")],
        "admin": [("POST", "/v1/segments"), ("POST", "/v1/keys"), ("DELETE", "/v1/customers/zz")],
        "sdk": [("POST", "/v1/batch"), ("POST", "/v1/track")],
    }
    keys = {kind: installation.key(account, kind) for kind in get_args(KeyKind)}
    may_also = {("write", "sdk")}
    with installation.projecting(), installation.serving() as address:
        for kind, key in keys.items():
            with Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as client:
                for owner, asked in calls.items():
                    for method, path in asked:
                        status = client.request(method, path, json={} if method != "GET" else None).status_code
                        allowed = kind in ("admin", owner) or (kind, owner) in may_also
                        assert (status != 403) == allowed, (kind, method, path, status)


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer nope", "Basic bm9wZTo=", "nope", "Bearer é"])
def test_requests_without_a_valid_key_are_refused(installation: Installation, sent: str | None) -> None:
    with installation.open_api() as client:
        headers = {} if sent is None else {b"Authorization": sent.encode()}
        for method, path in (("GET", "/v1/segments"), ("PUT", "/v1/customers/a"), ("POST", "/v1/customers/bulk")):
            answered = client.request(method, path, headers=headers, content=b"{" if method != "GET" else None)
            assert answered.status_code == 401
            assert answered.headers["WWW-Authenticate"] == "Bearer"
            assert answered.headers["Content-Type"] == "application/problem+json"
            assert answered.json()["code"] == "unauthorized"


def test_a_key_works_at_once_and_not_after_it_was_revoked(installation: Installation) -> None:
    account = installation.account()
    first = installation.key(account)
    with installation.projecting(), installation.open_api(first) as client:
        made = client.post("/v1/keys", json={"name": "CRM", "kind": "read"})
        assert made.status_code == 201
        assert set(made.json()) == {"id", "key"}
        key = {"Authorization": f"Bearer {made.json()['key']}"}
        assert client.get("/v1/segments", headers=key).status_code == 200
        listed = client.get("/v1/keys").json()["data"]
        assert listed[0] | {"created_at": None} == {
            "id": made.json()["id"], "name": "CRM", "kind": "read", "created_at": None
        }  # fmt: skip
        assert made.json()["key"] not in str(listed)
        assert client.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
        assert client.get("/v1/segments", headers=key).status_code == 401
        assert client.delete(f"/v1/keys/{made.json()['id']}").status_code == 404
        own = client.delete(f"/v1/keys/{listed[1]['id']}")
        assert (own.status_code, own.json()["code"]) == (409, "own_key")


def test_every_table_is_under_row_level_security(installation: Installation) -> None:
    with installation.owner() as owner:
        tables = owner.execute(
            "SELECT c.relname, c.relrowsecurity, array_agg(p.polname) FILTER (WHERE p.polname IS NOT NULL) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE n.nspname IN ('rollcall', 'rollcall_model') AND c.relkind IN ('r', 'p') GROUP BY 1, 2"
        ).fetchall()
        granted = {
            name
            for (name,) in owner.execute(
                "SELECT DISTINCT table_name FROM information_schema.role_table_grants "
                "WHERE grantee IN ('rollcall_api', 'rollcall_worker', 'PUBLIC') "
                "AND table_schema IN ('rollcall', 'rollcall_model')"
            ).fetchall()
        }
        unsafe = owner.execute(
            "SELECT rolname FROM pg_roles "
            "WHERE rolname LIKE 'rollcall_%' AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole)"
        ).fetchall()
        owned = owner.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
            "WHERE r.rolname LIKE 'rollcall_%' AND NOT (c.relkind = 'v' AND r.rolname = 'rollcall_share_owner')"
        ).fetchall()
    assert len(tables) >= 12
    for name, secured, policies in tables:
        assert secured, name
        assert policies or name not in granted, name
    assert unsafe == []
    assert owned == []


def test_the_api_can_read_and_write_only_rows_of_its_own_account(installation: Installation) -> None:
    with installation.owner() as owner:
        owner.execute("SET search_path = pg_catalog")  # names in the policies carry their schema
        policies = owner.execute(
            "SELECT p.tablename, p.qual, p.with_check FROM pg_policies p JOIN information_schema.columns c "
            "ON (c.table_schema, c.table_name, c.column_name) = (p.schemaname, p.tablename, 'account_id') "
            "WHERE p.schemaname IN ('rollcall', 'rollcall_model') AND p.roles && '{rollcall_api,public}'"
        ).fetchall()
    assert len(policies) >= 11
    same = "(account_id = ( SELECT rollcall.current_account() AS current_account))"
    not_other = "(NOT (account_id IS DISTINCT FROM ( SELECT rollcall.current_account() AS current_account)))"
    for name, readable, writable in policies:
        own = not_other if name == "stored_events" else same
        assert readable == own, name
        assert writable in (None, own), name  # without a rule of its own, that for reading holds


def test_without_an_account_the_api_sees_no_row(installation: Installation) -> None:
    installation.account()
    with installation.owner() as owner:
        names = [
            name
            for (name,) in owner.execute(
                "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns "
                "WHERE column_name = 'account_id' AND table_schema IN ('rollcall', 'rollcall_model')"
            ).fetchall()
        ]
        assert len(names) >= 11
        owner.execute("SET ROLE rollcall_api")
        visible = {}
        for name in names:
            permitted = owner.execute("SELECT has_table_privilege(%s, 'SELECT')", [name]).fetchone()
            if permitted and permitted[0]:
                counted = owner.execute(f"SELECT count(*) FROM {name}").fetchone()
                visible[name] = counted[0] if counted else None
    assert visible
    assert set(visible.values()) == {0}


def test_a_pooled_session_forgets_the_account_that_used_it(installation: Installation) -> None:
    account = installation.account()
    store = EventStore(installation.url, "rollcall_api", size=1)
    database = Database(installation.url, "rollcall_api", size=1)
    visible = "SELECT count(*) AS visible FROM stored_events"
    with closing(store), closing(database):
        assert store.account_events(account, account)
        with store.datastore.pool.connection() as session:
            assert session.execute(visible).fetchone() == {"visible": 0}
        with database.transaction(account) as session:
            assert session.execute(visible).fetchone() != (0,)
        with database.spanning() as session:
            assert session.execute(visible).fetchone() == (0,)

"""Erasing a customer: nothing of them is left in any column of the database, and a replay gives the same tables."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Client
from psycopg import sql

from domain.customer import CLOCK_SKEW, CustomerChange, CustomerData, DeadLetter, customer_id_of
from projections.postgres.database import Database
from projections.records.dead_letters import StoredLetter, pass_on
from projections.worker.rebuild import rebuild
from tests.support.installation import Installation

SECRETS = ("+351912345678", "+351919999999", "912345678", "Maria Inês", "person-77", "hidden word")
SOON = datetime.now(UTC)


def everything(installation: Installation) -> dict[str, list[str]]:
    """Every row of every table as text, bytes as their escaped text."""
    found: dict[str, list[str]] = {}
    with installation.owner() as owner:
        tables = owner.execute(
            "SELECT table_schema, table_name, array_agg(column_name::text ORDER BY column_name), "
            "array_agg(data_type::text ORDER BY column_name) "
            "FROM information_schema.columns JOIN pg_tables ON schemaname = table_schema AND tablename = table_name"
            " WHERE schemaname IN ('rollcall', 'rollcall_model') GROUP BY 1, 2"
        ).fetchall()
        assert len(tables) > 20
        for schema, table, columns, types in tables:
            readable = [
                sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(sql.Identifier(column))
                for column, kind in zip(columns, types, strict=True)
            ]
            query = sql.SQL("SELECT concat_ws(' ', {}) FROM {}").format(
                sql.SQL(", ").join(readable), sql.Identifier(schema, table)
            )
            found[f"{schema}.{table}"] = sorted(row[0] for row in owner.execute(query))
    return found


def places(installation: Installation, secrets: Sequence[str] = SECRETS) -> set[str]:
    """The tables that contain one of the secrets."""
    escaped = [secret.encode().decode("latin-1") for secret in secrets]
    octal = ["".join(c if ord(c) < 128 else f"\\{ord(c):03o}" for c in each) for each in escaped]
    return {
        table
        for table, rows in everything(installation).items()
        if any(secret in row for row in rows for secret in (*secrets, *octal))
    }


def letter(key: bytes | None, value: bytes, headers: list[tuple[str, bytes | None]], offset: int) -> DeadLetter:
    return DeadLetter("people", 0, offset, None, key, value, headers, "invalid", "not a number", SOON)


def fill(installation: Installation, account: Any, client: Client) -> dict[str, Any]:
    """Put a customer into every table that can hold one, beside another customer."""
    client.put("/v1/attributes/plans", json={"type": "list"}).raise_for_status()
    raw = [{"attribute": "plans", "operator": "includes_none", "value": ["y"]}]
    segment = client.post("/v1/segments", json={"name": "Others", "type": "dynamic", "filter": raw}).json()
    for external_id, name, *phones in (
        ("person-77", "Maria Inês", "+351919999999", "+351912345678"),
        ("somebody", "Rui", "+351919999990", "+351912345679"),
    ):
        for phone in phones:
            body = {"phone": phone, "name": name}
            client.put(f"/v1/customers/{external_id}", json=body).raise_for_status()
    client.put("/v1/customers/person-77", json={"attributes": {"plans": ["hidden word"]}}).raise_for_status()
    client.put("/v1/customers/person-77", json={"attributes": {"plans": ["x"]}, "tags": ["hidden word"]})
    line = {
        "external_id": "person-77",
        "name": "hidden_word",
        "properties": {"note": "hidden word"},
        "id": "person-77-1",
    }
    client.post("/v1/activities", content=json.dumps(line), headers={"Content-Type": "application/x-ndjson"})
    campaign = client.post("/v1/campaigns", json={"name": "Sale", "segment_ids": [segment["id"]]}).json()
    audience = client.post(f"/v1/campaigns/{campaign['id']}/audience").json()
    assert audience["count"] == 2
    # What they had as its recipient is kept.
    client.put("/v1/customers/person-77", json={"name": "Maria Inês Reis"}).raise_for_status()
    words = CustomerData(attributes={"plans": ["hidden word", "x"]})
    installation.rollcall.customers.change(
        account,
        [CustomerChange("person-77", "changed", installation.now(), words, source="crm", change_id="person-77/8")],
        dead_letters=[
            letter(b"person-77", b"{", [], 1),
            letter(b"?", b'{"subject": "person-77", "data": 1}', [], 2),
            letter(None, b"\x00\xff", [("ce_subject", b"person-77"), ("x", None)], 3),
            letter(b"somebody", b'{"phone": "+351912345678"}', [], 4),
            letter(b"somebody", b'{"phone": "\x00"}', [], 5),
        ],
    )
    with installation.owner() as owner:
        owner.execute(
            "INSERT INTO idempotency_keys (account_id, key, request_hash, started_at, status, headers, body) "
            "VALUES (%s, 'k', '', now(), 200, '{}', %s)",
            [account, b'{"rejected": [{"x": "person-77"}]}'],
        )
        owner.execute(
            "WITH i AS (INSERT INTO imports (import_id, account_id, segment_id, file_name, started_at, position, state)"
            " VALUES (gen_random_uuid(), %(account)s, gen_random_uuid(), 'x', now(), 1, 'done') RETURNING import_id) "
            "INSERT INTO import_errors (account_id, import_id, row_number, cells, code, message, phone) "
            "SELECT %(account)s, import_id, n, cells, 'x', 'x', phone "
            "FROM i, (VALUES (1, %(cells)s, NULL), (2, '\\x5b5d', %(phone)s)) AS rows (n, cells, phone)",
            # The second as the version before 0012 stores it.
            {"account": account, "cells": b'["+351912345678","Maria"]', "phone": "+351912345678"},
        )
    return {"segment": segment, "campaign": campaign, "audience": audience}


@pytest.mark.parametrize("by", ["http", "kafka"])
def test_nothing_of_an_erased_customer_is_left_and_a_replay_gives_the_same(installation: Installation, by: str) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        made = fill(installation, account, client)
        assert {
            "rollcall.stored_events",
            "rollcall.customer_states",
            "rollcall.dead_letters",
            "rollcall_model.customers",
            "rollcall_model.activities",
            "rollcall_model.reach_before",
            "rollcall.idempotency_keys",
            "rollcall.import_errors",
        } <= places(installation)
        if by == "http":
            assert client.delete("/v1/customers/person-77").status_code == 204
        else:
            change = CustomerChange("person-77", "deleted", installation.now(), source="crm", change_id="person-77/9")
            installation.rollcall.customers.change(account, [change])
        for _ in range(2):
            head = installation.rollcall.head()
            client.get("/v1/customers", params={"min_position": head}).raise_for_status()
        client.get("/v1/keys").raise_for_status()
        read = client.get(f"/v1/audiences/{made['audience']['id']}/recipients").json()["data"]
        assert [each["external_id"] for each in read] == ["somebody"]
        letters = client.get("/v1/dead-letters").json()["data"]
        assert [each["offset"] for each in letters] == [5]
        assert places(installation) == set()
    live = {name: rows for name, rows in everything(installation).items() if name.startswith("rollcall_model")}
    rebuild(installation.url)
    replayed = {name: rows for name, rows in everything(installation).items() if name.startswith("rollcall_model")}
    # Where each shard's cursor stopped depends on the rhythm of reading.
    for table in ("segment_versions", "shards"):
        assert replayed.pop(f"rollcall_model.{table}")
        assert live.pop(f"rollcall_model.{table}")
    assert replayed == live


def test_a_customer_created_again_after_an_erasure_has_no_old_values(installation: Installation) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        fill(installation, account, client)
        before = client.get("/v1/customers/person-77").json()
        client.delete("/v1/customers/person-77").raise_for_status()
        assert client.delete("/v1/customers/person-77").status_code == 404
        client.put("/v1/customers/person-77", json={"name": "Newcomer"}).raise_for_status()
        after = client.get("/v1/customers/person-77").json()
        assert (after["id"], after["name"], after["phone"], after["tags"]) == (before["id"], "Newcomer", None, [])
        assert after["created_at"] > before["created_at"]
        # The events of the newcomer keep their values.
        client.put("/v1/customers/person-77", json={"phone": "+351910000001"}).raise_for_status()
    rebuild(installation.url)
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        assert client.get("/v1/customers/person-77").json()["phone"] == "+351910000001"


def test_a_batch_that_creates_deletes_and_creates_erases_the_first_life_only(installation: Installation) -> None:
    account = installation.account()
    changes = [
        CustomerChange("p", "changed", SOON, CustomerData(name="hidden word")),
        CustomerChange("p", "deleted", SOON + timedelta(seconds=1)),
        CustomerChange("p", "changed", SOON + timedelta(seconds=2), CustomerData(name="shown word")),
    ]
    done = installation.rollcall.customers.change(account, changes)
    assert [each.result for each in done.outcomes] == ["created", "deleted", "created"]
    installation.project()
    text = json.dumps(everything(installation))
    assert "hidden word" not in text
    assert "shown word" in text


def test_an_erasure_also_ends_values_dated_in_the_future(installation: Installation) -> None:
    """A change that was accepted while a clock was wrong must not keep a customer from being erased."""
    account = installation.account()
    installation.rollcall.log.skew = timedelta(days=30)
    ahead = CustomerChange("p", "changed", SOON + timedelta(days=9), CustomerData(name="hidden word"))
    installation.rollcall.customers.change(account, [ahead])
    installation.rollcall.log.skew = CLOCK_SKEW
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        assert client.delete("/v1/customers/p").status_code == 204
        assert client.get("/v1/customers/p").status_code == 404
    assert "hidden word" not in json.dumps(everything(installation))


def test_an_erasure_does_not_wait_for_a_broker_to_take_a_dead_letter_about_the_customer(
    installation: Installation,
) -> None:
    """It would hold the log meanwhile, and every other writer with it."""
    account = installation.account()
    rollcall = installation.rollcall
    rollcall.customers.change(account, [CustomerChange("person-77", "changed", SOON, CustomerData(name="Maria Inês"))])
    rollcall.customers.change(account, [], dead_letters=[letter(b"person-77", b"{", [], 1), letter(None, b"{", [], 2)])
    erasing = threading.Thread(target=rollcall.customers.erase, args=(account, [customer_id_of(account, "person-77")]))
    finished: list[bool] = []

    def publish(letters: Sequence[StoredLetter]) -> None:
        assert len(letters) == 2
        erasing.start()
        erasing.join(10)
        finished.append(not erasing.is_alive())

    with closing(Database(installation.url, "rollcall_worker", size=2)) as database:
        assert pass_on(database, 10, publish, installation.now) == 2
        erasing.join(10)
        assert finished == [True]
        assert pass_on(database, 10, publish, installation.now) == 0
    assert places(installation, ["Maria Inês"]) == set()

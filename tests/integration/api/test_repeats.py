"""Idempotency-Key: the same request again gives the same answer, and no second effect."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from httpx import Client

from api.http import idempotency
from tests.support.installation import Installation

STATIC = {"name": "List", "type": "static"}


def repeatable() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def test_a_repeated_creation_is_one_segment_and_one_answer(client: Client) -> None:
    key = repeatable()
    first = client.post("/v1/segments", json=STATIC, headers=key)
    again = client.post("/v1/segments", json=STATIC, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("ETag", "Location", "Rollcall-Position"):
        assert again.headers[name] == first.headers[name]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(client.get("/v1/segments").json()["data"]) == 1
    other = client.post("/v1/segments", json=STATIC, headers=repeatable())
    assert other.json()["id"] != first.json()["id"]


def test_an_idempotency_key_is_for_one_body_and_one_address(client: Client) -> None:
    key = repeatable()
    client.post("/v1/segments", json=STATIC, headers=key).raise_for_status()
    for path, body in (("/v1/segments", {**STATIC, "name": "Other"}), ("/v1/keys", STATIC)):
        refused = client.post(path, json=body, headers=key)
        assert refused.status_code == 422
        assert refused.json()["code"] in ("idempotency_key_reused", "invalid_body")
    assert client.post("/v1/keys", json={"name": "x", "kind": "read"}, headers=key).json()["code"] == (
        "idempotency_key_reused"
    )
    for broken in ("", "a b", "x" * 256, "é"):
        refused = client.post("/v1/segments", json=STATIC, headers={b"Idempotency-Key": broken.encode()})
        assert refused.status_code == 422


def test_a_refused_request_may_be_corrected_under_the_same_key(client: Client) -> None:
    key = repeatable()
    wanted = {"name": "Set", "type": "dynamic", "filter": [{"attribute": "plan", "operator": "is_set"}]}
    assert client.post("/v1/segments", json=wanted, headers=key).status_code == 422
    client.put("/v1/attributes/plan", json={"type": "text"}).raise_for_status()
    assert client.post("/v1/segments", json=wanted, headers=key).status_code == 201


def test_a_repeated_key_is_shown_again_and_stored_nowhere(client: Client, installation: Installation) -> None:
    key = repeatable()
    body = {"name": "CRM", "kind": "write"}
    first = client.post("/v1/keys", json=body, headers=key)
    again = client.post("/v1/keys", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len(client.get("/v1/keys").json()["data"]) == 2
    with installation.owner() as owner:
        row = owner.execute("SELECT string_agg(encode(body, 'escape'), '') FROM idempotency_keys").fetchone()
    assert first.json()["id"] in str(row)
    assert first.json()["key"] not in str(row)


def test_a_repeated_bulk_undoes_nothing_newer(client: Client) -> None:
    key = repeatable()
    lines = b'{"external_id": "a", "name": "Ana"}\n{"external_id": "b", "phone": "1"}\n'
    first = client.post("/v1/customers/bulk", content=lines, headers=key)
    client.put("/v1/customers/a", json={"name": "Bea"}).raise_for_status()
    again = client.post("/v1/customers/bulk", content=lines, headers=key)
    assert again.json() == first.json()
    assert client.get("/v1/customers/a").json()["name"] == "Bea"


def test_a_crash_before_the_answer_was_kept_creates_nothing_twice(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the work; a minute later the caller repeats."""
    clock = {"ahead": timedelta()}
    installation.rollcall.log.now = lambda: datetime.now(UTC) + clock["ahead"]
    admin = installation.key(installation.account())
    lines = b'{"external_id": "a", "name": "Ana"}\n'
    posts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/v1/segments", {"json": STATIC}),
        ("/v1/keys", {"json": {"name": "CRM", "kind": "read"}}),
        ("/v1/customers/bulk", {"content": lines}),
    )
    with installation.projecting(), installation.open_api(admin) as client:
        for path, body in posts:
            key = repeatable()
            with monkeypatch.context() as dying:
                dying.setattr(idempotency, "complete", _die)
                assert client.post(path, headers=key, **body).status_code == 500
            head = installation.rollcall.head()
            waiting = client.post(path, headers=key, **body)
            assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_progress")
            assert int(waiting.headers["Retry-After"]) > 0
            clock["ahead"] += timedelta(seconds=61)
            assert client.post(path, headers=key, **body).is_success
            assert installation.rollcall.head() == head, path
        assert len(client.get("/v1/segments").json()["data"]) == 1
        assert len(client.get("/v1/keys").json()["data"]) == 2


def _die(*_: object, **__: object) -> None:
    raise SystemError("the process is gone")


def test_concurrent_repeats_have_one_effect(client: Client) -> None:
    key = repeatable()
    statuses: list[int] = []

    def post() -> None:
        statuses.append(client.post("/v1/segments", json=STATIC, headers=key).status_code)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(client.get("/v1/segments").json()["data"]) == 1

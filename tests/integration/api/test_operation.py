"""What operators, and clients that read their own writes, may rely on."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import structlog
from httpx import Client
from structlog.testing import capture_logs

from api.http.instrumentation import SECURITY
from projections.read.segment_list import listing
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


@pytest.fixture
def admin(installation: Installation) -> str:
    """An admin key that the read models know; no worker runs."""
    account = installation.account()
    key = installation.key(account)
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    installation.project()
    return key


def test_health_and_metrics_are_open(installation: Installation, admin: str) -> None:
    with installation.open_api() as client:
        assert client.get("/livez").json() == {"status": "live"}
        head = installation.rollcall.head()
        assert client.get("/readyz").json() == {"status": "ready", "position": head, "head": head}
        client.get("/v1/segments", headers={"Authorization": f"Bearer {admin}"}).raise_for_status()
        metrics = client.get("/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain")
        assert 'rollcall_http_requests_total{method="GET",route="/v1/segments",status="200"}' in metrics.text


def test_every_answer_carries_its_id_and_the_security_headers(installation: Installation, admin: str) -> None:
    with installation.open_api(admin) as client:
        for path in ("/v1/segments", "/livez", "/nowhere", "/v1/segments/x", "/openapi.json"):
            answered = client.get(path, headers={"X-Request-Id": "mine-1"})
            assert answered.headers["X-Request-Id"] == "mine-1"
            for name, value in SECURITY.items():
                assert answered.headers[name] == value
        first, second = (client.get("/livez", headers={"X-Request-Id": "not\tmine"}) for _ in range(2))
        assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
        assert len(first.headers["X-Request-Id"]) == 32


def test_a_request_is_one_log_event_without_customer_values(installation: Installation, admin: str) -> None:
    with (
        installation.open_api(admin, own_write_wait=0) as client,
        capture_logs([structlog.contextvars.merge_contextvars]) as lines,
    ):
        client.put("/v1/customers/secret-id", json={"name": "secret-name"}, headers={"X-Request-Id": "r-1"})
        client.get("/v1/customers", params={"query": "secret-query"})
    (first, second) = [line for line in lines if line["event"] == "request_answered"]
    assert first["request_id"] == "r-1"
    assert first["route"] == "/v1/customers/{external_id}"
    assert (first["method"], first["status"]) == ("PUT", 201)
    assert first["account"]
    assert second["route"] == "/v1/customers"
    assert "secret" not in str(lines)


def test_an_unexpected_error_reveals_only_its_request_id(
    installation: Installation, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret-detail")

    monkeypatch.setattr(listing, "page", fail)
    with installation.open_api(admin) as client, capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        answered = client.get("/v1/segments", headers={"X-Request-Id": "r-2"})
    assert answered.status_code == 500
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert answered.headers["X-Request-Id"] == "r-2"
    assert answered.json()["code"] == "internal_error"
    assert "secret" not in answered.text
    (logged,) = [line for line in lines if line["event"] == "request_failed"]
    assert logged["request_id"] == "r-2"
    assert logged["exc_info"]


def test_a_read_waits_for_its_position_and_answers_504_when_it_is_not_reached(
    installation: Installation, admin: str
) -> None:
    with installation.open_api(admin, lag_wait=0.2, own_write_wait=0) as client:
        position = int(client.put("/v1/customers/a", json={"name": "Ana"}).headers["Rollcall-Position"])
        lists = ("/v1/customers", "/v1/customers/a", "/v1/segments", "/v1/attributes", "/v1/keys", "/v1/dead-letters")
        for path in lists:
            behind = client.get(path, params={"min_position": position})
            assert (behind.status_code, behind.json()["code"]) == (504, "projection_lag")
            assert int(behind.headers["Retry-After"]) > 0
        assert client.get("/v1/customers").headers["Rollcall-Position"] < str(position)
        installation.project()
        for path in lists:
            assert client.get(path, params={"min_position": position}).status_code == 200


def test_a_position_that_the_log_has_not_reached_is_not_waited_for(installation: Installation, admin: str) -> None:
    with installation.open_api(admin, lag_wait=3_600) as client:
        beyond = client.get("/v1/customers", params={"min_position": 2**62})
        assert (beyond.status_code, beyond.json()["code"]) == (504, "projection_lag")


def test_a_read_that_waits_is_answered_as_soon_as_it_can_be(installation: Installation, admin: str) -> None:
    with installation.open_api(admin, own_write_wait=0) as client:
        position = client.put("/v1/customers/a", json={"name": "Ana"}).headers["Rollcall-Position"]
        seen: list[Any] = []

        def read() -> None:
            seen.append(client.get("/v1/customers/a", params={"min_position": position}).json()["name"])

        reader = threading.Thread(target=read)
        reader.start()
        reader.join(0.1)
        assert seen == []
        installation.project()
        reader.join(2)
        assert seen == ["Ana"]


def test_a_write_is_answered_while_no_worker_runs(installation: Installation, admin: str) -> None:
    with installation.open_api(admin, own_write_wait=0.05) as client:
        created = client.post("/v1/segments", json={"name": " Gold ", "type": "dynamic", "filter": GOLD})
        assert created.status_code == 201
        segment = created.json()
        assert segment["name"] == "Gold"
        assert segment["members"] | {"position": 0} == {"count": 0, "state": "recomputing", "position": 0}
        edited = client.patch(f"/v1/segments/{segment['id']}", json={"description": "best"})
        assert edited.status_code == 200
        assert edited.json()["description"] == "best"
        assert client.put("/v1/customers/a", json={"attributes": {"plan": "gold"}}).status_code == 201
        assert client.post("/v1/keys", json={"name": "x", "kind": "read"}).status_code == 201
        assert client.put("/v1/attributes/city", json={"type": "text"}).json()["key"] == "city"
        installation.project()
        shown = client.get(f"/v1/segments/{segment['id']}").json()
        assert shown["members"]["count"] == 1
        assert shown["description"] == "best"
        assert shown["version"] == edited.json()["version"]
        renamed = client.patch(f"/v1/segments/{segment['id']}", json={"name": "Golden"}).json()
        assert (renamed["name"], renamed["description"], renamed["filter"]) == ("Golden", "best", GOLD)
        assert client.delete(f"/v1/segments/{segment['id']}").status_code == 204


def test_an_edit_waits_for_its_members(installation: Installation, admin: str) -> None:
    with installation.open_api(admin, lag_wait=0.1, own_write_wait=0) as client:
        client.put("/v1/customers/a", json={"attributes": {"plan": "gold"}})
        created = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": GOLD})
        address = f"{created.headers['Location']}/members"
        with installation.worker(live=False) as worker:
            worker.drain()
        behind = client.get(address, params={"min_position": created.headers["Rollcall-Position"]})
        assert (behind.status_code, behind.json()["code"]) == (504, "projection_lag")
        assert client.get(created.headers["Location"]).json()["members"]["state"] == "recomputing"
        installation.project()
        page = client.get(address, params={"min_position": created.headers["Rollcall-Position"]})
        assert [each["external_id"] for each in page.json()["data"]] == ["a"]


def test_while_the_database_is_unavailable_requests_are_answered_503_with_retry_after(
    installation: Installation, admin: str
) -> None:
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/v1/segments", None),
        ("GET", "/readyz", None),
        ("PUT", "/v1/customers/a", {"name": "Ana"}),
        ("POST", "/v1/segments", {"name": "x", "type": "static"}),
        ("DELETE", "/v1/segments/x", None),
    )
    with installation.open_api(admin) as client:
        client.get("/v1/segments").raise_for_status()
        with installation.database_unavailable():
            for method, path, body in calls:
                refused = client.request(method, path, json=body)
                assert refused.status_code == 503, (method, path, refused.text)
                assert int(refused.headers["Retry-After"]) > 0
                assert refused.json()["code"] == "database_unavailable"
            assert client.get("/livez").status_code == 200
        head = installation.rollcall.head()
        assert _eventually(client, "/readyz") == {"status": "ready", "position": head, "head": head}
        assert client.get("/v1/segments").status_code == 200


def _eventually(client: Client, path: str) -> Any:
    deadline = time.monotonic() + 10
    while (answered := client.get(path)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answered.json()

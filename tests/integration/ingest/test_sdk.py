"""The address that analytics SDKs send to: keys, bodies, what a message does, and what is counted."""

from __future__ import annotations

import asyncio
import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Client, Response
from httpx import Limits as Connections

from api.http.shares import limits
from api.http.shares.limits import LimitFigures, Limits
from domain.instants import from_micros, micros
from tests.support.browser.own_loop import run_apart
from tests.support.installation import Installation


@pytest.fixture
def sdk_key(installation: Installation, account_id: UUID) -> str:
    return installation.key(account_id, "sdk")


@pytest.fixture
def sdk(installation: Installation, sdk_key: str, client: Client) -> Iterator[Client]:
    """A client with the key as an SDK sends it, beside `client`, which reads."""
    with installation.open_api() as opened:
        opened.auth = (sdk_key, "")
        # They do not wait for the read models as long as other writes do.
        opened.event_hooks["response"] = [lambda _: installation.catch_up()]
        yield opened


def message(user: str = "ana", **fields: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": user} | fields


def batch(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"batch": list(messages)} | fields


def counts(client: Client) -> dict[tuple[str, str, str], int]:
    rows = client.get("/v1/received").raise_for_status().json()["data"]
    return {(row["subject"], row["name"], row["result"]): row["count"] for row in rows}


def attributes(client: Client, user: str = "ana") -> Any:
    answered = client.get(f"/v1/customers/{user}")
    return answered.json()["attributes"] if answered.status_code == 200 else None


def accepted(answered: Response) -> Any:
    assert answered.status_code == 200, answered.text
    return answered.json()


# Keys


def test_a_key_is_taken_as_user_of_basic_as_bearer_or_from_the_body(
    installation: Installation, sdk_key: str, client: Client
) -> None:
    basic = b64encode(f"{sdk_key}:".encode()).decode()
    with installation.open_api() as anyone:
        for number, headers in enumerate(
            ({"Authorization": f"Basic {basic}"}, {"Authorization": f"Bearer {sdk_key}"}, {})
        ):
            body = batch(message(f"c{number}"), **({} if headers else {"writeKey": sdk_key}))
            assert accepted(anyone.post("/v1/batch", json=body, headers=headers)) == {"success": True}
    assert [client.get(f"/v1/customers/c{number}").status_code for number in range(3)] == [200] * 3


@pytest.mark.parametrize("sent", ["Basic", "Basic !!", "Basic bm9wZTo=", "Bearer nope", "", None])
def test_an_unknown_key_is_refused_as_sdks_understand_it(installation: Installation, sent: str | None) -> None:
    with installation.open_api() as client:
        headers = {} if sent is None else {"Authorization": sent}
        bodies: list[Any] = [{"batch": []}, {"batch": [], "writeKey": "nope"}, {"batch": [], "writeKey": 5}, []]
        for body in bodies:
            refused = client.post("/v1/batch", json=body, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
            assert refused.json()["message"]


def test_a_key_of_the_sdk_kind_can_do_nothing_else(browser: Client, sdk_key: str) -> None:
    headers = {"Authorization": f"Bearer {sdk_key}"}
    for method, path in (("GET", "/v1/customers"), ("PUT", "/v1/customers/a"), ("POST", "/v1/events"),
                         ("POST", "/v1/customers/bulk"), ("GET", "/v1/received"), ("POST", "/v1/keys")):  # fmt: skip
        assert browser.request(method, path, json={}, headers=headers).status_code == 403, path


def test_a_web_page_may_only_use_a_key_that_can_be_published(
    installation: Installation, account_id: UUID, sdk: Client
) -> None:
    page = {"Origin": "https://shop.example"}
    assert sdk.post("/v1/identify", json=message(), headers=page).status_code == 200
    sdk.auth = (installation.key(account_id, "write"), "")
    assert sdk.post("/v1/identify", json=message()).status_code == 200
    refused = sdk.post("/v1/identify", json=message(), headers=page)
    assert (refused.status_code, refused.json()["code"]) == (403, "key_published")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_a_browser_is_let_through_to_these_addresses_alone(sdk: Client) -> None:
    asks = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    allowed = sdk.options("/v1/i", headers=asks)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    for path in ("/v1/customers", "/v1/events", "/v1/customers/bulk"):
        assert "access-control-allow-origin" not in sdk.options(path, headers=asks).headers


# Bodies


@pytest.mark.parametrize("path", ["batch", "import", "b"])
def test_batches_are_taken_at_each_of_their_addresses(sdk: Client, client: Client, path: str) -> None:
    body = batch(message(traits={"plan": "gold"}), message("rui", type="track", event="Bought"), writeKey="ignored")
    assert accepted(sdk.post(f"/v1/{path}", json=body)) == {"success": True}
    assert attributes(client) == {"plan": "gold"}
    assert counts(client) == {("message", "identify", "created"): 1, ("message", "track", "recorded"): 1}


def test_each_message_has_an_address_of_its_own_which_says_its_type(sdk: Client, client: Client) -> None:
    for path in ("identify", "track", "group", "alias", "page", "screen", "i", "t", "g", "a", "p", "s"):
        body = {"userId": "ana", "messageId": path, "event": "Bought"}
        assert accepted(sdk.post(f"/v1/{path}", json=body)) == {"success": True}
    found = counts(client)
    assert found.pop(("message", "identify", "created")) == found.pop(("message", "identify", "unchanged")) == 1
    assert found.pop(("message", "track", "recorded")) == 2
    assert found == {("message", kind, "counted"): 2 for kind in ("group", "alias", "page", "screen")}


def test_a_body_may_be_compressed(sdk: Client, client: Client) -> None:
    packed = gzip.compress(json.dumps(batch(message(traits={"n": 1}))).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert accepted(sdk.post("/v1/batch", content=packed, headers=headers)) == {"success": True}
    assert attributes(client) == {"n": 1}
    for damaged in (packed[:-3], packed + b"more", b"no gzip"):
        refused = sdk.post("/v1/batch", content=damaged, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "malformed_gzip")
    bomb = gzip.compress(b" " * (11 << 20))
    assert sdk.post("/v1/batch", content=bomb, headers=headers).status_code == 413
    refused = sdk.post("/v1/batch", content=packed, headers=headers | {"Content-Encoding": "br"})
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_is_json_whatever_it_is_called(sdk: Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert accepted(sdk.post("/v1/batch", content=json.dumps(batch(message())), headers=headers))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"batch": {}}', b'{"batch": null}'])
def test_a_body_that_is_no_batch_is_refused_with_code_and_message(sdk: Client, body: bytes) -> None:
    refused = sdk.post("/v1/batch", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code in (400, 422)
    assert refused.json()["code"]
    assert refused.json()["message"]


def test_too_many_messages_are_refused_whole(sdk: Client, client: Client) -> None:
    refused = sdk.post("/v1/batch", json=batch(*[message()] * 2_501))
    assert (refused.status_code, refused.json()["code"]) == (413, "too_many_messages")
    assert counts(client) == {}


def test_over_its_limit_an_account_is_asked_to_repeat(installation: Installation, sdk_key: str) -> None:
    limits = Limits(LimitFigures(lines=0.5, burst_lines=1))
    with installation.open_api(limits=limits, own_write_wait=0) as client:
        client.auth = (sdk_key, "")
        assert client.post("/v1/batch", json=batch(message())).status_code == 200
        refused = client.post("/v1/batch", json=batch(message()))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert {"code", "message"} <= refused.json().keys()


def test_a_burst_of_an_sdk_waits_instead_of_being_refused(
    installation: Installation, sdk: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDKs give up after a few refusals: more requests than an account may queue are all taken."""
    monkeypatch.setattr(limits, "SENDER_PATIENCE", 60.0)  # however slow the machine is

    async def burst() -> list[int]:
        async with AsyncClient(
            base_url=sdk.base_url, auth=sdk.auth, timeout=60, limits=Connections(max_connections=200)
        ) as many:
            answered = await asyncio.gather(*(many.post("/v1/batch", json=batch(message(f"c{n}"))) for n in range(120)))
        return [each.status_code for each in answered]

    assert run_apart(burst()) == [200] * 120
    installation.catch_up()
    assert counts(client) == {("message", "identify", "created"): 120}


# Messages


def test_a_message_sent_again_counts_once(sdk: Client, client: Client) -> None:
    first = message(messageId="m-1", traits={"plan": "gold", "имя": 1}, timestamp="2026-01-01T00:00:00Z")
    later = message(messageId="m-2", traits={"plan": "free"}, timestamp="2026-01-02T00:00:00Z")
    for each in (first, later, first):
        accepted(sdk.post("/v1/batch", json=batch(each)))
    assert attributes(client) == {"plan": "free"}
    assert counts(client) == {
        ("message", "identify", "created"): 1,
        ("message", "identify", "changed"): 1,
        ("message", "identify", "duplicate"): 1,
        ("value", "имя", "unmappable_name"): 1,
    }


def test_messages_of_one_customer_take_effect_by_their_time_not_by_their_arrival(sdk: Client, client: Client) -> None:
    old = message(traits={"plan": "old", "city": "Porto"}, timestamp="2026-01-01T00:00:00.000Z")
    new = message(traits={"plan": "new"}, timestamp="2026-01-01T00:00:00.001Z")
    accepted(sdk.post("/v1/batch", json=batch(new, old)))
    assert attributes(client) == {"plan": "new", "city": "Porto"}


def test_a_clock_that_is_wrong_is_corrected_by_the_instant_of_sending(
    installation: Installation, sdk: Client, client: Client
) -> None:
    """Two devices, one of them a year fast: their messages are ordered as they happened."""
    now = installation.now()

    def said(plan: str, minutes_ago: int, clock: timedelta) -> dict[str, Any]:
        at, sent = (instant + clock for instant in (now - timedelta(minutes=minutes_ago), now))
        return batch(message(timestamp=at.isoformat(), traits={"plan": plan}), sentAt=sent.isoformat())

    accepted(sdk.post("/v1/batch", json=said("of the fast clock", 10, timedelta(days=365))))
    accepted(sdk.post("/v1/batch", json=said("of the slow clock", 5, timedelta(days=-365))))
    assert attributes(client) == {"plan": "of the slow clock"}
    accepted(sdk.post("/v1/batch", json=said("older", 7, timedelta(0))))
    assert attributes(client) == {"plan": "of the slow clock"}
    accepted(sdk.post("/v1/batch", json=said("newer", 1, timedelta(0))))
    assert attributes(client) == {"plan": "newer"}


def test_values_that_do_not_fit_are_left_out_named_and_counted(sdk: Client, client: Client) -> None:
    client.put("/v1/attributes/score", json={"type": "number"}).raise_for_status()
    traits = {"plan": "gold", "score": "high", "phone": "12", "firstName": "Ana", "lastName": "Sá", "年齢": 5}
    answered = accepted(sdk.post("/v1/identify", json=message(traits=traits)))
    assert answered["success"] is True
    assert {(each["name"], each["code"]) for each in answered["left_out"]} == {
        ("score", "attribute_type_mismatch"), ("phone", "invalid_phone"), ("年齢", "unmappable_name"),
    }  # fmt: skip
    customer = client.get("/v1/customers/ana").json()
    assert (customer["name"], customer["phone"]) == ("Ana Sá", None)
    assert customer["attributes"] == {"plan": "gold", "first_name": "Ana", "last_name": "Sá"}
    assert counts(client)["value", "score", "attribute_type_mismatch"] == 1


def test_an_invalid_message_is_named_and_stops_no_other(sdk: Client, client: Client) -> None:
    wrong = [message("", messageId="m-9"), {"type": "nope", "userId": "x"}, 5, message(" x"), message(timestamp="soon")]
    answered = accepted(sdk.post("/v1/batch", json=batch(*wrong, message())))
    assert [(each["index"], each["code"]) for each in answered["rejected"]] == [
        (0, "user_id_required"), (1, "unknown_type"), (2, "invalid_message"), (3, "invalid_identifier"),
        (4, "invalid_time"),
    ]  # fmt: skip
    assert answered["rejected"][0]["messageId"] == "m-9"
    assert attributes(client) == {}
    assert sum(counts(client).values()) == len(wrong) + 1
    refused = sdk.post("/v1/batch", json=batch(*wrong))
    assert (refused.status_code, refused.json()["code"]) == (422, "no_message_taken")
    assert len(refused.json()["rejected"]) == len(wrong)
    assert sum(counts(client).values()) == 2 * len(wrong) + 1


def test_a_message_without_a_known_customer_is_counted_and_creates_none(sdk: Client, client: Client) -> None:
    accepted(sdk.post("/v1/identify", json={"anonymousId": "a-1", "traits": {"plan": "gold"}}))
    assert client.get("/v1/customers", params={"include": "total"}).json()["total"] == 0
    assert counts(client) == {("message", "identify", "anonymous"): 1}


def test_a_published_key_opts_out_but_not_in(
    installation: Installation, account_id: UUID, sdk: Client, client: Client
) -> None:
    accepted(sdk.post("/v1/identify", json=message(traits={"opted_out": True})))
    answered = accepted(sdk.post("/v1/identify", json=message(traits={"optedOut": False, "plan": "x"})))
    assert [each["code"] for each in answered["left_out"]] == ["opt_in_refused"]
    assert client.get("/v1/customers/ana").json()["opted_out"] is True
    sdk.auth = (installation.key(account_id, "write"), "")
    assert accepted(sdk.post("/v1/identify", json=message(traits={"opted_out": False}))) == {"success": True}
    assert client.get("/v1/customers/ana").json()["opted_out"] is False


def test_names_without_end_are_counted_together(installation: Installation, sdk: Client, client: Client) -> None:
    for start in range(0, 1_200, 400):
        traits = {f"имя{number}": number for number in range(start, start + 400)}
        accepted(sdk.post("/v1/identify", json=message(traits=traits)))
    found = counts(client)
    assert sum(count for (subject, _, _), count in found.items() if subject == "value") == 1_200
    assert len(found) <= 505
    assert found["value", "(others)", "unmappable_name"] > 600


def test_the_history_of_a_customer_says_that_an_sdk_sent_it(
    installation: Installation, sdk: Client, client: Client
) -> None:
    at = from_micros(micros(datetime.fromisoformat("2026-01-01T00:00:00+00:00")))
    accepted(sdk.post("/v1/identify", json=message(messageId="m-1", timestamp=at.isoformat())))
    with installation.owner() as owner:
        row = owner.execute(
            "SELECT convert_from(state, 'UTF8')::jsonb FROM stored_events WHERE topic = 'rollcall.customer.changed'"
        ).fetchone()
    assert row is not None
    assert (row[0]["source"], row[0]["change_id"], row[0]["occurred_at"][:10]) == ("sdk", "m-1", "2026-01-01")

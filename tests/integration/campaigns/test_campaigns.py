"""Campaigns, their recipients, and frozen audiences over HTTP, against real PostgreSQL and a real worker."""

from __future__ import annotations

import csv
import json
from typing import Any
from uuid import uuid4

import pytest
from httpx import Client

from projections.worker.rebuild import rebuild
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plans="list")

NDJSON = {"Accept": "application/x-ndjson"}


def phone(number: int) -> str:
    return f"+3519100000{number:02}"


def put(client: Client, external_id: str, *plans: str, **body: Any) -> int:
    answered = client.put(f"/v1/customers/{external_id}", json={"attributes": {"plans": list(plans)}, **body})
    assert answered.is_success, answered.text
    return int(answered.headers["Rollcall-Position"])


def segment(client: Client, plan: str) -> str:
    raw = [{"attribute": "plans", "operator": "includes_any", "value": [plan]}]
    answered = client.post("/v1/segments", json={"name": plan, "type": "dynamic", "filter": raw})
    assert answered.status_code == 201, answered.text
    return str(answered.json()["id"])


def campaign(client: Client, segments: list[str], excluded: list[str] | None = None) -> Any:
    body = {"name": "Sale", "segment_ids": segments, "exclude_segment_ids": excluded or []}
    answered = client.post("/v1/campaigns", json=body)
    assert answered.status_code == 201, answered.text
    return answered.json()


def reached(client: Client, made: Any, **parameters: Any) -> list[str]:
    """The recipients by page, which must be those of both streams."""
    address = f"/v1/campaigns/{made['id']}/recipients"
    client.get(address, params=parameters).raise_for_status()
    found: list[Any] = []
    cursor = None
    while True:
        page = client.get(address, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert streamed(client, address) == found
    return [each["external_id"] for each in found]


def streamed(client: Client, address: str) -> list[Any]:
    answered = client.get(address, headers=NDJSON)
    assert answered.headers["Content-Type"].startswith("application/x-ndjson")
    assert int(answered.headers["Rollcall-Position"]) > 0
    *lines, last = [json.loads(line) for line in answered.text.splitlines()]
    assert last == {"count": len(lines)}
    answered = client.get(address, headers={"Accept": "text/csv"})
    head, *rows = list(csv.reader(answered.content.decode().splitlines(keepends=True)))
    assert head == ["customer_id", "external_id", "phone", "name"]
    assert answered.headers["Transfer-Encoding"] == "chunked"
    assert rows == [[each[field] or "" for field in head] for each in lines]
    return lines


def test_recipients_are_the_members_without_those_excluded_opted_out_or_without_phone(client: Client) -> None:
    put(client, "a", "gold", phone=phone(1), name='Ana "A", Sá\nline')
    put(client, "b", "gold", "silver", phone=phone(2))
    put(client, "same-phone", "silver", phone=phone(1), name="=1+1")
    put(client, "out", "silver", phone=phone(4), opted_out=True)
    put(client, "no-phone", "silver")
    put(client, "left-out", "silver", "staff", phone=phone(6))
    put(client, "nobody", "bronze", phone=phone(7))
    position = put(client, "z", "silver", phone=phone(8))
    gold, silver, staff = (segment(client, plan) for plan in ("gold", "silver", "staff"))
    made = campaign(client, [gold, silver, gold], [staff])
    assert made["segment_ids"] == [gold, silver]
    assert made["state"] == "ready"
    assert reached(client, made, min_position=position) == ["a", "b", "z"]
    page = client.get(f"/v1/campaigns/{made['id']}/recipients", params={"include": "total"}).json()
    assert page["total"] == 3
    assert page["skipped"] == {"excluded": 1, "opted_out": 1, "no_phone": 1, "duplicate_phone": 1}
    frozen = client.post(f"/v1/campaigns/{made['id']}/audience")
    assert frozen.status_code == 201
    assert (frozen.json()["count"], frozen.json()["skipped"]) == (3, page["skipped"])
    assert frozen.json()["position"] == int(frozen.headers["Rollcall-Position"])
    assert streamed(client, f"{frozen.headers['Location']}/recipients") == page["data"]
    assert page["data"][0] | {"customer_id": ""} == {
        "customer_id": "", "external_id": "a", "phone": phone(1), "name": 'Ana "A", Sá\nline'
    }  # fmt: skip


def test_many_skipped_members_do_not_hide_the_recipients(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.read.recipients.MIN_WINDOW", 3)
    gold, silver = segment(client, "gold"), segment(client, "silver")
    for n in range(40):
        put(
            client,
            f"c{n:02}",
            *(["gold"] if n % 2 else ["silver"]),
            **({"phone": phone(n)} if n in (29, 30, 39) else {}),
        )
    assert reached(client, campaign(client, [gold, silver])) == ["c29", "c30", "c39"]


def test_a_deleted_segment_leaves_every_campaign_permanently(client: Client) -> None:
    put(client, "a", "gold", phone=phone(1))
    put(client, "b", "silver", "staff", phone=phone(2))
    gold, silver, staff = (segment(client, plan) for plan in ("gold", "silver", "staff"))
    both, only, without = (
        campaign(client, [gold, silver]), campaign(client, [gold]), campaign(client, [silver, gold], [staff])
    )  # fmt: skip
    assert reached(client, without) == ["a"]

    def now(made: Any) -> Any:
        return client.get(f"/v1/campaigns/{made['id']}").json()

    assert client.delete(f"/v1/segments/{gold}").status_code == 204
    assert (now(both)["state"], now(both)["segment_ids"]) == ("ready", [silver])
    assert (now(only)["state"], now(only)["segment_ids"]) == ("needs_audience", [])
    assert (now(without)["state"], reached(client, without)) == ("ready", [])
    assert reached(client, both) == ["b"]
    assert reached(client, only) == []
    refused = client.post(f"/v1/campaigns/{only['id']}/audience")
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_audience")

    assert client.delete(f"/v1/segments/{staff}").status_code == 204
    assert (now(without)["state"], now(without)["exclude_segment_ids"]) == ("needs_audience", [])
    assert reached(client, without) == []
    stale = client.patch(
        f"/v1/campaigns/{only['id']}", json={"name": "x"}, headers={"If-Match": f'"{only["version"]}"'}
    )
    assert stale.status_code == 412
    for edit in ({"name": "New name"}, {"segment_ids": [silver]}):
        edited = client.patch(f"/v1/campaigns/{without['id']}", json=edit)
        assert (edited.status_code, edited.json()["state"]) == (200, "needs_audience")
        assert edited.json()["segment_ids"] == [silver]
    unknown = client.patch(f"/v1/campaigns/{without['id']}", json={"segment_ids": [silver, gold]})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/segment_ids/1")
    chosen = client.patch(f"/v1/campaigns/{without['id']}", json={"exclude_segment_ids": []})
    assert chosen.json()["state"] == "ready"
    assert reached(client, without) == ["b"]
    assert client.get("/v1/customers/a").status_code == 200


def test_etags_change_with_every_change_of_a_campaign(client: Client) -> None:
    gold = segment(client, "gold")
    made = client.post("/v1/campaigns", json={"name": " Sale ", "segment_ids": [gold]})
    address = made.headers["Location"]
    assert made.headers["ETag"] == client.get(address).headers["ETag"]
    edited = client.patch(address, json={"name": "Other"}, headers={"If-Match": made.headers["ETag"]})
    assert (edited.status_code, edited.json()["name"]) == (200, "Other")
    assert edited.headers["ETag"] == client.get(address).headers["ETag"] != made.headers["ETag"]
    assert client.delete(address, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    client.delete(f"/v1/segments/{gold}").raise_for_status()
    assert client.delete(address, headers={"If-Match": edited.headers["ETag"]}).status_code == 412
    assert client.delete(address, headers={"If-Match": client.get(address).headers["ETag"]}).status_code == 204
    assert client.get(address).status_code == 404
    assert client.get("/v1/campaigns").json()["data"] == []


def test_a_repeated_request_makes_one_campaign_and_one_audience(client: Client) -> None:
    put(client, "a", "gold", phone=phone(1))
    body = {"name": "Sale", "segment_ids": [segment(client, "gold")]}
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (client.post("/v1/campaigns", json=body, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert client.post(f"/v1/campaigns/{first.json()['id']}/audience", headers=key).status_code == 422
    key = {"Idempotency-Key": str(uuid4())}
    one, other = (client.post(f"/v1/campaigns/{first.json()['id']}/audience", headers=key) for _ in range(2))
    assert one.json() == other.json()
    assert client.post(f"/v1/campaigns/{first.json()['id']}/audience").json()["id"] != one.json()["id"]


def test_a_segment_that_was_never_computed_is_not_treated_as_empty(installation: Installation) -> None:
    """An excluded segment without members would exclude no customer."""
    account = installation.account()
    key = installation.key(account)
    installation.rollcall.attributes.declare(account, "plans", "list", None)
    installation.project()
    with installation.open_api(key, own_write_wait=0.0) as client:
        gold = segment(client, "gold")
        made = campaign(client, [gold])
        with installation.worker(live=False) as worker:
            worker.drain()
        for answered in (
            client.get(f"/v1/campaigns/{made['id']}/recipients"),
            client.get(f"/v1/campaigns/{made['id']}/recipients", headers=NDJSON),
            client.post(f"/v1/campaigns/{made['id']}/audience"),
        ):
            assert (answered.status_code, answered.json()["code"]) == (409, "segment_not_computed")


def test_a_frozen_audience_never_changes(installation: Installation) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.rollcall.attributes.declare(account, "plans", "list", None)
    with installation.projecting(), installation.open_api(key) as client:
        for n in range(6):
            put(client, f"c{n}", "gold", phone=phone(n), name=f"Name {n}")
        put(client, "twin", "gold", phone=phone(0))
        gold = segment(client, "gold")
        made = campaign(client, [gold])
        audience = client.post(f"/v1/campaigns/{made['id']}/audience").json()
        address = f"/v1/audiences/{audience['id']}"
        before = streamed(client, f"{address}/recipients")
        assert [each["external_id"] for each in before] == [f"c{n}" for n in range(6)]
        assert audience["skipped"]["duplicate_phone"] == 1
        put(client, "c1", "bronze", phone=phone(50), name="Another")
        put(client, "c2", opted_out=True)
        put(client, "new", "gold", phone=phone(51))
        client.patch(f"/v1/segments/{gold}", json={"filter": []}).raise_for_status()
        other = {"name": "Other", "segment_ids": [segment(client, "bronze")], "exclude_segment_ids": [gold]}
        client.patch(f"/v1/campaigns/{made['id']}", json=other).raise_for_status()
        client.delete(f"/v1/segments/{gold}").raise_for_status()
        client.delete(f"/v1/campaigns/{made['id']}").raise_for_status()
        assert streamed(client, f"{address}/recipients") == before
        assert client.get(address).json() == audience
        # The one who kept the number that twin has too, and another one.
        for gone in ("c0", "c3"):
            client.delete(f"/v1/customers/{gone}").raise_for_status()
        # A customer who is created again after erasure is a new one.
        put(client, "c3", "gold", phone=phone(3), name="Name 3")
        left = [each for each in before if each["external_id"] not in ("c0", "c3")]
        assert streamed(client, f"{address}/recipients") == left
        assert client.get(address).json() == audience | {"erased": 2}
        page = client.get(f"{address}/recipients", params={"limit": 3, "include": "total"}).json()
        assert (page["data"], page["total"]) == (left[:3], 4)
    # A worker and an API that start anew, on the tables as they were and on those made again from the log.
    with installation.projecting(), installation.open_api(key) as client:
        assert streamed(client, f"{address}/recipients") == left
        assert client.get(address).json() == audience | {"erased": 2}
    rebuild(installation.url)
    with installation.projecting(), installation.open_api(key) as client:
        assert streamed(client, f"{address}/recipients") == left
        assert client.get(address).json() == audience | {"erased": 2}

"""Plain reads, which go a short way: they answer, refuse and count as the same reads do on the long way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from httpx import Client, Response

from api.http.shares.limits import LimitFigures, Limits
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
# A request with this header accepts JSON, too, and is not plain.
LONG = {"Accept": "application/json, */*;q=0.5"}
# What differs between two answers to the same question.
OF_ITS_OWN = {"x-request-id", "date", "ratelimit"}

with_plan = pytest.mark.attributes(plan="text")


def same(answer: Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in OF_ITS_OWN}
    return answer.status_code, headers, answer.content


def create(client: Client, **body: Any) -> str:
    made = client.post("/v1/segments", json={"type": "dynamic", "filter": GOLD, **body})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def put(client: Client, external_id: str, plan: str) -> str:
    return str(client.put(f"/v1/customers/{external_id}", json={"attributes": {"plan": plan}}).json()["id"])


def segments_of(client: Client, customer: str) -> list[tuple[str, str]]:
    answer = client.get(f"/v1/customers/{customer}/segments")
    assert answer.status_code == 200, answer.text
    return [(each["name"], each["joined_at"]) for each in answer.json()["data"]]


@with_plan
def test_a_plain_read_answers_what_the_same_read_answers_on_the_long_way(client: Client) -> None:
    customer, gold = put(client, "ana/1", "gold"), create(client, name="Gold")
    create(client, name="Gold by name", filter=[{"attribute": "segment", "operator": "in", "value": [gold]}])
    paths = [
        f"/v1/segments/{gold}", "/v1/customers/ana/1", f"/v1/customers/{customer}", "/v1/customers/ana/1/segments",
        "/v1/customers/unknown/segments", f"/v1/segments/{customer}", "/v1/segments/not-an-id", "/v1/campaigns",
        "/v1/keys", "/v1/customers/%00", "/v1/customers/" + "x" * 600, "/v1/segments/preview", "/v1/customers/bulk",
    ]  # fmt: skip
    for path in paths:
        plain = client.get(path)
        assert same(plain) == same(client.get(path, headers=LONG)), path
        assert plain.headers.keys() >= {"x-request-id", "content-security-policy", "cache-control"}
    read = client.get(f"/v1/segments/{gold}")
    assert (read.status_code, read.headers["ETag"]) == (200, f'"{read.json()["version"]}"')
    assert read.headers.keys() >= {"rollcall-position", "ratelimit", "ratelimit-policy"}
    nested = client.get("/v1/customers/ana/1/segments").json()["data"][0]
    assert nested["filter_summary"] == "Segment is in Gold"


def test_a_key_that_was_revoked_or_may_not_read_is_refused_at_once(
    installation: Installation, client: Client, account_id: UUID
) -> None:
    for kind in ("read", "write"):
        made = client.post("/v1/keys", json={"name": "its", "kind": kind}).json()
        held = {"Authorization": f"Bearer {made['key']}"}
        expected = 404 if kind == "read" else 403
        assert [client.get("/v1/customers/ana", headers=held).status_code for _ in range(2)] == [expected] * 2
        client.delete(f"/v1/keys/{made['id']}").raise_for_status()
        assert client.get("/v1/customers/ana", headers=held).status_code == 401


def test_a_plain_read_counts_towards_the_limits_of_its_key(
    installation: Installation, account_id: UUID, key: str
) -> None:
    installation.project()
    with installation.open_api(key, limits=Limits(LimitFigures(key_requests=0.6))) as client:
        answers = [client.get("/v1/customers/ana") for _ in range(4)]
    assert [each.status_code for each in answers] == [404, 404, 404, 429]
    assert answers[3].json()["code"] == "too_many_requests"
    assert int(answers[3].headers["Retry-After"]) >= 1


def test_an_account_sees_no_customer_of_another_on_the_short_way(installation: Installation, client: Client) -> None:
    customer = client.put("/v1/customers/ana", json={}).json()["id"]
    other = installation.key(installation.account("other"))
    with installation.open_api(other) as theirs:
        for path in (f"/v1/customers/{customer}", f"/v1/customers/{customer}/segments", "/v1/customers/ana"):
            assert [theirs.get(path).status_code for _ in range(2)] == [404, 404]


@with_plan
def test_the_segments_of_a_customer_are_those_with_the_customer_among_their_members(client: Client) -> None:
    names = ["edited", "kept", "lost", "list", "deleted"]
    made = {name: create(client, name=name) for name in names if name != "list"}
    made["list"] = create(client, name="list", type="static", filter=None)
    ids = {each: put(client, each, "gold") for each in ("ana", "ben", "cleo")}
    client.post(f"/v1/segments/{made['list']}/members", json={"customer_ids": [ids["ana"], ids["cleo"]]})

    # Members who stay have no entry of the new version in the history; those who left and came back have several.
    either = {"any": [*GOLD, {"attribute": "plan", "operator": "equals", "value": "silver"}]}
    client.patch(f"/v1/segments/{made['edited']}", json={"filter": either}).raise_for_status()
    for plan in ("silver", "gold", "silver", "gold"):
        put(client, "ben", plan)
    put(client, "cleo", "silver")
    client.patch(f"/v1/segments/{made['lost']}", json={"filter": []}).raise_for_status()
    client.delete(f"/v1/segments/{made.pop('deleted')}").raise_for_status()
    client.delete(f"/v1/segments/{made['list']}/members/{ids['cleo']}").raise_for_status()

    for external_id, customer in ids.items():
        expected = [
            (name, member["joined_at"])
            for name, segment in sorted(made.items(), key=lambda each: names.index(each[0]))
            for member in client.get(f"/v1/segments/{segment}/members").json()["data"]
            if member["id"] == customer
        ]
        found = segments_of(client, external_id)
        assert sorted(found) == sorted(expected)
        assert found == segments_of(client, customer)
    assert [name for name, _ in segments_of(client, "ana")] == ["list", "kept", "edited"]
    assert [name for name, _ in segments_of(client, "cleo")] == ["edited"]
    first = client.get("/v1/customers/ana/segments", params={"limit": 1, "include": "total"}).json()
    assert (first["total"], [each["name"] for each in first["data"]]) == (3, ["list"])
    rest = client.get("/v1/customers/ana/segments", params={"cursor": first["next_cursor"]}).json()
    assert [each["name"] for each in rest["data"]] == ["kept", "edited"]
    put(client, "dan", "free")
    assert segments_of(client, "dan") == []

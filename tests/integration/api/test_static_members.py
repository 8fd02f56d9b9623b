"""Static segments over HTTP: members put in, taken out, proposed; and what deletions do to them."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

from httpx import Client

from domain.customer import CustomerChange, CustomerData, customer_id_of
from tests.support.clock import machine_now
from tests.support.installation import Installation


def segment(client: Client, kind: str = "static", **more: Any) -> str:
    made = client.post("/v1/segments", json={"name": "List", "type": kind, **more})
    assert made.status_code == 201
    return str(made.json()["id"])


def customer(client: Client, name: str, **data: Any) -> str:
    return str(client.put(f"/v1/customers/{name}", json={"name": name, **data}).json()["id"])


def put_in(client: Client, into: str, *ids: str) -> dict[str, Any]:
    answered = client.post(f"/v1/segments/{into}/members", json={"customer_ids": ids})
    assert answered.status_code == 200, answered.text
    body: dict[str, Any] = answered.json()
    return body


def names(client: Client, into: str, what: str = "members", **parameters: Any) -> list[str]:
    page = client.get(f"/v1/segments/{into}/{what}", params={"limit": 200, "include": "total", **parameters})
    assert page.status_code == 200, page.text
    assert page.json()["total"] == len(page.json()["data"])
    return sorted(each["name"] for each in page.json()["data"])


def count(client: Client, of: str) -> int:
    return int(client.get(f"/v1/segments/{of}").json()["members"]["count"])


def test_members_are_added_once_and_unknown_ids_are_listed(client: Client) -> None:
    into, ana, rui = segment(client), customer(client, "ana"), customer(client, "rui")
    missing = str(uuid4())
    assert put_in(client, into, ana, missing, ana, "no id") == {
        "added": 1, "already_members": 0, "unknown": [missing, "no id"]
    }  # fmt: skip
    joined = client.get(f"/v1/segments/{into}/members").json()["data"][0]["joined_at"]
    assert put_in(client, into, ana, rui) == {"added": 1, "already_members": 1, "unknown": []}
    listed = client.get(f"/v1/segments/{into}/members").json()["data"]
    assert [each["name"] for each in listed] == ["rui", "ana"]
    assert listed[1]["joined_at"] == joined
    assert count(client, into) == 2
    assert names(client, into, query="ru") == ["rui"]
    assert put_in(client, into) == {"added": 0, "already_members": 0, "unknown": []}
    assert [each["id"] for each in client.get("/v1/customers/ana/segments").json()["data"]] == [into]


def test_a_member_is_removed_once_and_can_be_added_again(client: Client) -> None:
    into, ana = segment(client), customer(client, "ana")
    put_in(client, into, ana)
    first = client.get(f"/v1/segments/{into}/members").json()["data"][0]["joined_at"]
    assert client.delete(f"/v1/segments/{into}/members/{ana}").status_code == 204
    assert (names(client, into), count(client, into)) == ([], 0)
    for gone in (ana, str(uuid4()), "x"):
        assert client.delete(f"/v1/segments/{into}/members/{gone}").status_code == 404
    assert put_in(client, into, ana)["added"] == 1
    assert client.get(f"/v1/segments/{into}/members").json()["data"][0]["joined_at"] > first


def test_candidates_are_the_customers_who_are_not_members(client: Client) -> None:
    into = segment(client)
    ids = {name: customer(client, name) for name in ("ana", "anabela", "rui", "eva")}
    put_in(client, into, ids["ana"], ids["eva"])
    assert names(client, into, "candidates") == ["anabela", "rui"]
    assert names(client, into, "candidates", query="an") == ["anabela"]
    seen, parameters = [], {"limit": 1}
    while True:
        page = client.get(f"/v1/segments/{into}/candidates", params=parameters).json()
        seen += [each["name"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == ["rui", "anabela"]


def test_a_dynamic_segment_refuses_and_a_missing_one_is_not_found(client: Client) -> None:
    ana = customer(client, "ana")
    for into, status, code in (
        (segment(client, "dynamic"), 409, "members_are_computed"), (str(uuid4()), 404, "segment_not_found"),
    ):  # fmt: skip
        for answered in (
            client.post(f"/v1/segments/{into}/members", json={"customer_ids": [ana]}),
            client.delete(f"/v1/segments/{into}/members/{ana}"),
            client.get(f"/v1/segments/{into}/candidates"),
            client.post(f"/v1/segments/{into}/imports", files={"file": ("a.csv", b"phone\n")}),
        ):
            assert (answered.status_code, answered.json()["code"]) == (status, code)


def test_at_most_a_thousand_at_a_time(client: Client) -> None:
    into = segment(client)
    refused = client.post(f"/v1/segments/{into}/members", json={"customer_ids": [str(uuid4())] * 1_001})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/customer_ids"
    assert len(put_in(client, into, *(str(uuid4()) for _ in range(1_000)))["unknown"]) == 1_000


def test_a_deleted_customer_leaves_and_does_not_return_with_the_same_id(
    client: Client, installation: Installation
) -> None:  # fmt: skip
    into, ana, rui = segment(client), customer(client, "ana"), customer(client, "rui")
    put_in(client, into, ana, rui)
    assert client.delete("/v1/customers/ana").status_code == 204
    assert names(client, into) == ["rui"]
    assert put_in(client, into, ana)["unknown"] == [ana]
    assert customer(client, "ana") == ana
    assert (names(client, into), names(client, into, "candidates")) == (["rui"], ["ana"])
    assert put_in(client, into, ana) == {"added": 1, "already_members": 0, "unknown": []}
    assert count(client, into) == 2


def test_a_customer_deleted_and_created_again_in_one_batch_is_not_a_member(installation: Installation) -> None:
    account = installation.account()
    rollcall = installation.rollcall
    now = machine_now()
    data = CustomerData(name="Ana")
    rollcall.customers.change(account, [CustomerChange("ana", "changed", now, data)])
    into = rollcall.segments.create(account, draft()).id
    ana = customer_id_of(account, "ana")
    assert rollcall.members.add(account, into, [ana]).added == 1
    now = machine_now()
    rollcall.customers.change(
        account, [CustomerChange("ana", "deleted", now), CustomerChange("ana", "changed", now, data)]
    )
    installation.project()
    assert members_of(installation) == []
    assert rollcall.members.add(account, into, [ana]).added == 1
    installation.project()
    assert [row[1] for row in members_of(installation)] == [ana]


def test_two_concurrent_requests_that_add_the_same_customers_count_each_once(installation: Installation) -> None:
    account = installation.account()
    rollcall = installation.rollcall
    changes = [CustomerChange(f"c{n}", "changed", machine_now(), CustomerData()) for n in range(300)]
    rollcall.customers.change(account, changes)
    ids = [customer_id_of(account, f"c{n}") for n in range(300)]
    into = rollcall.segments.create(account, draft()).id
    added: list[int] = []
    together = Barrier(4)

    def add(start: int) -> None:
        together.wait()
        for chunk in range(start, start + 200, 20):
            added.append(rollcall.members.add(account, into, ids[chunk : chunk + 50]).added)

    threads = [Thread(target=add, args=(start,)) for start in (0, 0, 50, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    installation.project()
    there = {row[1] for row in members_of(installation)}
    assert sum(added) == len(there) == len(members_of(installation)) == 280
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM membership_history").fetchone() == (280,)


def draft() -> Any:
    from domain.segment import SegmentDraft

    return SegmentDraft("List")


def members_of(installation: Installation) -> list[Any]:
    with installation.owner() as owner:
        return owner.execute(
            "SELECT m.version_no, c.customer_id FROM members m JOIN customers c USING (account_id, customer_no)"
        ).fetchall()


def test_a_filter_that_names_a_static_segment_follows_its_members(client: Client) -> None:
    into, ana, rui = segment(client), customer(client, "ana"), customer(client, "rui")
    put_in(client, into, ana)
    condition = {"attribute": "segment", "operator": "in", "value": [into]}
    inside = segment(client, "dynamic", filter=[condition])
    outside = segment(client, "dynamic", filter=[condition | {"operator": "not_in"}])
    assert (names(client, inside), names(client, outside)) == (["ana"], ["rui"])
    put_in(client, into, rui)
    assert (names(client, inside), names(client, outside)) == (["ana", "rui"], [])
    client.delete(f"/v1/segments/{into}/members/{ana}").raise_for_status()
    assert (names(client, inside), names(client, outside)) == (["rui"], ["ana"])
    again = segment(client, "dynamic", filter={"not": condition})
    assert (names(client, again), count(client, again)) == (["ana"], 1)
    client.delete("/v1/customers/rui").raise_for_status()
    assert (names(client, inside), names(client, into)) == ([], [])

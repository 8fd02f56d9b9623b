"""Jobs over HTTP: which customers they are for, what they did, resumed by another runner, canceled, taken back."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from domain.commands.jobs import JobCommands
from domain.errors import Unavailable
from domain.jobs.job import JobPart, JobStep, JobTask
from tests.support.installation import Installation

CLASSES = ("changed", "unchanged", "not_found", "refused")


def people(client: Client, count: int, **more: Any) -> list[str]:
    """So many customers, called `P0` and on; their ids."""
    lines = "".join(f'{{"external_id":"p{n}","name":"P{n}","phone":"91200{n:04}"}}\n' for n in range(count))
    client.post(
        "/v1/customers/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
    ).raise_for_status()
    return [client.get(f"/v1/customers/p{n}").json()["id"] for n in range(min(count, 3))]


def begin(client: Client, action: str, **body: Any) -> str:
    answered = client.post("/v1/jobs", json={"action": action, **body})
    assert answered.status_code == 202, answered.text
    assert answered.headers["Location"] == f"/v1/jobs/{answered.json()['id']}"
    return str(answered.headers["Location"])


def ran(client: Client, installation: Installation, action: str, **body: Any) -> dict[str, Any]:
    """A job after its end; without what is zero or nothing."""
    address = begin(client, action, **body)
    installation.run_jobs()
    found = client.get(address).json()
    assert found["done"] == sum(found[each] for each in CLASSES)
    assert found["state"] != "done" or found["done"] == found["total"]
    client.get("/v1/customers", params={"min_position": found["position"]}).raise_for_status()
    return {key: value for key, value in found.items() if value not in (0, None)}


def size(client: Client, segment: str) -> int:
    return int(client.get(f"/v1/segments/{segment}").json()["members"]["count"])


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {each: found[each] for each in CLASSES if each in found}


def test_all_who_match_are_added_and_the_job_is_taken_back(
    client: Client, installation: Installation, into: str
) -> None:
    first, *_ = people(client, 2_345)
    client.post(f"/v1/segments/{into}/members", json={"customer_ids": [first]}).raise_for_status()
    found = ran(client, installation, "add", segment_id=into, customers={"text": "p"})
    assert counts(found) == {"changed": 2_344, "unchanged": 1}
    assert (found["state"], found["percent"], found["total"]) == ("done", 100, 2_345)
    assert size(client, into) == 2_345
    again = ran(client, installation, "add", segment_id=into, customers={"not_in_segment": into})
    assert (again["state"], counts(again)) == ("done", {})
    back = ran(client, installation, "take_back", position=found["position"])
    assert (back["action"], back["takes_back"], counts(back)) == ("remove", found["id"], {"changed": 2_344})
    members = client.get(f"/v1/segments/{into}/members").json()["data"]
    assert [each["id"] for each in members] == [first]
    forth = ran(client, installation, "take_back", position=back["position"])
    assert (forth["action"], counts(forth)) == ("add", {"changed": 2_344})


def test_a_list_is_emptied_as_of_one_position(client: Client, installation: Installation, into: str) -> None:
    ids = people(client, 3)
    client.post(f"/v1/segments/{into}/members", json={"customer_ids": ids}).raise_for_status()
    found = ran(client, installation, "remove", segment_id=into, customers={"in_segment": into})
    assert (counts(found), size(client, into)) == ({"changed": 3}, 0)
    position = found["position"]
    client.delete("/v1/customers/p0").raise_for_status()
    back = ran(client, installation, "take_back", position=position)
    assert (counts(back), size(client, into)) == ({"changed": 2, "not_found": 1}, 2)


def test_a_filter_and_two_segments_say_for_whom_a_job_is(client: Client, installation: Installation, into: str) -> None:
    people(client, 5)
    vip = [{"attribute": "tags", "operator": "includes_any", "value": ["vip"]}]
    dynamic = client.post("/v1/segments", json={"name": "VIP", "type": "dynamic", "filter": vip}).json()["id"]
    for n in (0, 1, 2):
        client.put(f"/v1/customers/p{n}", json={"tags": ["VIP"]}).raise_for_status()
    only = {"in_segment": dynamic, "filter": [{"attribute": "name", "operator": "not_equals", "value": "p1"}]}
    assert counts(ran(client, installation, "add", segment_id=into, customers=only)) == {"changed": 2}
    names = [each["name"] for each in client.get(f"/v1/segments/{into}/members").json()["data"]]
    assert sorted(names) == ["P0", "P2"]
    rest = {"in_segment": dynamic, "not_in_segment": into, "text": "P"}
    assert counts(ran(client, installation, "add", segment_id=into, customers=rest)) == {"changed": 1}


def test_many_are_tagged_and_a_segment_of_the_tag_follows(client: Client, installation: Installation) -> None:
    people(client, 1_200)
    filter_ = [{"attribute": "tags", "operator": "includes_any", "value": ["summer"]}]
    segment = client.post("/v1/segments", json={"name": "S", "type": "dynamic", "filter": filter_}).json()["id"]
    client.put("/v1/customers/p3", json={"tags": ["Summer"]}).raise_for_status()
    found = ran(client, installation, "tag", value="summer", customers={"text": "p"})
    assert counts(found) == {"changed": 1_199, "unchanged": 1}
    assert size(client, segment) == 1_200
    found = ran(client, installation, "untag", value="SUMMER", customers={"in_segment": segment})
    assert (counts(found), size(client, segment)) == ({"changed": 1_200}, 0)


def test_ids_that_are_no_customers_are_counted(client: Client, installation: Installation, into: str) -> None:
    ids = people(client, 2)
    asked = {"ids": [*ids, ids[0], str(uuid4()), "no id"]}
    assert counts(ran(client, installation, "add", segment_id=into, customers=asked)) == {"changed": 2, "not_found": 2}


def test_another_runner_continues_behind_what_is_done(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database becomes unavailable at each part, once before and once after it was stored."""
    people(client, 3_500)
    address = begin(client, "add", segment_id=into, customers={"text": "p"})
    real, parts = JobCommands.do_part, list[int]()

    def broken(self: JobCommands, account_id: UUID, task: JobTask, part: JobPart) -> JobStep:
        parts.append(part.number)
        if len(parts) % 3 == 1:
            raise Unavailable("database_unavailable", "unavailable before")
        step = real(self, account_id, task, part)
        if len(parts) % 3 == 2:
            raise Unavailable("database_unavailable", "unavailable after")
        return step

    monkeypatch.setattr(JobCommands, "do_part", broken)
    while (found := client.get(address).json())["state"] == "running":
        try:
            installation.run_jobs()
        except Unavailable:
            continue
    assert (parts, found["changed"], found["done"]) == ([0, 0, 1, 1, 2, 3, 3], 3_500, 3_500) or sorted(parts) == parts
    client.get("/v1/customers", params={"min_position": found["position"]}).raise_for_status()
    assert size(client, into) == found["changed"] == found["total"] == 3_500
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM job_parts").fetchone() == (0,)
        assert owner.execute("SELECT count(*), count(DISTINCT customer_no) FROM membership_history").fetchone() == (
            3_500, 3_500
        )  # fmt: skip


def test_a_canceled_job_stops_and_what_it_did_is_taken_back(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(client, 2_500)
    address = begin(client, "add", segment_id=into, customers={"text": "p"})
    real = JobCommands.do_part

    def canceled_meanwhile(self: JobCommands, account_id: UUID, task: JobTask, part: JobPart) -> JobStep:
        if part.number == 1:
            assert client.post(f"{address}/cancel").json()["state"] == "canceled"
        return real(self, account_id, task, part)

    monkeypatch.setattr(JobCommands, "do_part", canceled_meanwhile)
    installation.run_jobs()
    found = client.get(address).json()
    assert (found["state"], found["done"], found["changed"]) == ("canceled", 1_000, 1_000)
    monkeypatch.undo()
    back = ran(client, installation, "take_back", position=found["position"])
    assert (counts(back), size(client, into)) == ({"changed": 1_000}, 0)


def test_a_job_ends_with_the_segment_it_is_for(client: Client, installation: Installation, into: str) -> None:
    people(client, 3)
    address = begin(client, "add", segment_id=into, customers={"text": "p"})
    client.delete(f"/v1/segments/{into}").raise_for_status()
    installation.run_jobs()
    found = client.get(address).json()
    assert (found["state"], found["failure"]["code"]) == ("failed", "segment_deleted")


def test_a_change_that_still_runs_is_not_taken_back(client: Client, installation: Installation, into: str) -> None:
    people(client, 1)
    begin(client, "add", segment_id=into, customers={"text": "p"})
    with installation.owner() as owner:
        owner.execute("UPDATE jobs SET started_at = started_at")
    refused = client.post("/v1/jobs", json={"action": "take_back", "position": 1})
    assert (refused.status_code, refused.json()["code"]) == (404, "change_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "add", "customers": {"text": "x"}}, "field_missing"),
        ({"action": "tag", "customers": {"text": "x"}}, "field_missing"),
        ({"action": "tag", "value": "x", "position": 3, "customers": {"text": "x"}}, "field_without_use"),
        ({"action": "take_back"}, "field_missing"),
        ({"action": "tag", "value": "x", "customers": {}}, "empty_search"),
        ({"action": "tag", "value": "x", "customers": {"text": "  "}}, "empty_search"),
        ({"action": "tag", "value": "x", "customers": {"ids": ["a"], "text": "x"}}, "ids_with_search"),
        ({"action": "tag", "value": "x", "attribute": "none", "customers": {"text": "x"}}, "unknown_attribute"),
        ({"action": "tag", "value": "x", "customers": {"in_segment": str(UUID(int=7))}}, "segment_not_found"),
        (
            {"action": "tag", "value": "x", "customers": {"filter": [{"attribute": "x", "operator": "is_set"}]}},
            "unknown_attribute",
        ),
    ],
)
def test_a_job_that_says_too_little_or_too_much_is_refused(client: Client, body: dict[str, Any], code: str) -> None:
    refused = client.post("/v1/jobs", json=body)
    assert (refused.status_code, refused.json()["code"]) == (404 if code.endswith("found") else 422, code)
    assert client.get("/v1/jobs").json()["data"] == []


def test_jobs_are_listed_and_one_sent_twice_is_one(client: Client, installation: Installation, into: str) -> None:
    people(client, 2)
    body = {"action": "add", "segment_id": into, "customers": {"text": "p"}}
    first, again = (client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once"}).json() for _ in range(2))
    tagged = ran(client, installation, "tag", value="x", customers={"text": "p"})
    assert first["id"] == again["id"]
    assert [each["id"] for each in client.get("/v1/jobs?limit=1").json()["data"]] == [tagged["id"]]
    page = client.get("/v1/jobs", params={"segment_id": into, "include": "total"}).json()
    assert ([each["id"] for each in page["data"]], page["total"]) == ([first["id"]], 1)
    assert page["data"][0]["by"].startswith("key:")

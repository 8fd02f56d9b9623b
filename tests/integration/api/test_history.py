"""What was: members at an instant, joins and leaves, sizes; against what was seen when it was."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.worker import Worker
from tests.support.clock import Clock
from tests.support.installation import Installation

START = datetime(2027, 2, 27, 20, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")
pytestmark = pytest.mark.starts_at(START)
FILTERS: list[Any] = [
    [{"attribute": "seen", "operator": "in_last_hours", "value": 3}],
    {"any": [
        {"attribute": "born", "operator": "anniversary_in_period", "value": "today"},
        {"attribute": "plan", "operator": "equals", "value": "gold"},
    ]},
    [{"attribute": "plan", "operator": "not_equals", "value": "gold"}],
    [],
]  # fmt: skip


def run_until_idle(worker: Worker) -> None:
    while worker.step():
        pass


def rows(client: Client, address: str, **parameters: Any) -> list[Any]:
    """Every row of a list, page by page."""
    found: list[Any] = []
    while True:
        answered = client.get(address, params=parameters)
        assert answered.status_code == 200, answered.text
        found += answered.json()["data"]
        if answered.json()["next_cursor"] is None:
            return found
        parameters["cursor"] = answered.json()["next_cursor"]


@pytest.mark.parametrize("seed", range(2))
def test_past_members_and_sizes_are_what_was_served_then(installation: Installation, clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    account = installation.account(timezone="Europe/Lisbon")
    rollcall, people = installation.rollcall, [f"p{n}" for n in range(8)]
    for key, kind in (("plan", "text"), ("seen", "datetime"), ("born", "date")):
        rollcall.attributes.declare(account, key, kind, None)  # type: ignore[arg-type]
    segment = rollcall.segments.create(account, SegmentDraft("S", "", "dynamic", FILTERS[0])).id
    address = f"/v1/segments/{segment}/members"
    api_key = installation.key(account)

    def change(who: str) -> None:
        if chance.random() < 0.15:
            rollcall.customers.change(account, [CustomerChange(who, "deleted", clock.at)])
            people.remove(who)
            people.append(f"{who}'")
            return
        values = {
            "plan": chance.choice(["gold", "free", None]),
            "seen": (clock.at - timedelta(hours=chance.uniform(-2, 3))).isoformat(),
            "born": chance.choice(["1990-02-27", "1990-02-28", "1991-03-01", "2024-02-29"]),
        }
        rollcall.customers.change(account, [CustomerChange(who, "changed", clock.at, CustomerData(attributes=values))])

    snapshots: dict[datetime, dict[str, str]] = {}
    with installation.worker() as worker:
        run_until_idle(worker)
        with installation.open_api(api_key) as client:
            for _ in range(25):
                clock.at += timedelta(minutes=chance.randrange(10, 150), microseconds=chance.randrange(10**6))
                for who in chance.sample(people, chance.randrange(4)):
                    clock.at += timedelta(microseconds=chance.randrange(2))
                    change(who)
                if chance.random() < 0.25:
                    rollcall.segments.edit(account, segment, SegmentEdit(filter=chance.choice(FILTERS)), None)
                    if chance.random() < 0.5:
                        rollcall.segments.edit(account, segment, SegmentEdit(filter=chance.choice(FILTERS)), None)
                run_until_idle(worker)
                snapshots[clock.at] = {each["id"]: each["joined_at"] for each in rows(client, address)}
            alive = {each["id"] for each in rows(client, "/v1/customers")}
            # Of erased persons nothing is left, in no past either: a replay cannot know where they were.
            snapshots = {
                at: {who: joined for who, joined in seen.items() if who in alive} for at, seen in snapshots.items()
            }
            for at, seen in snapshots.items():
                then = rows(client, address, at=at.isoformat(), limit=2, include="total")
                assert {each["id"]: each["joined_at"] for each in then if each["id"]} == {
                    who: joined for who, joined in seen.items() if who in alive
                }
                assert sorted(each["joined_at"] for each in then) == sorted(seen.values())
                newest_first = [each["joined_at"] for each in then]
                assert newest_first == sorted(newest_first, reverse=True)
            assert rows(client, address, at=(START - timedelta(days=9)).isoformat()) == []
            _compare_sizes(client, segment, snapshots)
            _compare_days(client, segment, snapshots)
            _compare_entries(client, segment, len(snapshots[clock.at]))


def _compare_sizes(client: Client, segment: Any, snapshots: dict[datetime, dict[str, str]]) -> None:
    instants = list(snapshots)
    for first, last in pairwise(instants):
        asked: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat(), "points": 2}
        shown = client.get(f"/v1/segments/{segment}/history/sizes", params=asked).json()["data"]
        assert [each["size"] for each in shown] == [len(snapshots[first]), len(snapshots[last])]
    whole = client.get(f"/v1/segments/{segment}/history/sizes", params={"points": 500}).json()["data"]
    assert len(whole) == 500
    assert (whole[0]["size"], whole[-1]["size"]) == (0, len(snapshots[instants[-1]]))
    for shown in whole[1::50]:
        then = client.get(f"/v1/segments/{segment}/members", params={"at": shown["at"], "include": "total"}).json()
        assert shown["size"] == then["total"] == len(then["data"])


def _compare_days(client: Client, segment: Any, snapshots: dict[datetime, dict[str, str]]) -> None:
    """What joined and left by the account's calendar, and the size when each day ended."""
    entries = rows(client, f"/v1/segments/{segment}/history")
    moved = Counter((_day(each["at"]), each["joined"], each["cause"] == "edit") for each in entries)
    shown = client.get(f"/v1/segments/{segment}/history/days").json()["data"]
    assert [each["day"] for each in shown] == sorted({each["day"] for each in shown})
    assert (shown[0]["day"], shown[-1]["day"]) == (_day(START.isoformat()), _day(max(snapshots).isoformat()))
    for each in shown:
        edited = moved[each["day"], True, True], moved[each["day"], False, True]
        assert (each["joins_by_edits"], each["leaves_by_edits"]) == edited
        organic = moved[each["day"], True, False], moved[each["day"], False, False]
        assert (each["joins"] - edited[0], each["leaves"] - edited[1]) == organic
        ends = min(max(snapshots), _midnight_after(each["day"]))
        asked: dict[str, Any] = {"to": ends.isoformat(), "points": 2}
        assert (
            client.get(f"/v1/segments/{segment}/history/sizes", params=asked).json()["data"][1]["size"]
            == (each["size"])
        )
    assert client.get(f"/v1/segments/{segment}/history/days", params={"days": 1}).json()["data"] == shown[-1:]


def _day(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(LISBON).date().isoformat()


def _midnight_after(day: str) -> datetime:
    """The last microsecond of a day."""
    next_day = date.fromisoformat(day) + timedelta(days=1)
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=LISBON) - timedelta(microseconds=1)


def _compare_entries(client: Client, segment: Any, members: int) -> None:
    entries = rows(client, f"/v1/segments/{segment}/history", limit=7)
    assert [each["at"] for each in entries] == sorted((each["at"] for each in entries), reverse=True)
    assert len({str(each) for each in entries if each["customer_id"]}) == sum(
        bool(each["customer_id"]) for each in entries
    )
    assert sum(1 if each["joined"] else -1 for each in entries) == members
    assert {"change", "time", "edit"} <= {each["cause"] for each in entries}
    page = client.get(f"/v1/segments/{segment}/history", params={"include": "total"}).json()
    assert page["total"] == len(entries)


def test_an_invalid_or_future_instant_is_refused(installation: Installation, clock: Clock) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        made = client.post("/v1/segments", json={"name": "S", "type": "dynamic", "filter": []}).json()
        address = f"/v1/segments/{made['id']}"
        future = (clock.at + timedelta(seconds=1)).isoformat()
        for path, asked, pointer in (
            ("/members", {"at": future}, "/query/at"),
            ("/members", {"at": "yesterday"}, "/query/at"),
            ("/members", {"at": "2026-01-01T00:00:00"}, "/query/at"),
            ("/members", {"at": clock.at.isoformat(), "query": "x"}, "/query/query"),
            ("/history/sizes", {"to": future}, "/query/to"),
            ("/history/sizes", {"from": "x"}, "/query/from"),
            (
                "/history/sizes",
                {"from": clock.at.isoformat(), "to": START.replace(year=2026).isoformat()},
                "/query/from",
            ),
        ):
            refused = client.get(address + path, params=asked)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), refused.text
        assert client.get(f"{address}/members", params={"at": clock.at.isoformat()}).json()["data"] == []
        for path in ("/members?at=2026-01-01T00:00:00Z", "/history", "/history/sizes"):
            assert client.get(f"/v1/segments/{uuid4()}{path}").status_code == 404


def test_the_history_of_a_static_segment(installation: Installation, clock: Clock) -> None:
    account = installation.account()
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        segment = client.post("/v1/segments", json={"name": "List", "type": "static"}).json()["id"]
        ana = client.put("/v1/customers/ana", json={}).json()["id"]
        clock.at += timedelta(minutes=1)
        client.post(f"/v1/segments/{segment}/members", json={"customer_ids": [ana]}).raise_for_status()
        joined = client.get(f"/v1/segments/{segment}/customers/{ana}/explanation").json()
        clock.at += timedelta(minutes=1)
        client.delete(f"/v1/segments/{segment}/members/{ana}").raise_for_status()
        entries = rows(client, f"/v1/segments/{segment}/history")
        assert [(each["joined"], each["external_id"]) for each in entries] == [(False, "ana"), (True, "ana")]
        assert (joined["member"], joined["cause"]["event"]) == (True, entries[1]["position"])
        assert joined["cause"]["type"] == entries[1]["cause"] != "change"
        for minutes, members in ((0, []), (1, [ana]), (2, [])):
            then = (START + timedelta(minutes=minutes)).isoformat()
            assert [each["id"] for each in rows(client, f"/v1/segments/{segment}/members", at=then)] == members

"""The real command on a rehearsed clock, some seconds before something is due: it happens by itself, in time.

The naive oracle says what must happen; the exact instants are those at which a day begins in the account's
zone, or at which an instant has reached its age.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from tests.support.installation import Installation
from tests.support.oracles.time import DAY, first_instant, moving_is_true
from tests.support.running_product import RunningProduct, eventually, running

LEADS = (10, 25, 60, 180)
TYPES = {"born": "date", "ends": "date", "seen": "datetime"}
CONDITIONS: list[tuple[str, str, Any]] = [
    ("ends", "in_period", "today"),
    ("ends", "in_period", "this_month"),
    ("ends", "in_period", "last_year"),
    ("ends", "in_last_days", 1),
    ("ends", "in_next_days", 2),
    ("ends", "more_than_days_ago", 1),
    ("born", "anniversary_in_period", "today"),
    ("born", "anniversary_in_period", "this_week"),
    ("born", "anniversary_in_next_days", 1),
    ("seen", "in_period", "yesterday"),
    ("seen", "in_last_hours", 2),
    ("seen", "in_next_hours", 30),
    ("seen", "more_than_days_ahead", 1),
]


# When, after the instant of a case, the only order is 24 hours old.
FALLS_OUT = timedelta(seconds=3, microseconds=7)
ORDERED = [
    {"activity": "ordered", "aggregate": "count", "window": {"last_hours": 24}, "operator": "at_least", "value": 1}
]


class Case(NamedTuple):
    """An account's zone, and the instant before which it starts: when a day begins there, or the clocks change."""

    zone: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.zone} {self.at:%Y-%m-%dT%H:%M}"


def midnight(zone: str, year: int, month: int, day: int) -> Case:
    return Case(zone, first_instant(date(year, month, day), ZoneInfo(zone)))


def utc(zone: str, *parts: int) -> Case:
    return Case(zone, datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


LISBON, NEW_YORK, APIA = "Europe/Lisbon", "America/New_York", "Pacific/Apia"
LORD_HOWE, KOLKATA = "Australia/Lord_Howe", "Asia/Kolkata"
FULL = [
    midnight(LISBON, 2028, 2, 29), midnight(LISBON, 2028, 1, 1), midnight(NEW_YORK, 2027, 3, 1),
    midnight(NEW_YORK, 2027, 6, 1), midnight(APIA, 2028, 2, 29), midnight(APIA, 2027, 1, 1),
    midnight(LORD_HOWE, 2027, 3, 1), midnight(LORD_HOWE, 2027, 10, 1), midnight(KOLKATA, 2028, 3, 1),
    midnight(KOLKATA, 2027, 1, 1),
    utc(LISBON, 2027, 3, 28, 1), utc(LISBON, 2027, 10, 31, 1), utc(NEW_YORK, 2027, 3, 14, 7),
    utc(NEW_YORK, 2027, 11, 7, 6), utc(LORD_HOWE, 2027, 4, 3, 15), utc(LORD_HOWE, 2027, 10, 2, 15, 30),
    # The day of a change is 23 or 25 hours long: the midnight that ends it.
    midnight(LISBON, 2027, 3, 29), midnight(NEW_YORK, 2027, 11, 8),
]  # fmt: skip


def people(case: Case) -> dict[str, dict[str, Any]]:
    """Customers around the instant: everything that can fall due does so at it, or some seconds later."""
    today = (case.at + timedelta(hours=1)).astimezone(ZoneInfo(case.zone)).date()
    found: dict[str, dict[str, Any]] = {}
    for days in (-2, -1, 0, 1, 2, 3):
        day = today + days * DAY
        found[f"d{days}"] = {"ends": day.isoformat(), "born": f"199{0 if day.day < 29 else 2}-{day:%m-%d}"}
    found["leapling"] = {"born": "1992-02-29", "ends": today.replace(year=today.year - 1, day=28).isoformat()}
    for number, hours in enumerate((-2, -24, 24, 30, 0)):
        instant = case.at + timedelta(hours=hours, seconds=number / 2, microseconds=number)
        found[f"i{number}"] = {"seen": instant.isoformat()}
    return found


def holds(condition: tuple[str, str, Any], values: dict[str, Any], now: datetime, zone: ZoneInfo) -> bool:
    key, operator, operand = condition
    if key not in values:
        return False
    read = datetime.fromisoformat if TYPES[key] == "datetime" else date.fromisoformat
    return moving_is_true(TYPES[key], operator, operand, read(values[key]), now, zone)


def transitions(case: Case, values: dict[str, Any], condition: tuple[str, str, Any]) -> list[tuple[datetime, bool]]:
    """When, from a second before the instant to three seconds later, membership changes, and to what."""
    zone = ZoneInfo(case.zone)
    edges = {case.at}
    if "seen" in values:
        seen = datetime.fromisoformat(values["seen"])
        edges |= {seen + sign * timedelta(hours=hours) for hours in (0, 2, 24, 30) for sign in (1, -1)}
    tick = timedelta(microseconds=1)
    return [
        (edge, holds(condition, values, edge, zone))
        for edge in sorted(edges)
        if timedelta(-1) < edge - case.at < timedelta(seconds=3) and edge >= case.at
        and holds(condition, values, edge - tick, zone) != holds(condition, values, edge, zone)
    ]  # fmt: skip


@dataclass
class Prepared:
    """A running installation with the customers and segments of a case; what time it is there."""

    running: RunningProduct
    segments: dict[int, dict[str, Any]]
    people: dict[str, Any]
    offset: timedelta
    zone: str
    started: datetime
    # Who ordered in the last 24 hours: one customer, whose order is that old shortly after the instant.
    ordered: dict[str, Any]

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def prepare(out: RunningProduct, case: Case, values: dict[str, dict[str, Any]]) -> Prepared:
    for key, kind in TYPES.items():
        out.ok("PUT", f"/v1/attributes/{key}", json={"type": kind})
    made = {who: out.ok("PUT", f"/v1/customers/{who}", json={"attributes": each}) for who, each in values.items()}
    asked = datetime.now(UTC)
    created = datetime.fromisoformat(out.ok("PUT", "/v1/customers/clock", json={})["created_at"])
    offset = created - asked
    segments = {}
    for place, (key, operator, operand) in enumerate(CONDITIONS):
        node = [{"attribute": key, "operator": operator, "value": operand}]
        body = {"name": f"s{place}", "type": "dynamic", "filter": node}
        segments[place] = out.ok("POST", "/v1/segments", json=body)
    order = {"external_id": "d0", "name": "ordered", "id": "1", "time": (case.at + FALLS_OUT - DAY).isoformat()}
    out.ok("POST", "/v1/activities", content=json.dumps(order), headers={"Content-Type": "application/x-ndjson"})
    ordered = out.ok("POST", "/v1/segments", json={"name": "ordered", "type": "dynamic", "filter": ORDERED})
    # Or it is too late, and a longer time is tried.
    eventually(lambda: list(members(out, ordered)) == ["d0"] or datetime.now(UTC) + offset >= case.at)
    first = min(instant(each["created_at"]) for each in made.values())
    return Prepared(out, segments, made, offset, case.zone, first, ordered)


@contextmanager
def prepared_before(case: Case, values: dict[str, dict[str, Any]], homes: Path) -> Iterator[Prepared]:
    """An installation that knows everything some seconds before the instant; a slow machine is given longer for it."""
    for lead in LEADS:
        with running(homes / f"{lead}", **settings(case.zone, case.at - timedelta(seconds=lead))) as out:
            prepared = prepare(out, case, values)
            if prepared.now() < case.at:
                yield prepared
                return
    pytest.fail(f"this machine was not ready in {LEADS} seconds")


def entries(out: RunningProduct, segment: Any) -> list[tuple[str, datetime, bool, str]]:
    found = out.pages(f"/v1/segments/{segment['id']}/history")
    return sorted((each["external_id"], instant(each["at"]), each["joined"], each["cause"]) for each in found)


def members(out: RunningProduct, segment: Any) -> dict[str, datetime]:
    """Since when who is in a segment."""
    found = out.pages(f"/v1/segments/{segment['id']}/members")
    return {each["external_id"]: instant(each["joined_at"]) for each in found}


instant = datetime.fromisoformat


@pytest.mark.full
@pytest.mark.parametrize("case", FULL, ids=str)
def test_customers_join_and_leave_at_their_instant_without_any_change(case: Case, tmp_path: Path) -> None:
    with prepared_before(case, people(case), tmp_path) as prepared:
        join_and_leave_at_the_instant(case, people(case), prepared)


def join_and_leave_at_the_instant(case: Case, values: dict[str, dict[str, Any]], prepared: Prepared) -> None:
    wanted = {
        (place, who): found
        for place, condition in enumerate(CONDITIONS)
        for who, each in values.items()
        if (found := transitions(case, each, condition))
    }
    assert {joined for found in wanted.values() for _, joined in found} == {True, False}
    out, left = prepared.running, (case.at - prepared.now()).total_seconds()
    late = [lateness(prepared, place, who, found[-1]) for (place, who), found in in_order(wanted)]
    print(f"{case}: {len(late)} transitions, seen late by {max(late):.3f} s at most; started {left:.1f} s early")
    for place, segment in prepared.segments.items():
        by_time = [each[:3] for each in entries(out, segment) if each[3] == "time"]
        assert by_time == sorted(
            (who, at, joined) for (each, who), found in wanted.items() if each == place for at, joined in found
        )
        joined = members(out, segment)
        for who, found in ((who, found) for (each, who), found in wanted.items() if each == place):
            assert joined.get(who) == (found[-1][0] if found[-1][1] else None)

    order_falls_out(case, prepared)


def order_falls_out(case: Case, prepared: Prepared) -> None:
    out, at = prepared.running, case.at + FALLS_OUT
    time.sleep(max((at - prepared.now()).total_seconds(), 0))
    eventually(lambda: not members(out, prepared.ordered), 10)
    print(f"{case}: an order falls out of 24 hours, seen by {(prepared.now() - at).total_seconds():.3f} s later")
    assert [each[1:] for each in entries(out, prepared.ordered) if each[3] == "time"] == [(at, False, "time")]


def in_order(wanted: dict[tuple[int, str], list[tuple[datetime, bool]]]) -> list[Any]:
    return sorted(wanted.items(), key=lambda each: each[1][-1])


def lateness(prepared: Prepared, place: int, who: str, flip: tuple[datetime, bool]) -> float:
    """Seconds from a flip's instant until it is seen, as of the first look after it; 0 where it was in time."""
    at, joined = flip
    address = f"/v1/segments/{prepared.segments[place]['id']}/customers/{prepared.people[who]['id']}/explanation"
    while prepared.now() < at:
        time.sleep(min(0.02, max((at - prepared.now()).total_seconds(), 0)))
    deadline = prepared.now() + timedelta(seconds=10)
    looked = prepared.now()
    while prepared.running.ok("GET", address)["member"] != joined:
        assert prepared.now() < deadline, (CONDITIONS[place], who, flip)
        looked = prepared.now()
    # If the first look finds it, it is not known how long it took: it counts as in time.
    return (looked - at).total_seconds()


def settings(zone: str, start: datetime) -> dict[str, str]:
    return {
        "ROLLCALL_BOOTSTRAP_TIMEZONE": zone,
        "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": "none",
        "ROLLCALL_CLOCK_START": start.isoformat(),
    }


@pytest.mark.parametrize(
    "case", [midnight(LISBON, 2027, 2, 28), pytest.param(midnight(APIA, 2028, 2, 28), marks=pytest.mark.full)], ids=str
)
def test_they_do_so_in_time_and_after_two_days_of_downtime_all_is_as_without_it(
    case: Case, tmp_path: Path, installation: Installation
) -> None:
    later = case.at + timedelta(days=2, hours=1, minutes=7)
    values = people(case)
    for number in range(20):
        values[f"r{number}"] = {"seen": (case.at + timedelta(hours=number * 1.7 - 10, microseconds=number)).isoformat()}
    with prepared_before(case, values, tmp_path) as prepared:
        join_and_leave_at_the_instant(case, values, prepared)
    through = run_through(installation, prepared, values, later)
    with running(prepared.running.home, **settings(case.zone, later)) as out:
        last = max(at for found in through.values() for _, at, _, _ in found[0])
        assert case.at + timedelta(days=2) <= last < later

        def caught_up() -> bool:
            return all(len(entries(out, prepared.segments[place])) >= len(through[place][0]) for place in through)

        eventually(caught_up, 30)
        for place, segment in prepared.segments.items():
            assert (entries(out, segment), members(out, segment)) == through[place]


def run_through(
    installation: Installation, prepared: Prepared, values: dict[str, Any], end: datetime
) -> dict[int, Any]:
    """Entries and members of the same segments of the same customers in a system that never stopped."""
    clock = [prepared.started]
    installation.now = installation.rollcall.log.now = installation._spanning.log.now = lambda: clock[0]
    rollcall, account = installation.rollcall, installation.account(timezone=prepared.zone)
    key = installation.key(account)
    for name, kind in TYPES.items():
        rollcall.attributes.declare(account, name, kind, None)  # type: ignore[arg-type]
    for who, made in prepared.people.items():
        clock[0] = instant(made["created_at"])
        change = CustomerChange(who, "changed", clock[0], CustomerData(attributes=values[who]))
        rollcall.customers.change(account, [change])
    ids = {}
    for place, made in prepared.segments.items():
        clock[0] = instant(made["created_at"])
        draft = SegmentDraft(made["name"], "", "dynamic", made["filter"])
        ids[place] = {"id": rollcall.segments.create(account, draft).id}
    with installation.worker() as worker:
        while clock[0] < end:
            clock[0] = min(clock[0] + timedelta(minutes=50), end)
            while worker.step():
                pass
    with installation.open_api(key) as client:
        out = Inside(client)
        return {place: (entries(out, each), members(out, each)) for place, each in ids.items()}


class Inside(RunningProduct):
    """The same questions to an installation in this process."""

    def __init__(self, client: Client) -> None:
        self.http = client

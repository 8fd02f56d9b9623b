"""Membership follows time by itself: a simulated clock, random zones and filters, against the naive oracle.

At every hour each membership is what the oracle says, and in the end the history holds every transition
once, at its exact instant, as found by trying every instant at which anything can change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.model import time_steps
from projections.worker.verify import verify
from tests.support.clock import Clock
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.oracles.time import DAY, first_instant, moving_is_true

ZONES = ["Europe/Lisbon", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe"]
STARTS = {
    "leap day": datetime(2028, 2, 27, 6, 30, tzinfo=UTC),
    "new year": datetime(2026, 12, 30, 6, 30, tzinfo=UTC),
    "clock change": datetime(2026, 10, 3, 6, 30, tzinfo=UTC),
}
# Each zone, each start, and the only one of these zones whose clocks change then.
CASES = [
    ("leap day", "Europe/Lisbon"),
    ("leap day", "Pacific/Apia"),
    ("new year", "America/New_York"),
    ("new year", "Asia/Kolkata"),
    ("clock change", "Australia/Lord_Howe"),
]
DAYS = 3
PERIODS = [
    "today",
    "yesterday",
    "tomorrow",
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "next_month",
    "this_year",
]
BY_DAYS = ["in_last_days", "in_next_days", "more_than_days_ago", "more_than_days_ahead"]
TYPES = {"born": "date", "ends": "date", "seen": "datetime", "plan": "text"}


@dataclass
class SentValues:
    """Each customer's values from an instant on, for the oracle."""

    values: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=dict)

    def at(self, who: str, now: datetime) -> dict[str, Any] | None:
        sent_so_far = [values for since, values in self.values.get(who, []) if since <= now]
        return sent_so_far[-1] if sent_so_far else None


def condition(chance: random.Random) -> dict[str, Any]:
    key = chance.choice(["born", "ends", "seen", "seen"])
    common: list[tuple[str, Any]] = [
        ("in_period", chance.choice(PERIODS)),
        ("month_is", [chance.randrange(1, 13)]),
        ("anniversary_in_period", chance.choice(["today", "tomorrow", "this_week", "this_month", "next_month"])),
        ("anniversary_in_last_days", chance.choice([0, 1, 3, 200, 365])),
        ("anniversary_in_next_days", chance.choice([0, 1, 3, 200, 365])),
    ]
    if key == "seen":
        own = [
            ("in_last_hours", chance.choice([1, 5, 30])),
            ("in_next_hours", chance.choice([1, 5, 30])),
            ("in_last_days", chance.choice([1, 2])),
            ("in_next_days", chance.choice([1, 2])),
            ("more_than_days_ago", chance.choice([0, 1])),
            ("more_than_days_ahead", chance.choice([0, 1])),
        ]
    else:
        own = [(name, chance.choice([0, 1, 2, 30])) for name in BY_DAYS]
    operator, value = chance.choice(common + own * 2)
    return {"attribute": key, "operator": operator, "value": value}


def a_filter(chance: random.Random) -> Any:
    leaves: list[Any] = [condition(chance) for _ in range(chance.choice([1, 1, 2, 3]))]
    if chance.random() < 0.3:
        leaves.append({"attribute": "plan", "operator": "equals", "value": "pro"})
    leaves = [{"not": leaf} if chance.random() < 0.2 else leaf for leaf in leaves]
    shape = chance.choice(["all", "any", "nested"])
    if shape == "nested" and len(leaves) > 2:
        return {"any": [{"all": leaves[:2]}, *leaves[2:]]}
    return {shape if shape != "nested" else "all": leaves}


def holds(node: Any, values: dict[str, Any] | None, now: datetime, zone: ZoneInfo) -> bool:
    if values is None:
        return False
    if "all" in node:
        return all(holds(each, values, now, zone) for each in node["all"])
    if "any" in node:
        return any(holds(each, values, now, zone) for each in node["any"])
    if "not" in node:
        return not holds(node["not"], values, now, zone)
    value = values.get(node["attribute"])
    if value is None:
        return False
    if node["attribute"] == "plan":
        return bool(value == node["value"])
    kind = TYPES[node["attribute"]]
    value = date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value)
    return moving_is_true(kind, node["operator"], node["value"], value, now, zone)


def some_values(chance: random.Random, near: datetime) -> dict[str, Any]:
    day = near.date()
    year = chance.choice([1990, 2000, 2026, 2027])
    distance = chance.randrange(-33, 34) if chance.random() < 0.5 else chance.randrange(-3, 4)
    later = timedelta(
        hours=chance.randrange(-60, 100), seconds=chance.randrange(3600), microseconds=chance.choice([0, 1, 999_999])
    )
    values = {
        "born": (day.replace(year=year, day=min(day.day, 28)) + chance.randrange(-3, 5) * DAY).isoformat(),
        "ends": (day + distance * DAY).isoformat(),
        "seen": (near + later).isoformat(),
        "plan": chance.choice(["pro", "free"]),
    }
    if chance.random() < 0.1:
        values["born"] = chance.choice(["2000-02-29", "2024-02-29", "2028-02-29"])
    return {key: value for key, value in values.items() if chance.random() < 0.85}


def edges(values: dict[str, Any], start: datetime, end: datetime, zone: ZoneInfo) -> set[datetime]:
    """Every instant at which anything about these values can change."""
    found = set()
    if "seen" in values:
        seen = datetime.fromisoformat(values["seen"])
        found |= {seen + sign * timedelta(hours=hours) for hours in (0, 1, 5, 24, 30, 48) for sign in (1, -1)}
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        found.add(first_instant(day, zone))
        day += DAY
    return {each for each in found if start < each <= end}


@pytest.mark.parametrize(("start", "zone_name"), product(STARTS, ZONES) if FULL_SIZE else CASES)
def test_members_change_as_time_passes(
    database_url: str, zone_name: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However few flip when a day begins, SQL evaluates them: the others are evaluated one by one anyway.
    monkeypatch.setattr(time_steps, "SET_BASED_FROM", 0)
    _live(database_url, zone_name, STARTS[start], DAYS, segments=20, crowd=25, changes=1.0)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(not FULL_SIZE, reason="a leap year by the hour takes minutes: FULL_SIZE=1")
@pytest.mark.parametrize("zone_name", ZONES)
def test_members_follow_a_whole_leap_year_hour_by_hour(database_url: str, zone_name: str) -> None:
    _live(database_url, zone_name, datetime(2028, 1, 1, tzinfo=UTC), 366, segments=10, crowd=12, changes=0.1)


def _live(
    database_url: str, zone_name: str, start: datetime, days: int, *, segments: int, crowd: int, changes: float
) -> None:
    """Let a crowd and some segments live for some days, with about `changes` changes an hour, and compare."""
    chance = random.Random(f"{zone_name} {start}")
    zone, clock, sent = ZoneInfo(zone_name), Clock(start), SentValues()
    installation = Installation(database_url, clock.now)
    account = installation.account(timezone=zone_name)
    for key, kind in TYPES.items():
        installation.rollcall.attributes.declare(account, key, kind, None)  # type: ignore[arg-type]
    filters = [a_filter(chance) for _ in range(segments)]
    people = [f"p{number}" for number in range(crowd)]
    with installation.worker() as worker:

        def drain() -> None:
            while worker.step():
                pass

        def change(who: str) -> None:
            values = some_values(chance, clock.at)
            body = dict.fromkeys(TYPES) | values
            data = CustomerData(attributes=body)
            installation.rollcall.customers.change(account, [CustomerChange(who, "changed", clock.at, data)])
            sent.values.setdefault(who, []).append((clock.at, values))

        for who in people[: crowd * 2 // 3]:
            change(who)
        ids = [
            installation.rollcall.segments.create(account, SegmentDraft(f"s{number}", "", "dynamic", raw)).id
            for number, raw in enumerate(filters)
        ]
        drain()
        born, end = clock.at, clock.at + days * DAY
        while clock.at < end:
            clock.at += timedelta(hours=1)
            if chance.random() < 0.9:
                drain()
                _compare(installation, account, ids, filters, people, sent, clock.at, zone)
            worker.chunk_size = chance.choice([None, 1, 2, 3])
            for _ in range(chance.randrange(3) if chance.random() < changes else 0):
                clock.at += timedelta(microseconds=1)
                change(chance.choice(people))
                # Time may have passed for some customers only.
                _ = worker.append_time_passed(), worker.project_events(), worker.pass_time()
        drain()
        _compare(installation, account, ids, filters, people, sent, clock.at, zone)
        _compare_history(installation, ids, filters, people, sent, born, clock.at, zone)
    assert list(verify(database_url)) == []
    installation.close()


def _members(installation: Installation, ids: list[UUID]) -> list[set[str]]:
    with installation.owner() as owner:
        rows = owner.execute(
            "SELECT s.segment_id, c.attributes->>'external_id' FROM segments s"
            " JOIN members m ON m.version_no = s.serving JOIN customers c USING (customer_no)"
        ).fetchall()
    return [{who for segment_id, who in rows if segment_id == each} for each in ids]


def _compare(
    installation: Installation,
    account: UUID,
    ids: list[UUID],
    filters: list[Any],
    people: list[str],
    sent: SentValues,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    for raw, found in zip(filters, _members(installation, ids), strict=True):
        wanted = {who for who in people if holds(raw, sent.at(who, now), now, zone)}
        assert found == wanted, (now, raw, found ^ wanted, {who: sent.at(who, now) for who in found ^ wanted})


def _compare_history(
    installation: Installation,
    ids: list[UUID],
    filters: list[Any],
    people: list[str],
    sent: SentValues,
    born: datetime,
    end: datetime,
    zone: ZoneInfo,
) -> None:
    with installation.owner() as owner:
        rows = owner.execute(
            "SELECT s.segment_id, c.attributes->>'external_id', h.at, h.joined FROM membership_history h"
            " JOIN segments s ON s.serving = h.version_no JOIN customers c USING (customer_no)"
        ).fetchall()
    found = sorted((str(segment_id), who, at, joined) for segment_id, who, at, joined in rows)
    wanted = []
    for segment_id, raw in zip(ids, filters, strict=True):
        for who in people:
            member = False
            changes = {since for since, _ in sent.values.get(who, [])}
            instants = {born} | {each for each in changes if each > born}
            for _, values in sent.values.get(who, []):
                instants |= edges(values, born, end, zone)
            for instant in sorted(instants):
                now = holds(raw, sent.at(who, instant), instant, zone)
                if now != member:
                    wanted.append((str(segment_id), who, instant, now))
                    member = now
    assert found == sorted(wanted)

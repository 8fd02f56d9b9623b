"""Segments by what people do follow facts and time exactly: random facts and questions against the naive oracle.

Facts are late, repeated, ahead of the clock, at the very edge of a window, or lack what is asked for. At each look
every membership is what the oracle says, and in the end the history holds each transition once, at its exact instant.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerChange
from domain.segment import SegmentDraft
from projections.model import time_steps
from projections.model.behaviour import values
from projections.model.predicates import measures
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.property.behaviour.questions import COMPUTED, NAMES, SPANS, a_definition, a_filter, some_properties
from tests.support.clock import Clock
from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.oracles.behaviour import Fact, holds, measured
from tests.support.oracles.sharing import divide_early, drain_together, part_taker
from tests.support.oracles.time import DAY, first_instant
from tests.support.read_model import COUNTS, read_model

# Each with whether activities count only for some days, which are changed on the way.
CASES = [
    ("Europe/Lisbon", datetime(2026, 10, 24, 6, 30, tzinfo=UTC), False),
    ("Europe/Lisbon", datetime(2026, 10, 24, 6, 30, tzinfo=UTC), True),
    ("America/New_York", datetime(2026, 12, 30, 6, 30, tzinfo=UTC), False),
    ("Pacific/Apia", datetime(2028, 2, 27, 6, 30, tzinfo=UTC), True),
]
DAYS, PEOPLE, SEGMENTS = (35, 2_000, 50) if FULL_SIZE else (4, 14, 24)
LOOKS = 8  # in a day


class Story:
    """People who do things while time passes, and the segments that ask about it."""

    def __init__(self, database_url: str, zone: str, start: datetime, chance: random.Random) -> None:
        self.chance, self.start, self.zone, self.clock = chance, start, ZoneInfo(zone), Clock(start)
        self.installation = Installation(database_url, self.clock.now)
        self.account = self.installation.account(timezone=zone)
        self.facts: dict[str, list[Fact]] = defaultdict(list)
        self.sent: list[CustomerChange] = []
        self.people = [f"p{number}" for number in range(PEOPLE)]
        for name in NAMES:  # every property has a type before it is asked for
            every = {"total": 1, "product": "hat", "gift": True, "tags": ["a"], "due": "2026-01-01"}
            self._record("p0", name, start - 400 * DAY, every)
        for who in self.people:  # a fact of somebody unknown is two events, of which the first creates them
            self._record(who, NAMES[0], start - 400 * DAY, {})
        # The definitions of each computed attribute, each since an instant.
        self.definitions: dict[str, list[tuple[datetime, dict[str, Any]]]] = defaultdict(list)
        for name in COMPUTED:
            self.define(name)
        self.filters: list[Any] = []
        self.ids: list[UUID] = []
        self.asked_at: list[datetime] = []
        # How long activities counted, since which instant.
        self.kept: list[tuple[datetime, timedelta | None]] = []

    def keep(self, days: int | None) -> None:
        """Let activities count for so many days; every question is asked anew."""
        self.installation.rollcall.accounts.keep_activities(self.account, days)
        self.kept.append((self.clock.at, None if days is None else days * DAY))

    def counting(self, who: str, now: datetime) -> list[Fact]:
        """What somebody did that is known and counts at an instant: nothing that was too old when that changed."""
        known = [fact for fact in self.facts[who] if fact.known <= now]
        kept = None
        for at, days in (*((at, days) for at, days in self.kept if at <= now), (now, None)):
            known = [fact for fact in known if kept is None or fact.known > at or fact.time > at - kept]
            kept = days
        return known

    def define(self, name: str) -> None:
        """Give a computed attribute a definition, the first one or another."""
        definition = a_definition(self.chance, self.start, COMPUTED[name])
        self.installation.rollcall.attributes.compute(self.account, name, definition, None)
        self.definitions[name].append((self.clock.at, definition))

    def written_out(self, node: Any, instant: datetime) -> Any:
        """A filter with the definitions that computed attributes have at an instant."""
        if "attribute" in node:
            known = [definition for since, definition in self.definitions[node["attribute"]] if since <= instant]
            return known[-1] | node
        if "activity" in node:
            return node
        ((word, inner),) = node.items()
        several = isinstance(inner, list)
        return {
            word: [self.written_out(each, instant) for each in inner] if several else self.written_out(inner, instant)
        }

    def ask(self, count: int) -> None:
        for _ in range(count):
            raw = a_filter(self.chance, self.start)
            draft = SegmentDraft(f"s{len(self.ids)}", "", "dynamic", raw)
            self.ids.append(self.installation.rollcall.segments.create(self.account, draft).id)
            self.filters.append(raw)
            self.asked_at.append(self.clock.at)

    def forget(self) -> None:
        """Delete one segment; what only it asked is known no longer."""
        place = self.chance.randrange(len(self.ids))
        self.installation.rollcall.segments.delete(self.account, self.ids.pop(place), None)
        del self.filters[place], self.asked_at[place]

    def act(self) -> None:
        chance, now = self.chance, self.clock.at
        if self.sent and chance.random() < 0.1:
            self.installation.rollcall.customers.change(self.account, [chance.choice(self.sent)])
            return
        late = chance.choice([
            timedelta(0), timedelta(0), timedelta(minutes=-3), timedelta(hours=chance.randrange(60)),
            chance.choice(SPANS), chance.choice(SPANS) - timedelta(microseconds=1),
            timedelta(days=chance.randrange(50)),
        ])  # fmt: skip
        self._record(chance.choice(self.people), chance.choice(NAMES), now - late, some_properties(chance, now))

    def _record(self, who: str, name: str, time: datetime, properties: dict[str, Any]) -> None:
        activity = Activity(name, properties)
        change = CustomerChange(who, "activity", time, None, "/shop", f"f{len(self.sent)}", activity=activity)
        self.installation.rollcall.customers.change(self.account, [change])
        self.sent.append(change)
        self.facts[who].append(Fact(self.clock.at, time, name, properties))

    def compare(self) -> None:
        with self.installation.owner() as owner:
            rows = owner.execute(
                "SELECT s.segment_id, c.attributes->>'external_id' FROM segments s"
                " JOIN members m ON m.version_no = s.serving JOIN customers c USING (customer_no)"
            ).fetchall()
        found_by_segment = defaultdict[UUID, set[str]](set)
        for segment_id, who in rows:
            found_by_segment[segment_id].add(who)
        counting = {who: self.counting(who, self.clock.at) for who in self.people if self.facts[who]}
        for segment_id, raw in zip(self.ids, self.filters, strict=True):
            found = found_by_segment[segment_id]
            wanted = self.members(raw, counting)
            assert found == wanted, (self.clock.at, raw, {who: self.facts[who] for who in found ^ wanted})

    def members(self, raw: Any, counting: dict[str, list[Fact]]) -> set[str]:
        """Who fits a filter now, by what each of them did that counts."""
        now = self.clock.at
        asked = self.written_out(raw, now)
        return {who for who, facts in counting.items() if holds(asked, facts, now, self.zone)}

    def compare_shown(self) -> None:
        """Every customer is shown with the value that each computed attribute has now."""
        with self.installation.owner() as owner:
            rows = owner.execute(
                "SELECT attributes->>'external_id', with_computed(account_id, customer_no, attributes)::text"
                " FROM customers"
            ).fetchall()
        for who, text in rows:
            shown = json.loads(text, parse_float=Decimal)
            for name, known in self.definitions.items():
                wanted = measured(known[-1][1], self.counting(who, self.clock.at), self.clock.at, self.zone)
                found = shown.get(name)
                if COMPUTED[name] == "datetime":
                    found = None if found is None else datetime.fromisoformat(found)
                elif wanted is not None:
                    exact = wanted if isinstance(wanted, Fraction) else Fraction(Decimal(str(wanted)))
                    found, wanted = Fraction(found), round(exact, 6)
                assert found == wanted, (self.clock.at, name, known[-1][1], self.facts[who])

    def define_in_mid_fill(self) -> None:
        """Other definitions, and facts, while the one before is being filled; then another worker."""
        for _ in range(4):
            for _ in range(3):
                self.define(self.chance.choice(list(COMPUTED)))
                with self.installation.worker() as worker:
                    worker.chunk_size = 1
                    self.clock.at += timedelta(minutes=self.chance.randrange(90))
                    self.act()
                    _ = [worker.step() for _ in range(self.chance.randrange(6))]
            with self.installation.worker() as worker:
                while worker.step():
                    pass
            self.compare()
            self.compare_shown()

    def compare_history(self, born: datetime) -> None:
        with self.installation.owner() as owner:
            rows = owner.execute(
                "SELECT s.segment_id, c.attributes->>'external_id', h.at, h.joined FROM membership_history h"
                " JOIN segment_versions v USING (version_no) JOIN segments s USING (segment_no)"
                f" JOIN customers c USING (customer_no) WHERE {COUNTS}"
            ).fetchall()
        found = sorted((str(segment_id), who, at, joined) for segment_id, who, at, joined in rows)
        wanted = []
        for who in self.people:
            instants = sorted(self._instants(who, born))
            for segment_id, raw, asked_at in zip(self.ids, self.filters, self.asked_at, strict=True):
                member = False
                for instant in (each for each in instants if each >= asked_at):
                    known = any(fact.known <= instant for fact in self.facts[who])
                    now = known and holds(
                        self.written_out(raw, instant), self.counting(who, instant), instant, self.zone
                    )
                    if now != member:
                        wanted.append((str(segment_id), who, instant, now))
                        member = now
        assert found == sorted(wanted)

    def _instants(self, who: str, born: datetime) -> set[datetime]:
        """Every instant at which anything about somebody can change."""
        found = {
            born,
            *self.asked_at,
            *(at for at, _ in self.kept),
            *(since for known in self.definitions.values() for since, _ in known),
        }
        spans = [*SPANS, timedelta(hours=5), timedelta(0), *(kept for _, kept in self.kept if kept is not None)]
        for fact in self.facts[who]:
            found |= {fact.known} | {fact.time + span for span in spans}
        day = born.astimezone(self.zone).date()
        while day <= self.clock.at.astimezone(self.zone).date():
            found.add(first_instant(day, self.zone))
            day += DAY
        return {each for each in found if born <= each <= self.clock.at}


@pytest.mark.timeout(7_200 if FULL_SIZE else 300)
@pytest.mark.parametrize(("zone", "start", "forgets"), CASES if FULL_SIZE else CASES[:2])
def test_members_follow_what_people_do_and_each_window_lets_go_at_its_instant(
    database_url: str, zone: str, start: datetime, forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(f"behaviour {zone} {forgets}")
    story = Story(database_url, zone, start, chance)
    installation = story.installation
    with installation.worker() as worker, part_taker(installation.url, installation._spanning) as other:
        divide_early(worker, size=PEOPLE // 7)
        worker.reader.batch_size = worker.batch_size = PEOPLE // 2
        drain = partial(drain_together, worker, other)
        for _ in range(PEOPLE * 3):
            story.act()
        story.ask(SEGMENTS)
        drain()
        story.compare()
        retentions = iter((2, 1, 3, None, 2) if forgets else ())
        born, end = story.clock.at, story.clock.at + DAYS * DAY
        while story.clock.at < end:
            story.clock.at += timedelta(hours=24 / LOOKS, microseconds=chance.randrange(3))
            if chance.random() < 0.8:  # else all of it comes at once, later
                drain()
                story.compare()
                story.compare_shown()
            worker.chunk_size = chance.choice([None, 1, 2, 3])
            if chance.random() < 0.3 and (days := next(retentions, 0)) != 0:
                drain()
                story.keep(days)
                drain()
                story.compare()
            # Of somebody with more facts, amounts are stored from here on.
            monkeypatch.setattr(values, "MOST_FACTS", chance.choice([2, 20, 500]))
            monkeypatch.setattr(time_steps, "SET_BASED_FROM", chance.choice([0, 0, 10]))
            monkeypatch.setattr(measures, "MOST_COLUMNS", chance.choice([1, 2, 800]))
            if chance.random() < 0.2:
                drain()
                story.forget()
                story.ask(1)
                story.define(chance.choice(list(COMPUTED)))
                drain()  # it is computed at this instant
            for _ in range(chance.randrange(6)):
                story.clock.at += timedelta(seconds=chance.choice([0, 0, 1, 200]), microseconds=1)
                story.act()
                _ = worker.append_time_passed(), worker.project_events(), worker.pass_time()
        drain()
        story.compare()
        story.compare_history(born)
    story.define_in_mid_fill()
    assert list(verify(database_url)) == []
    live = read_model(database_url)
    rebuild(database_url)
    rebuilt = read_model(database_url)
    # What counts no more is removed by and by; after a rebuild from the log, once more.
    removed = [row for row in rebuilt["activities"] if row not in live["activities"]]
    assert bool(removed) == forgets
    rebuilt["activities"] = [row for row in rebuilt["activities"] if row not in removed]
    assert rebuilt == live
    assert list(verify(database_url)) == []
    story.installation.close()

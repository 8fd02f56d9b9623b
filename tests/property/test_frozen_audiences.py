"""Audiences frozen while everything changes: each is what it was at its own position, however its copying is cut up.

A naive account is kept beside; its recipients at the moment of freezing are what the audience must hold permanently,
and what counts, pages and streams give at that moment, however they are cut up.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from domain.campaign import CampaignDraft
from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft, SegmentEdit
from projections.model.audience_spec import AudienceSpec
from projections.read import recipients
from projections.read.recipients import FrozenRecipients
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from projections.worker.worker import Worker
from tests.support.campaigns import read_frozen
from tests.support.full_size import seeds
from tests.support.installation import Installation
from tests.support.oracles.random_plans import SIZES
from tests.support.read_model import read_model

PEOPLE = [f"c{n:02}" for n in range(40)]
PHONES = [f"+35191200{n:04}" for n in range(30)]
PLANS = ["gold", "silver", "staff"]
SKIPPED = ("opted_out", "no_phone", "excluded", "duplicate_phone")
RECENT = timedelta(hours=5)


class ExpectedRecipient(NamedTuple):
    """What an audience stores of a customer, and what decides whether it includes them."""

    born: int
    phone: str | None
    name: str
    opted_out: bool
    plan: str
    ordered: datetime


class Expected(NamedTuple):
    """An audience as the naive account saw it, and which customers were erased since, or even before it was counted.

    `copied` could be sent to if others did not share their numbers; `reached` of these are the recipients.
    """

    copied: set[UUID]
    reached: dict[UUID, ExpectedRecipient]
    skipped: Counter[str]
    erased: set[UUID]
    erased_uncounted: set[UUID]


class Story:
    """An account with segments of each kind, and campaigns over them."""

    def __init__(self, installation: Installation, chance: Random) -> None:
        self.installation, self.chance = installation, chance
        self.clock = datetime(2026, 5, 20, 10, tzinfo=UTC)
        self.rollcall, installation._spanning = (
            Rollcall(store, self.now) for store in (installation._api_store, installation._worker_store)
        )
        self.account = self.rollcall.accounts.create("default", "UTC", "PT").id
        self.rollcall.attributes.declare(self.account, "plan", "text", None)
        self.rollcall.attributes.declare(self.account, "ordered", "datetime", None)
        self.people: dict[UUID, ExpectedRecipient] = {}
        self.listed: set[UUID] = set()
        self.suppressed: set[str] = set()
        self.births = 0
        self.audiences: dict[UUID, Expected] = {}
        self.plan_of = {each: self._dynamic("plan", "equals", each) for each in PLANS}
        self.recent = self._dynamic("ordered", "in_last_hours", 5)
        self.list = self.rollcall.segments.create(self.account, SegmentDraft("list")).id

    def now(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def _dynamic(self, key: str, operator: str, value: Any) -> UUID:
        node = [{"attribute": key, "operator": operator, "value": value}]
        return self.rollcall.segments.create(self.account, SegmentDraft(key, "", "dynamic", node)).id

    def change(self) -> None:
        key = self.chance.choice(PEOPLE)
        who, before = customer_id_of(self.account, key), self.people.get(customer_id_of(self.account, key))
        if before is None:
            self.births += 1
            self.leave_gap()
        ordered = self.clock - timedelta(minutes=self.chance.randrange(600))
        after = ExpectedRecipient(
            before.born if before else self.births,
            phone := self.chance.choice([*PHONES, None]),
            f"Name {self.chance.randrange(99)}",
            # No opt-in of a suppressed number: it holds from then on, and an audience may not be counted yet.
            self.chance.random() < 0.2 or (phone in self.suppressed and before is not None and before.opted_out),
            self.chance.choice(PLANS),
            ordered,
        )
        data = CustomerData(
            phone=after.phone, name=after.name, attributes={"plan": after.plan, "ordered": ordered.isoformat()}
        )
        if after.opted_out or after.phone not in self.suppressed:
            data = data.model_copy(update={"opted_out": after.opted_out})
        self.rollcall.customers.change(self.account, [CustomerChange(key, "changed", self.now(), data)])
        self.people[who] = after

    def leave_gap(self) -> None:
        """What is created next may be in another block of an audience."""
        with self.installation.owner() as owner:
            skipped = self.chance.choice([0, 0, 0, 200, 1500])
            owner.execute("SELECT setval('log_positions', last_value + %s) FROM log_positions", [skipped])

    def delete(self) -> None:
        if self.people:
            who = self.chance.choice(sorted(self.people))
            change = CustomerChange(None, "deleted", self.now(), customer_id=who)
            self.rollcall.customers.change(self.account, [change])
            person = self.people.pop(who)
            if person.opted_out and person.phone is not None:
                self.suppressed.add(person.phone)
            self.listed.discard(who)
            with self.installation.owner() as owner:
                rows = owner.execute(
                    "SELECT originator_id FROM stored_events WHERE topic = 'rollcall.audience.counted'"
                )
                counted = {audience for (audience,) in rows}
            for audience, expected in self.audiences.items():
                expected.erased.add(who)
                if audience not in counted:
                    expected.erased_uncounted.add(who)

    def move(self) -> None:
        if self.people:
            who = self.chance.choice(sorted(self.people))
            if who in self.listed:
                self.rollcall.members.remove_one(self.account, self.list, who)
            else:
                self.rollcall.members.add(self.account, self.list, [who])
            self.listed ^= {who}

    def wait(self) -> None:
        self.clock += timedelta(minutes=self.chance.randrange(120))

    def edit(self) -> None:
        """The served version is retired, and its members are removed, while audiences may still need them."""
        plan = self.chance.choice(PLANS)
        node = [{"attribute": "plan", "operator": "in", "value": [plan, f"other {self.chance.randrange(99)}"]}]
        self.rollcall.segments.edit(self.account, self.plan_of[plan], SegmentEdit(filter=node), None)

    def opt_in(self) -> None:
        """A customer whose number is suppressed opts in; not while an audience may still be decided."""
        blocked = [key for key in PEOPLE if (found := self._person(key)) and found.phone in self.suppressed]
        if blocked:
            key = self.chance.choice(blocked)
            data = CustomerData(opted_out=False)
            self.rollcall.customers.change(self.account, [CustomerChange(key, "changed", self.now(), data)])
            who = customer_id_of(self.account, key)
            self.suppressed.discard(str(self.people[who].phone))
            self.people[who] = self.people[who]._replace(opted_out=False)

    def _person(self, key: str) -> ExpectedRecipient | None:
        return self.people.get(customer_id_of(self.account, key))

    def check_reach_now(self, included: list[UUID], left_out: list[UUID]) -> None:
        """Counts, pages, both kinds of stream and the marks of shared numbers, against the naive account."""
        seen = self._seen(included, left_out)
        rows = [(str(who), person.phone, person.name) for who, person in seen.reached.items()]
        with self.installation.owner() as owner:
            marked = owner.execute("SELECT customer_id FROM reach WHERE shared").fetchall()
            serving = dict(owner.execute("SELECT segment_id, serving FROM segments").fetchall())
        numbers = Counter(person.phone for person in self.people.values() if person.phone is not None)
        assert {who for (who,) in marked} == {who for who, each in self.people.items() if numbers[str(each.phone)] > 1}
        spec = AudienceSpec(self.account, [serving[each] for each in included], [serving[each] for each in left_out])
        with self.installation.database.snapshot(self.account) as (connection, _):
            count, skipped = recipients.totals(connection, spec)
            assert count == len(rows)
            assert skipped._asdict() == {each: seen.skipped[each] for each in SKIPPED}
            paged: list[recipients.RecipientRow] = []
            while page := recipients.page(
                connection, spec, after=paged[-1].customer_no if paged else None, limit=self.chance.choice([1, 3, 50])
            ):
                paged += page
            assert [(str(row.customer_id), row.phone, row.name) for row in paged] == rows
            lines = list(recipients.lines(connection, spec, "json"))
            written = [json.loads(line) for text, _ in lines for line in text.splitlines()]
            assert [(row["customer_id"], row["phone"], row["name"]) for row in written] == rows
            assert sum(count for _, count in lines) == len(rows)

    def freeze(self, worker: Worker) -> None:
        """Once every edit is served: which filter an audience sees is another story."""
        while worker.step():
            continue
        if self.chance.random() < 0.5:
            self.opt_in()
            while worker.step():
                continue
        included = self.chance.sample([*self.plan_of.values(), self.recent, self.list], 3)
        left_out = self.chance.sample([each for each in (*self.plan_of.values(), self.list) if each not in included], 1)
        for excluded in ([], left_out):
            self.check_reach_now(included, excluded)
        campaign = self.rollcall.campaigns.create(self.account, CampaignDraft("x", included, left_out)).id
        audience = self.rollcall.campaigns.freeze(self.account, campaign).id
        self.audiences[audience] = self._seen(included, left_out)
        if self.chance.random() < 0.5:
            self.rollcall.campaigns.delete(self.account, campaign, None)

    def _seen(self, included: list[UUID], left_out: list[UUID]) -> Expected:
        """Each member of the union in one class, the first that fits; a phone number is judged over all who have it."""
        seen = Expected(set(), {}, Counter(), set(), set())
        excluded = {who for who in self.people if self._segments_of(who) & set(left_out)}
        numbers_excluded = {self.people[who].phone for who in excluded} - {None}
        numbers_out = {person.phone for person in self.people.values() if person.opted_out} - {None}
        for who, person in sorted(self.people.items(), key=lambda pair: pair[1].born):
            if not self._segments_of(who) & set(included):
                continue
            if who not in excluded and not person.opted_out and person.phone is not None:
                seen.copied.add(who)
            if who in excluded or person.phone in numbers_excluded:
                seen.skipped["excluded"] += 1
            elif person.opted_out or person.phone in numbers_out | self.suppressed:
                seen.skipped["opted_out"] += 1
            elif person.phone is None:
                seen.skipped["no_phone"] += 1
            elif person.phone in {each.phone for each in seen.reached.values()}:
                seen.skipped["duplicate_phone"] += 1
            else:
                seen.reached[who] = person
        return seen

    def _segments_of(self, who: UUID) -> set[UUID]:
        person = self.people[who]
        inside = {self.plan_of[person.plan]} | ({self.list} if who in self.listed else set())
        return inside | ({self.recent} if self.clock - RECENT < person.ordered <= self.clock else set())


@pytest.mark.parametrize("seed", seeds(1, 6))
def test_each_audience_stays_as_it_was_at_its_position(
    installation: Installation, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)
    for size in ("MIN_WINDOW", "MAX_WINDOW", "FIRST_LINES", "MOST_LINES"):
        monkeypatch.setattr(recipients, size, chance.choice([1, 5, 20]))
    monkeypatch.setattr(recipients, "MANY_IN_BLOCK", chance.choice([0, 2, 1000]))
    story = Story(installation, chance)
    for _ in range(40):
        story.change()
    busy = Counter[bool]()
    for _ in range(4):
        with installation.worker() as worker:
            story.freeze(worker)
        for step in chance.choices(
            [story.change, story.delete, story.move, story.wait, story.edit], [8, 2, 4, 1, 1], k=40
        ):
            step()
            if chance.random() < 0.3:
                # Another process each time, so that copying continues from the stored rows.
                with installation.worker() as worker:
                    worker.batch_size, worker.chunk_size = chance.choice(SIZES), chance.choice([1, 2, 3, 7])
                    worker.batches = chance.choice([1, 2, 5])
                    worker.step()
                    busy[any(each.freezing for each in worker.model.accounts.values())] += 1
    assert busy[True], "the story must reach audiences that are not copied yet"
    with installation.worker() as worker:
        while worker.step():
            continue
    check(installation, story)
    assert list(verify(installation.url)) == []
    live = read_model(installation.url)
    for _ in range(2):
        rebuild(installation.url, batch_size=chance.choice(SIZES), chunk_size=chance.choice(SIZES))
        again = read_model(installation.url)
        for table, rows in live.items():
            assert again[table] == rows, table


def check(installation: Installation, story: Story) -> None:
    audiences: dict[int, set[UUID]] = {}
    with installation.owner() as owner:
        for audience, expected in story.audiences.items():
            row = owner.execute(
                "SELECT audience_no, counted, opted_out, no_phone, excluded, duplicate_phone, recipients, erased"
                " FROM audiences WHERE audience_id = %s",
                [audience],
            ).fetchone()
            assert row is not None
            number, counted, *skipped, reached, gone = row
            assert counted
            held = read_frozen(installation.database, FrozenRecipients(story.account, number), story.chance)
            assert reached - gone == len(held) == len({phone for phone, _ in held.values()})
            audiences[number] = set(held)
            assert not set(held) & expected.erased
            left = {who: person for who, person in expected.reached.items() if who not in expected.erased}
            assert held.items() >= {who: (person.phone, person.name) for who, person in left.items()}.items()
            if not expected.copied & expected.erased_uncounted:
                assert set(held) == set(left)
                assert skipped == [expected.skipped[each] for each in SKIPPED]
        for table in ("audience_shared", "audience_touched"):
            assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    for one, other in permutations(audiences, 2):
        here_only = FrozenRecipients(story.account, one, other)
        assert set(read_frozen(installation.database, here_only, story.chance)) == audiences[one] - audiences[other]

"""Random lives of static segments: right members, the same on both sides, and the same again after a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from uuid import UUID, uuid4

import pytest

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData, customer_id_of, customer_id_of_phone
from domain.errors import Refused
from domain.import_lines import ImportChunk, ImportLine
from domain.segment import SegmentDraft
from projections.records.imports import NewImport, begin
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.full_size import seeds
from tests.support.installation import Installation
from tests.support.oracles.random_plans import SIZES
from tests.support.read_model import read_model

PEOPLE = [f"c{n}" for n in range(12)]
PHONES = [f"+35191200{n:04}" for n in range(12)]


class Life:
    """What is done to an account, and what a child would write down of it."""

    def __init__(self, installation: Installation, chance: Random) -> None:
        self.installation, self.chance = installation, chance
        self.rollcall = installation.rollcall
        self.account = installation.account()
        self.phone_of: dict[UUID, str | None] = {}
        self.born: list[UUID] = []
        self.lists: dict[UUID, set[UUID]] = {}
        self.followers: dict[UUID, tuple[UUID, bool]] = {}

    def change(self) -> None:
        name = self.chance.choice(PEOPLE)
        who = customer_id_of(self.account, name)
        phone = self.chance.choice([*PHONES, None])
        data = CustomerData(phone=phone, name=self.chance.choice(["x", None]))
        self.rollcall.customers.change(self.account, [CustomerChange(name, "changed", self.installation.now(), data)])
        if who not in self.phone_of:
            self.born.append(who)
        self.phone_of[who] = phone

    def delete(self) -> None:
        if self.phone_of:
            who = self.chance.choice(sorted(self.phone_of))
            change = CustomerChange(None, "deleted", self.installation.now(), customer_id=who)
            self.rollcall.customers.change(self.account, [change])
            self.forget(who)

    def forget(self, who: UUID) -> None:
        del self.phone_of[who]
        self.born.remove(who)
        for members in self.lists.values():
            members.discard(who)

    def make_list(self) -> None:
        self.lists[self.rollcall.segments.create(self.account, SegmentDraft("list")).id] = set()

    def follow(self) -> None:
        if self.lists:
            into, inside = self.chance.choice(sorted(self.lists)), self.chance.random() < 0.5
            node = {"attribute": "segment", "operator": "in" if inside else "not_in", "value": [str(into)]}
            draft = SegmentDraft("follower", "", "dynamic", [node])
            self.followers[self.rollcall.segments.create(self.account, draft).id] = (into, inside)

    def add(self) -> None:
        if self.lists:
            into = self.chance.choice(sorted(self.lists))
            asked = [customer_id_of(self.account, each) for each in self.chance.sample(PEOPLE, 5)]
            existing = {each for each in asked if each in self.phone_of}
            found = self.rollcall.members.add(self.account, into, [*asked, asked[0]])
            assert found.added == len(existing - self.lists[into])
            assert found.already_members == len(existing & self.lists[into])
            assert set(found.unknown) == set(asked) - existing
            self.lists[into] |= existing

    def remove(self) -> None:
        into = self.chance.choice([each for each, members in self.lists.items() if members] or [None])
        if into is not None:
            there = sorted(self.lists[into])
            who = self.chance.sample(there, self.chance.randint(1, min(3, len(there))))
            if len(who) == 1:
                self.rollcall.members.remove_one(self.account, into, who[0])
            else:
                asked = [*who, who[0], uuid4()]
                assert self.rollcall.members.remove(self.account, into, asked).removed == len(who)
            self.lists[into] -= set(who)

    def take_in(self) -> None:
        if not self.lists:
            return
        into = self.chance.choice(sorted(self.lists))
        lines = [ImportLine(n, phone, None) for n, phone in enumerate(self.chance.sample(PHONES, 4))]
        import_id = uuid4()
        sent = NewImport(import_id, into, "")
        begin(self.installation.database, self.account, sent, BytesIO(), self.installation.now())
        chunk = ImportChunk(import_id, into, 0, lines, [], 0, 0, 100, ["phone"], finished=True)
        counts = self.rollcall.imports.ingest(self.account, chunk).counts
        expected = [0, 0, 0]
        for line in lines:
            who = next((each for each in self.born if self.phone_of[each] == line.phone), None)
            expected[2 if who is None else 1 if who in self.lists[into] else 0] += 1
            if who is None:
                who = customer_id_of_phone(self.account, line.phone)
                self.phone_of[who] = line.phone
                self.born.append(who)
            self.lists[into].add(who)
        assert [counts.added, counts.already_members, counts.created_customers] == expected

    def drop(self) -> None:
        if self.lists:
            into = self.chance.choice(sorted(self.lists))
            used = [str(each) for each, (named, _) in self.followers.items() if named == into]
            try:
                self.rollcall.segments.delete(self.account, into, None)
            except Refused:
                assert used
            else:
                del self.lists[into]

    def expected(self) -> dict[UUID, set[UUID]]:
        """Every segment that there is with its members."""
        everyone = set(self.phone_of)
        following = {
            each: self.lists[into] if inside else everyone - self.lists[into]
            for each, (into, inside) in self.followers.items()
        }
        return self.lists | following


@pytest.mark.parametrize("seed", seeds(1, 5))
def test_static_segments_are_right_on_both_sides_and_after_a_replay(installation: Installation, seed: int) -> None:
    chance = Random(seed)
    life = Life(installation, chance)
    steps = [life.change, life.delete, life.make_list, life.follow, life.add, life.remove, life.take_in, life.drop]
    weights = [8, 2, 1, 1, 6, 3, 4, 0.5]
    with installation.worker() as worker:
        for step in chance.choices(steps, weights, k=150):
            step()
            if chance.random() < 0.3:
                worker.batch_size, worker.chunk_size = chance.choice(SIZES), chance.choice(SIZES)
                worker.batches = chance.choice([1, 2, 5])
                worker.step()
        worker.batch_size = chance.choice(SIZES)
        while worker.step():
            continue
    assert members_of(installation) == {each: who for each, who in life.expected().items() if who}
    with installation.owner() as owner:
        stored = owner.execute("SELECT segment_id, customer_id FROM static_members").fetchall()
    assert {row for row in stored if row[0] in life.lists} == {
        (segment, who) for segment, members in life.lists.items() for who in members
    }
    assert list(verify(installation.url)) == []
    live = read_model(installation.url)
    rebuild(installation.url, batch_size=chance.choice(SIZES), chunk_size=chance.choice(SIZES))
    assert read_model(installation.url) == live


def members_of(installation: Installation) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    with installation.owner() as owner:
        for segment, who in owner.execute(
            "SELECT s.segment_id, c.customer_id FROM segments s JOIN members m ON m.version_no = s.serving"
            " JOIN customers c ON c.customer_no = m.customer_no AND c.account_id = s.account_id"
        ):
            found.setdefault(segment, set()).add(who)
    return found


def test_time_passes_only_once_for_a_customer_added_to_a_list(installation: Installation) -> None:
    """Adding a customer to the list lets time pass first, which makes them leave another segment."""
    clock = [datetime(2026, 5, 20, 10, tzinfo=UTC)]
    rollcall, installation._spanning = (
        Rollcall(store, lambda: clock[0]) for store in (installation._api_store, installation._worker_store)
    )
    account = rollcall.accounts.create("default", "UTC", "PT").id
    rollcall.attributes.declare(account, "ordered", "datetime", None)
    recent = [{"attribute": "ordered", "operator": "in_last_hours", "value": 5}]
    rollcall.segments.create(account, SegmentDraft("recent", "", "dynamic", recent))
    into = rollcall.segments.create(account, SegmentDraft("list")).id
    data = CustomerData(attributes={"ordered": clock[0].isoformat()})
    rollcall.customers.change(account, [CustomerChange("a", "changed", clock[0], data)])
    who = customer_id_of(account, "a")
    with installation.worker() as worker:
        while worker.step():
            continue
        left_at = clock[0] + timedelta(hours=5)
        clock[0] += timedelta(hours=6)
        rollcall.members.add(account, into, [who])
        while worker.step():
            continue
    assert members_of(installation) == {into: {who}}
    with installation.owner() as owner:
        history = owner.execute("SELECT at, joined, cause FROM membership_history ORDER BY position, at").fetchall()
    assert history[1:] == [(left_at, False, "time"), (clock[0], True, "manual")]
    assert list(verify(installation.url)) == []

"""Members newest first, read from the latest joins, are the members in the order of joining, page by page."""

from __future__ import annotations

from datetime import datetime
from random import Random
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft, SegmentEdit
from projections.read import members
from projections.read.customers import EVERYONE
from projections.read.members import Sought
from tests.support.installation import Installation
from tests.support.oracles.random_plans import SIZES

PLANS = ["gold", "silver", "bronze", None]
EVERYBODY = Sought(EVERYONE, None)


def pages(installation: Installation, account: UUID, version: int, limit: int) -> list[tuple[datetime, int]]:
    listed: list[tuple[datetime, int]] = []
    with installation.database.transaction(account) as connection:
        while True:
            before = listed[-1] if listed else None
            page, more = members.page(connection, account, version, EVERYBODY, before=before, limit=limit)
            listed += [(joined_at, row.customer_no) for row, joined_at in page]
            if not more:
                return listed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pages_of_members_are_all_members_in_the_order_of_joining(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = Random(seed)
    rollcall, account = installation.rollcall, installation.account()
    rollcall.attributes.declare(account, "plan", "text", None)

    def plans() -> list[dict[str, object]]:
        return [{"attribute": "plan", "operator": "in", "value": chance.sample(PLANS[:3], 2)}]

    edited = rollcall.segments.create(account, SegmentDraft("edited", "", "dynamic", plans())).id
    listed = rollcall.segments.create(account, SegmentDraft("listed")).id
    for _ in range(25):
        names = [f"c{n}" for n in chance.sample(range(30), chance.randrange(1, 9))]
        match chance.randrange(6):
            case 0:
                rollcall.segments.edit(account, edited, SegmentEdit(filter=plans()), None)
            case 1:
                rollcall.members.add(account, listed, [customer_id_of(account, name) for name in names])
            case _:
                changes = [
                    CustomerChange(
                        name,
                        "deleted" if chance.random() < 0.1 else "changed",
                        installation.now(),
                        CustomerData(attributes={"plan": chance.choice(PLANS)}),
                    )
                    for name in names
                ]
                rollcall.customers.change(account, changes)
        if chance.random() < 0.4:
            with installation.worker() as worker:
                worker.batch_size, worker.chunk_size = chance.choice(SIZES), chance.choice([1, 3, 7])
                worker.batches = chance.choice([1, 2, 5])
                worker.step()
    with installation.worker() as worker:
        while worker.step():
            continue
    monkeypatch.setattr("projections.read.members.MIN_WINDOW", 1)
    by_joins = 0
    with installation.owner() as owner:
        for (version,) in owner.execute("SELECT serving FROM segments").fetchall():
            all_members = owner.execute(
                "SELECT joined_at, customer_no FROM members WHERE version_no = %s ORDER BY 1 DESC, 2 DESC", [version]
            ).fetchall()
            for limit in (1, 2, 3, 7, 40):
                assert pages(installation, account, version, limit) == all_members
            with monkeypatch.context() as only_joins:
                only_joins.setattr(members.SQL, "_blocks", {**members.SQL._blocks, "page": "SELECT 1 WHERE false"})
                read = pages(installation, account, version, 2)
                assert read == all_members[: len(read)]
                by_joins += len(read)
    assert by_joins > 0, "some pages must come from the latest joins alone"

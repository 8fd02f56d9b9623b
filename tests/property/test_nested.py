"""Segments of segments: a filter that names a segment follows its members, and every edit of its filter."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.customer import CustomerChange, CustomerData
from domain.errors import Invalid, Refused
from domain.segment import SegmentDraft, SegmentEdit
from projections.worker.rebuild import rebuild
from projections.worker.verify import verify
from tests.support.full_size import seeds
from tests.support.installation import Installation

VALUES = ["a", "b", "c", "d"]
START = datetime(2026, 5, 1, tzinfo=UTC)


def equals(key: str, value: str) -> dict[str, Any]:
    return {"attribute": key, "operator": "equals", "value": value}


def within(*ids: UUID, operator: str = "in") -> dict[str, Any]:
    return {"attribute": "segment", "operator": operator, "value": [str(each) for each in ids]}


def test_a_cycle_is_refused_with_its_path(installation: Installation) -> None:
    account = installation.account()
    rollcall = installation.rollcall
    rollcall.attributes.declare(account, "x", "text", None)
    first = rollcall.segments.create(account, SegmentDraft("First", "", "dynamic", [equals("x", "a")])).id
    second = rollcall.segments.create(account, SegmentDraft("Second", "", "dynamic", [within(first)])).id
    with pytest.raises(Invalid) as refused:
        rollcall.segments.edit(account, first, SegmentEdit(filter=[within(second)]), None)
    (mistake,) = refused.value.errors
    assert mistake.code == "segment_cycle"
    assert "this segment -> Second -> First" in mistake.detail
    with pytest.raises(Refused, match="Second"):
        rollcall.segments.delete(account, first, None)


def test_an_unknown_segment_is_refused_at_its_place(installation: Installation) -> None:
    account = installation.account()
    with pytest.raises(Invalid) as refused:
        installation.rollcall.segments.create(
            account, SegmentDraft("Lost", "", "dynamic", {"any": [within(UUID(int=7))]})
        )
    assert refused.value.errors[0].pointer == "/filter/any/0/value/0"


def new_filter(chance: random.Random, below: list[UUID]) -> Any:
    own = [equals(chance.choice("xy"), chance.choice(VALUES)) for _ in range(chance.choice([1, 2]))]
    named = (
        [within(*chance.sample(below, min(len(below), 2)), operator=chance.choice(["in", "not_in"]))] if below else []
    )
    return {chance.choice(["all", "any"]): own[: 1 if below else 2] + named}


def holds(filters: dict[UUID, Any], node: Any, values: dict[str, str]) -> bool:
    if "all" in node:
        return all(holds(filters, each, values) for each in node["all"])
    if "any" in node:
        return any(holds(filters, each, values) for each in node["any"])
    if node["attribute"] == "segment":
        found = any(holds(filters, filters[UUID(each)], values) for each in node["value"])
        return bool(found == (node["operator"] == "in"))
    return bool(values.get(node["attribute"]) == node["value"])


@pytest.mark.parametrize("seed", seeds(1, 6))
def test_members_of_nested_segments_follow_changes_and_edits(database_url: str, seed: int) -> None:
    """Random changes and edits of three layers: after each pause every membership is the naive one."""
    chance = random.Random(seed)
    clock = [START]
    installation = Installation(database_url, lambda: clock[0])
    account = installation.account()
    for key in ("x", "y"):
        installation.rollcall.attributes.declare(account, key, "text", None)
    filters: dict[UUID, Any] = {}
    people: dict[str, dict[str, str]] = {}

    layers: list[list[UUID]] = [[], [], []]
    for depth, layer in enumerate(layers):
        for number in range(3):
            raw = new_filter(chance, layers[depth - 1] if depth else [])
            draft = SegmentDraft(f"s{depth}{number}", "", "dynamic", raw)
            layer.append(installation.rollcall.segments.create(account, draft).id)
            filters[layer[-1]] = raw

    with installation.worker() as worker:
        for _ in range(12):
            for _ in range(chance.randrange(1, 12)):
                clock[0] += timedelta(seconds=1)
                if chance.random() < 0.25:
                    depth = chance.randrange(3)
                    segment_id = chance.choice(layers[depth])
                    filters[segment_id] = new_filter(chance, layers[depth - 1] if depth else [])
                    installation.rollcall.segments.edit(
                        account, segment_id, SegmentEdit(filter=filters[segment_id]), None
                    )
                else:
                    who, body = f"p{chance.randrange(15)}", {chance.choice("xy"): chance.choice(VALUES)}
                    people.setdefault(who, {}).update(body)
                    change = CustomerChange(who, "changed", clock[0], CustomerData(attributes=body))
                    installation.rollcall.customers.change(account, [change])
                if chance.random() < 0.5:
                    worker.step()
            while worker.step():
                pass
            found = _members(installation)
            for segment_id, raw in filters.items():
                wanted = {who for who, values in people.items() if holds(filters, raw, values)}
                assert found.get(segment_id, set()) == wanted, (raw, segment_id)
    assert list(verify(database_url)) == []
    before = _rows(installation)
    rebuild(database_url, batch_size=chance.randrange(1, 50), chunk_size=chance.randrange(1, 20))
    assert _rows(installation) == before
    installation.close()


def _members(installation: Installation) -> dict[UUID, set[str]]:
    found: dict[UUID, set[str]] = {}
    with installation.owner() as owner:
        for segment_id, who in owner.execute(
            "SELECT s.segment_id, c.attributes->>'external_id' FROM segments s"
            " JOIN members m ON m.version_no = s.serving JOIN customers c USING (customer_no)"
        ):
            found.setdefault(segment_id, set()).add(who)
    return found


def _rows(installation: Installation) -> list[Any]:
    with installation.owner() as owner:
        members = owner.execute(
            "SELECT m.* FROM members m JOIN segments s ON s.serving = m.version_no ORDER BY version_no, customer_no"
        ).fetchall()
        history = owner.execute(
            "SELECT h.* FROM membership_history h JOIN segment_versions v USING (version_no)"
            " WHERE v.state IN ('serving', 'retired') AND (v.superseded_by IS NULL OR h.position <= v.superseded_by)"
            " ORDER BY customer_no, version_no, position, at"
        ).fetchall()
    return [members, history]

"""Requests overtaken by another change between their checks and their storing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Response

from domain.commands.accounts import KeyCommands, NewKey
from domain.commands.customers import CustomerCommands
from domain.commands.log import Log
from domain.customer import ChangeKind, CustomerChange, CustomerData
from domain.errors import Invalid
from domain.segment import SegmentDraft, SegmentEdit
from domain.stored_events import SegmentFilterChanged
from tests.support.installation import Installation

Overtake = Callable[[type, str, Callable[[], object]], None]
GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def naming(segment_id: UUID) -> list[Any]:
    return [{"attribute": "segment", "operator": "in", "value": [str(segment_id)]}]


@pytest.fixture
def overtake(monkeypatch: pytest.MonkeyPatch) -> Overtake:
    """`overtake(owner, command, act)`: let `act` come in just before the next command of that name does its work."""

    def before(owner: type, command: str, act: Callable[[], object]) -> None:
        real, waiting = getattr(owner, command), [act]

        def late(self: object, *arguments: Any, **named: Any) -> Any:
            if waiting:
                waiting.pop()()
            return real(self, *arguments, **named)

        monkeypatch.setattr(owner, command, late)

    return before


def test_a_put_overtaken_by_an_erasure_creates_the_customer_anew(
    installation: Installation, overtake: Overtake
) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.project()
    with installation.open_api(key, own_write_wait=0.0) as http:
        http.put("/v1/customers/ana", json={"name": "Ana", "tags": ["vip"]}).raise_for_status()
        overtake(CustomerCommands, "change", lambda: http.delete("/v1/customers/ana").raise_for_status())
        put = http.put("/v1/customers/ana", json={"name": "Ana Sá"})
    assert (put.status_code, put.json()["name"], put.json()["tags"]) == (201, "Ana Sá", [])


def test_a_put_of_a_version_overtaken_by_an_erasure_is_refused(installation: Installation, overtake: Overtake) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.project()
    with installation.open_api(key, own_write_wait=0.0) as http:
        made = http.put("/v1/customers/ana", json={"name": "Ana"})
        overtake(CustomerCommands, "change", lambda: http.delete("/v1/customers/ana").raise_for_status())
        put = http.put("/v1/customers/ana", json={"name": "Ana Sá"}, headers={"If-Match": made.headers["ETag"]})
    assert (put.status_code, put.json()["code"]) == (412, "stale_version")


@pytest.mark.parametrize("kind", ["changed", "deleted"])
def test_changes_over_http_take_effect_after_a_change_by_a_clock_ahead_of_ours(
    installation: Installation, kind: ChangeKind
) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.project()
    with installation.projecting(), installation.open_api(key) as http:
        http.put("/v1/customers/ana", json={"name": "Ana"}).raise_for_status()
        ahead = CustomerChange(
            "ana",
            kind,
            installation.now() + timedelta(seconds=200),
            CustomerData(name="Eva", opted_out=False) if kind == "changed" else None,
        )
        installation.rollcall.customers.change(account, [ahead])
        put = http.put("/v1/customers/ana", json={"name": "Ana Sá", "opted_out": True})
        assert (put.status_code, put.json()["name"]) == (200 if kind == "changed" else 201, "Ana Sá")
        assert put.json()["opted_out"] is True
        line = {"external_id": "ana", "name": "Ana Luz"}
        bulk = http.post(
            "/v1/customers/bulk", content=json.dumps(line), headers={"Content-Type": "application/x-ndjson"}
        )
        assert bulk.json() == {"accepted": 1, "rejected": []}
        shown = http.get("/v1/customers/ana", params={"min_position": bulk.headers["Rollcall-Position"]})
        assert shown.json()["name"] == "Ana Luz"
        assert http.delete("/v1/customers/ana").status_code == 204
        assert http.put("/v1/customers/ana", json={"name": "Ana"}).status_code == 201


def test_a_key_revoked_during_its_request_creates_no_other(installation: Installation, overtake: Overtake) -> None:
    account = installation.account()
    leaked = installation.rollcall.keys.create(account, "leaked", "admin")
    good = installation.rollcall.keys.create(account, "good", "admin")
    installation.project()
    with installation.open_api(leaked.key, own_write_wait=0.0) as http:
        overtake(KeyCommands, "create", lambda: installation.rollcall.keys.revoke(account, leaked.id))
        made = http.post("/v1/keys", json={"name": "another", "kind": "admin"})
    assert (made.status_code, made.json()["code"]) == (409, "key_revoked")
    assert installation.rollcall.accounts.require(account).keys == {good.id}


def test_two_keys_that_revoke_each_other_do_not_lock_the_account(
    installation: Installation, overtake: Overtake
) -> None:
    account = installation.account()
    one, two = (installation.rollcall.keys.create(account, name, "admin") for name in ("one", "two"))
    installation.project()
    with installation.open_api(own_write_wait=0.0) as http:

        def revoke(mine: NewKey, other: NewKey) -> Response:
            return http.delete(f"/v1/keys/{other.id}", headers={"Authorization": f"Bearer {mine.key}"})

        overtake(KeyCommands, "revoke", lambda: revoke(two, one).raise_for_status())
        assert (answered := revoke(one, two)).status_code == 409, answered.text
    assert installation.rollcall.accounts.require(account).keys == {two.id}


@pytest.fixture
def segments(installation: Installation) -> tuple[UUID, UUID, UUID]:
    """An account and two dynamic segments of it."""
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    one, two = (
        installation.rollcall.segments.create(account, SegmentDraft(name, "", "dynamic", GOLD)).id
        for name in ("One", "Two")
    )
    return account, one, two


def test_two_concurrent_edits_do_not_make_a_cycle(
    installation: Installation, segments: tuple[UUID, UUID, UUID], overtake: Overtake
) -> None:
    account, one, two = segments
    rollcall = installation.rollcall
    overtake(Log, "append", lambda: rollcall.segments.edit(account, two, SegmentEdit(filter=naming(one)), None))
    with pytest.raises(Invalid, match="segment_cycle"):
        rollcall.segments.edit(account, one, SegmentEdit(filter=naming(two)), None)


def test_a_filter_cannot_name_a_segment_that_was_deleted_meanwhile(
    installation: Installation, segments: tuple[UUID, UUID, UUID], overtake: Overtake
) -> None:
    account, one, two = segments
    rollcall = installation.rollcall
    overtake(Log, "append", lambda: rollcall.segments.delete(account, two, None))
    with pytest.raises(Invalid, match="unknown_segment"):
        rollcall.segments.create(account, SegmentDraft("Three", "", "dynamic", naming(two)))
    with pytest.raises(Invalid, match="unknown_segment"):
        rollcall.segments.edit(account, one, SegmentEdit(filter=naming(two)), None)


def test_a_segment_cannot_be_deleted_once_a_filter_names_it_meanwhile(
    installation: Installation, segments: tuple[UUID, UUID, UUID], overtake: Overtake
) -> None:
    account, one, two = segments
    key = installation.key(account)
    installation.project()
    with installation.open_api(key, own_write_wait=0.0, lag_wait=0.0) as http:
        overtake(
            Log,
            "append",
            lambda: installation.rollcall.segments.edit(account, one, SegmentEdit(filter=naming(two)), None),
        )
        # The log decides: the read models do not know yet which filters name it.
        refused = http.delete(f"/v1/segments/{two}")
    assert (refused.status_code, refused.json()["code"]) == (409, "segment_in_use")


@pytest.mark.parametrize("what", ["its last segment", "the campaign"])
def test_no_empty_audience_is_frozen_after_a_concurrent_deletion(
    installation: Installation, segments: tuple[UUID, UUID, UUID], overtake: Overtake, what: str
) -> None:
    account, one, _ = segments
    rollcall, key = installation.rollcall, installation.key(account)
    with installation.projecting(), installation.open_api(key) as http:
        campaign = http.post("/v1/campaigns", json={"name": "Spring", "segment_ids": [str(one)]}).json()["id"]
        installation.catch_up()
        delete = {
            "its last segment": lambda: rollcall.segments.delete(account, one, None),
            "the campaign": lambda: rollcall.campaigns.delete(account, UUID(campaign), None),
        }
        overtake(Log, "append", delete[what])
        refused = http.post(f"/v1/campaigns/{campaign}/audience")
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_audience")
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM audiences").fetchone() == (0,)


def test_a_cycle_stored_by_an_earlier_release_does_not_keep_the_worker_busy(
    installation: Installation, segments: tuple[UUID, UUID, UUID]
) -> None:
    account, one, two = segments
    rollcall = installation.rollcall
    for segment_id, other in ((one, two), (two, one)):
        stored = SegmentFilterChanged(**rollcall.log.envelope(account, segment_id, 1), filter=naming(other))
        rollcall.log.append(account, [stored])
    with installation.worker() as worker:
        for _ in range(100):
            if not worker.step():
                break
        assert not worker.step()
    failures = "SELECT failure FROM segments ORDER BY name"
    with installation.owner() as owner:
        # The segment that One names names it only since then.
        assert ["itself" in str(failure) for (failure,) in owner.execute(failures)] == [False, True]
    rollcall.segments.edit(account, one, SegmentEdit(filter=GOLD), None)
    with installation.worker() as worker:
        while worker.step():
            pass
    with installation.owner() as owner:
        assert owner.execute(failures).fetchall() == [(None,), (None,)]

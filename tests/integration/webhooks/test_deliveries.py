"""What arrives at a receiver: the changes of its segments, signed, in order, each at least once."""

from __future__ import annotations

from uuid import UUID

import pytest
from httpx import Client

from projections.webhooks import dispatch
from projections.worker.rebuild import rebuild
from tests.support.clock import Clock
from tests.support.installation import Installation
from tests.support.running_product import eventually
from tests.support.webhooks.hooks import edit, folded, hook, log_of, members, put, put_many, read, segment
from tests.support.webhooks.receiver import LOCAL, Answered, Received, Receiver, delivering

pytestmark = pytest.mark.attributes(plan="text")


def test_joins_and_leaves_arrive_signed_in_order_and_as_the_change_stream_has_them(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold = segment(client)
    put(client, "before", "gold")
    made = hook(client, receiver.url)
    for n in range(3):
        put(client, f"c{n}", "gold")
    put(client, "c0", None)
    put(client, "c0", "gold")
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 5)
        eventually(lambda: read(client, made)["backlog"] == 0)
    assert all(each.is_signed_with(made["secret"]) for each in receiver.requests)
    stream = client.get(f"/v1/segments/{gold}/changes").json()["data"][1:]
    assert receiver.changes == stream
    (log,) = log_of(client, made)
    assert (log["kind"], log["records"], log["status"], log["accepted"], log["attempt"]) == ("changes", 5, 204, True, 1)
    assert read(client, made)["last_success_at"] is not None


def test_changes_and_members_carry_the_chosen_fields_of_the_customer(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold = segment(client)
    put(client, "a", "gold")
    hook(client, receiver.url, fields=["phone", "attributes.plan"], full_send=True)
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 1)
        client.put("/v1/customers/b", json={"attributes": {"plan": "gold"}, "phone": "+351912345678"})
        eventually(lambda: len(receiver.changes) == 2)
    present, joined = receiver.changes
    own = ("type", "segment_id", "segment_name", "external_id", "phone", "attributes")
    assert [present[name] for name in own] == ["present", gold, "Gold", "a", None, {"plan": "gold"}]
    assert [joined[name] for name in own] == ["joined", gold, "Gold", "b", "+351912345678", {"plan": "gold"}]


def test_messages_are_smaller_where_customers_are_large(
    installation: Installation, client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "MOST_BYTES", 1)
    gold = segment(client)
    put_many(client, 3, "gold")
    installation.catch_up()
    made = hook(client, receiver.url, fields=["attributes"], full_send=True)
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 3)
        put_many(client, 3, "silver")
        eventually(lambda: len(receiver.changes) == 6 and read(client, made)["backlog"] == 0)
    assert [len(each.changes) for each in receiver.accepted] == [1] * 6
    assert len({each.headers["webhook-id"] for each in receiver.accepted}) == 6
    assert len({each["id"] for each in receiver.changes}) == 6
    assert folded(receiver.changes) == members(client, gold) == set()


def test_a_webhook_has_only_the_changes_that_it_asked_for(
    installation: Installation, client: Client, receiver: Receiver, other: Receiver
) -> None:
    gold, _ = segment(client), segment(client, "silver", "Silver")
    hook(client, receiver.url, segment_ids=[gold], events=["left"])
    hook(client, other.url)
    put(client, "a", "gold")
    put(client, "a", "silver")
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 1 and len(other.changes) == 3)
    assert [(each["type"], each["segment_id"]) for each in receiver.changes] == [("left", gold)]


def test_many_changes_arrive_in_order_by_hundreds_and_none_twice_from_two_processes(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold = segment(client)
    made = hook(client, receiver.url)
    for plan in ("gold", "silver", "gold"):
        put_many(client, 400, plan)
    installation.catch_up()
    with delivering(installation), delivering(installation):
        eventually(lambda: len(receiver.changes) >= 1_200)
        eventually(lambda: read(client, made)["backlog"] == 0)
    assert [len(each.changes) for each in receiver.accepted] == [100] * 12
    assert [each["position"] for each in receiver.changes] == sorted(each["position"] for each in receiver.changes)
    assert len({each["id"] for each in receiver.changes}) == 1_200
    assert folded(receiver.changes) == {
        each["customer_id"] for each in receiver.changes if each["segment_id"] == gold and each["type"] == "joined"
    }


def test_a_full_send_gives_the_members_and_then_every_change_after_them(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold = segment(client)
    put_many(client, 120, "gold")
    installation.catch_up()
    before = members(client, gold)
    made = hook(client, receiver.url, segment_ids=[gold], full_send=True)

    def change_meanwhile(_: Received) -> Answered:
        if len(receiver.requests) == 1:
            put(client, "c0", None)
            put(client, "late", "gold")
        return Answered()

    receiver.answer = change_meanwhile
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 122 and read(client, made)["full_send"] is None)
    sent = [each.message for each in receiver.accepted]
    assert [each["type"].split(".")[2] for each in sent] == ["full_send", "full_send", "changed"]
    assert [each["data"]["full_send"] for each in sent[:2]] == [
        {"records": 120, "remaining": 20}, {"records": 120, "remaining": 0}
    ]  # fmt: skip
    assert {each["type"] for each in receiver.changes[:120]} == {"present"}
    assert {each["customer_id"] for each in receiver.changes[:120]} >= before - {receiver.changes[120]["customer_id"]}
    assert folded(receiver.changes) == members(client, gold)


def test_changes_are_sent_again_from_a_position_under_their_ids(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    for n in range(4):
        put(client, f"c{n}", "gold")
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 4 and read(client, made)["backlog"] == 0)
        first = list(receiver.changes)
        again = client.post(f"/v1/webhooks/{made['id']}/redeliver", json={"position": first[2]["position"]})
        assert (again.status_code, again.json()["backlog"]) == (202, 2)
        eventually(lambda: len(receiver.changes) == 6)
    assert receiver.changes[4:] == first[2:]
    assert len({each.headers["webhook-id"] for each in receiver.accepted}) == len(receiver.accepted)


def test_a_rebuild_sends_nothing_again(installation: Installation, account_id: UUID, receiver: Receiver) -> None:
    key = installation.key(account_id)
    with installation.projecting(), installation.open_api(key, webhook_networks=LOCAL) as client:
        segment(client)
        made = hook(client, receiver.url)
        put(client, "a", "gold")
        with delivering(installation):
            eventually(lambda: len(receiver.changes) == 1)
    rebuild(installation.url)
    with installation.projecting(), installation.open_api(key, webhook_networks=LOCAL) as client:
        put(client, "a", None)
        with delivering(installation):
            eventually(lambda: len(receiver.changes) == 2)
            eventually(lambda: read(client, made)["backlog"] == 0)
    assert [each["type"] for each in receiver.changes] == ["joined", "left"]


def test_a_webhook_of_a_campaign_follows_its_segments_to_their_end(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    gold, silver = segment(client), segment(client, "silver", "Silver")
    segment(client, "bronze", "Bronze")
    campaign = client.post("/v1/campaigns", json={"name": "Sale", "segment_ids": [gold, silver]}).json()["id"]
    hook(client, receiver.url, campaign_ids=[campaign])
    put(client, "a", "gold")
    put(client, "b", "silver")
    put(client, "c", "bronze")
    client.delete(f"/v1/segments/{silver}").raise_for_status()
    with delivering(installation):
        eventually(lambda: len(receiver.changes) == 3)
    assert [(each["type"], each["segment_id"], each["cause"]) for each in receiver.changes] == [
        ("joined", gold, "change"), ("joined", silver, "change"), ("left", silver, "segment_deleted")
    ]  # fmt: skip


def test_after_another_secret_both_sign_for_a_day(
    installation: Installation, client: Client, receiver: Receiver, clock: Clock
) -> None:
    segment(client)
    made = hook(client, receiver.url)
    with delivering(installation):
        fresh = client.post(f"/v1/webhooks/{made['id']}/secret").json()["secret"]
        put(client, "a", "gold")
        eventually(lambda: len(receiver.accepted) == 1)
        clock.passes(hours=25)
        put(client, "b", "gold")
        eventually(lambda: len(receiver.accepted) == 2)
    both, one = receiver.accepted
    assert (both.is_signed_with(made["secret"]), both.is_signed_with(fresh)) == (True, True)
    assert (one.is_signed_with(made["secret"]), one.is_signed_with(fresh)) == (False, True)


def test_a_test_message_arrives_once_also_while_the_webhook_is_paused(
    installation: Installation, client: Client, receiver: Receiver
) -> None:
    made = hook(client, receiver.url)
    edit(client, made, state="paused")
    asked = client.post(f"/v1/webhooks/{made['id']}/test")
    with delivering(installation):
        eventually(lambda: log_of(client, made))
    assert receiver.accepted[0].headers["webhook-id"] == asked.json()["message_id"]
    assert receiver.accepted[0].message["type"] == "rollcall.webhook.test.v1"
    assert [each["kind"] for each in log_of(client, made)] == ["test"]

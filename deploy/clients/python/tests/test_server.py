"""The operations, against a real server: each does what it says, and reads see what was just written."""

from __future__ import annotations

import time
import uuid

import pytest

from rollcall_client import Conflict, Filter, Invalid, NotFound, Rollcall, StaleVersion, Unauthorized
from rollcall_client.shapes import BulkLine


@pytest.fixture
def plan(rollcall: Rollcall) -> str:
    """An attribute that no other test has."""
    return str(rollcall.attributes.declare(f"plan_{uuid.uuid4().hex[:12]}", "text", "Plan")["key"])


def is_gold(plan: str) -> Filter:
    return [{"attribute": plan, "operator": "equals", "value": "gold"}]


def test_customers_are_changed_and_read_and_erased(rollcall: Rollcall, plan: str) -> None:
    name = f"crm/{uuid.uuid4()}"
    made = rollcall.customers.put(name, name="Ana Sá", attributes={plan: "gold", "n": 1.5}, tags=["vip"])
    assert rollcall.customers.put(name, attributes={"n": None})["attributes"] == {plan: "gold"}
    assert rollcall.customers.get(name)["id"] == made["id"] == rollcall.customers.get(made["id"])["id"]
    assert made["id"] in [each["id"] for each in rollcall.customers.list("ana sa")]
    rollcall.customers.delete(name)
    with pytest.raises(NotFound):
        rollcall.customers.get(name)


def test_many_customers_are_sent_in_parts_and_rejected_by_their_place(rollcall: Rollcall, plan: str) -> None:
    segment = rollcall.segments.create(f"Gold {plan}", filter=is_gold(plan))
    lines: list[BulkLine] = [{"external_id": f"{plan}-{n}", "attributes": {plan: "gold"}} for n in range(1_005)]
    lines[1_002] = {"external_id": f"{plan}-x", "phone": "not a number"}
    answer = rollcall.customers.send(iter(lines))
    assert (answer["accepted"], [each["line"] for each in answer["rejected"]]) == (1_004, [1_003])
    members = [each["external_id"] for each in rollcall.segments.members(segment["id"])]
    assert len(members) == len(set(members)) == 1_004
    assert {each["external_id"] for each in rollcall.segments.stream_members(segment["id"])} == set(members)
    assert set(members) <= {each["external_id"] for each in rollcall.customers.stream()}
    assert rollcall.customers.send([]) == {"accepted": 0, "rejected": []}
    with pytest.raises(Invalid) as refused:
        rollcall.customers.send([{"external_id": ""}])
    assert refused.value.code == "no_line_accepted"


def test_segments_are_edited_by_version_and_explain_themselves(rollcall: Rollcall, plan: str) -> None:
    customer = rollcall.customers.put(plan, attributes={plan: "gold"})
    segment = rollcall.segments.create("Gold", filter=is_gold(plan), description="First")
    assert rollcall.segments.preview(is_gold(plan))["count"] == 1
    edited = rollcall.segments.edit(segment["id"], name="Golden", if_match=segment["version"])
    with pytest.raises(StaleVersion) as stale:
        rollcall.segments.edit(segment["id"], name="Other", if_match=segment["version"])
    assert stale.value.current_version == edited["version"]
    assert rollcall.segments.explain(segment["id"], customer["id"])["member"] is True
    assert [each["id"] for each in rollcall.customers.segments(plan)] == [segment["id"]]
    with pytest.raises(Conflict) as computed:
        rollcall.segments.add_members(segment["id"], [customer["id"]])
    assert computed.value.code == "members_are_computed"
    with pytest.raises(Invalid) as wrong:
        rollcall.segments.preview([{"attribute": plan, "operator": "at_least", "value": 1}])
    assert wrong.value.mistakes[0].pointer == "/filter/0/operator"
    rollcall.segments.delete(segment["id"])
    assert segment["id"] not in [each["id"] for each in rollcall.segments.list("Golden", "dynamic")]


def test_lists_by_hand_have_members_history_and_changes(rollcall: Rollcall, plan: str) -> None:
    customer = rollcall.customers.put(plan, name="Bia")
    listed = rollcall.segments.create(f"List {plan}")
    answer = rollcall.segments.add_members(listed["id"], [customer["id"], str(uuid.uuid4())])
    assert (answer["added"], len(answer["unknown"])) == (1, 1)
    assert customer["id"] not in [each["id"] for each in rollcall.segments.candidates(listed["id"], "Bia")]
    rollcall.segments.remove_member(listed["id"], customer["id"])
    assert [each["joined"] for each in rollcall.segments.history(listed["id"])] == [False, True]
    *_, page = rollcall.segments.changes(listed["id"])
    assert [each["type"] for each in page["data"]] == ["joined", "left"]
    assert [each["data"] for each in rollcall.segments.changes(listed["id"], page["next_after"])] == [[]]
    pages = rollcall.segments.all_changes(page["data"][0]["number"] - 1, fields="external_id,name")
    (joined, *_) = (each for each in next(pages)["data"] if each["segment_id"] == listed["id"])
    assert (joined["segment_name"], joined["external_id"], joined["name"]) == (f"List {plan}", plan, "Bia")


def test_the_same_idempotency_key_creates_one_segment(rollcall: Rollcall) -> None:
    key = str(uuid.uuid4())
    made = [rollcall.segments.create("Once", idempotency_key=key)["id"] for _ in range(2)]
    assert made[0] == made[1]


def test_campaigns_stream_their_recipients_and_freeze_them(rollcall: Rollcall, plan: str) -> None:
    for number in range(3):
        rollcall.customers.put(f"{plan}-{number}", phone=f"+35191234567{number}", attributes={plan: "gold"})
    segment = rollcall.segments.create(f"Gold {plan}", filter=is_gold(plan))
    campaign = rollcall.campaigns.create("May", [segment["id"]])
    assert {each["external_id"] for each in rollcall.campaigns.recipients(campaign["id"])} == {
        f"{plan}-{number}" for number in range(3)
    }
    audience = rollcall.campaigns.freeze(campaign["id"])
    assert rollcall.campaigns.audience(audience["id"])["count"] == 3
    rollcall.customers.put(f"{plan}-0", attributes={plan: "free"})
    assert len([*rollcall.campaigns.recipients(campaign["id"])]) == 2
    assert len([*rollcall.campaigns.audience_recipients(audience["id"])]) == 3
    edited = rollcall.campaigns.edit(campaign["id"], name="June", if_match=campaign["version"])
    assert rollcall.campaigns.get(campaign["id"])["name"] == edited["name"] == "June"
    rollcall.campaigns.delete(campaign["id"])
    assert campaign["id"] not in [each["id"] for each in rollcall.campaigns.list()]


def test_a_file_is_begun_to_be_imported(rollcall: Rollcall) -> None:
    listed = rollcall.segments.create(f"Import {time.time_ns()}")
    begun = rollcall.segments.import_members(listed["id"], "people.csv", b"phone,name\r\n+351912345678,Ana\r\n")
    assert rollcall.segments.get_import(begun["id"])["file_name"] == "people.csv"


def test_keys_are_made_and_revoked(rollcall: Rollcall) -> None:
    made = rollcall.keys.create("reports", "read")
    assert made["id"] in [each["id"] for each in rollcall.keys.list()]
    with Rollcall(str(rollcall._http.base_url), made["key"]) as reader:
        reader.position = rollcall.position
        assert "name" in [each["key"] for each in reader.attributes.list()]
        rollcall.keys.revoke(made["id"])
        with pytest.raises(Unauthorized):
            [*reader.segments.list()]


def test_an_attribute_is_computed_and_removed(rollcall: Rollcall) -> None:
    key = f"orders_{uuid.uuid4().hex[:12]}"
    with pytest.raises(Invalid):
        rollcall.attributes.compute(key, {"activity": "never_recorded", "aggregate": "count"})
    with pytest.raises(NotFound):
        rollcall.attributes.remove(key)
    with pytest.raises(Conflict):
        rollcall.attributes.remove(str(rollcall.attributes.declare(key, "number")["key"]))

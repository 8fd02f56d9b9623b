"""api/asyncapi.yaml describes the Kafka interface: its examples go through the real parser and publishers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from jsonschema import Draft202012Validator

from consumers.cloud_events import Unusable, parse_record
from consumers.dead_letter_publisher import message_of
from consumers.members_publisher import message_of as member_message
from consumers.membership_publisher import message_of as membership_message
from consumers.records import Record
from domain.activities.activity import MAX_PROPERTIES, Activity
from domain.customer import CustomerChange, CustomerData
from domain.formats.cloud_events import KINDS
from domain.formats.fields import CHANGE_FIELDS, OF_CHANGE, Fields
from projections.read.streams.changes import Change
from projections.records.dead_letters import StoredLetter

DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parents[3] / "api" / "asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
EVERY_FIELD = Fields(OF_CHANGE)


class MachineClock:
    def now(self) -> datetime:
        return datetime(2026, 5, 20, tzinfo=UTC)

    def from_machine(self, milliseconds: int) -> int:
        return milliseconds


def as_record(example: dict[str, Any]) -> Record:
    payload = example["payload"]
    value = None if payload is None else json.dumps(payload).encode()
    headers: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in example["headers"].items()]
    return Record(0, 1_779_271_200_125, b"key", value, headers)


def check(part: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**part, "components": DOCUMENT["components"]}).validate(value)


def headers_of(message: dict[str, Any]) -> dict[str, Any]:
    traits = message.get("traits", [])
    own: dict[str, Any] = message.get("headers", {})
    return own or next(resolved(trait)["headers"] for trait in traits)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def examples() -> Iterator[Any]:
    for name, message in MESSAGES.items():
        for example in message["examples"]:
            yield pytest.param(message, example, id=f"{name}: {example['name']}")


@pytest.mark.parametrize(("message", "example"), list(examples()))
def test_examples_fit_their_schemas(message: dict[str, Any], example: dict[str, Any]) -> None:
    check(headers_of(message), example["headers"])
    check(message["payload"], example["payload"])


@pytest.mark.parametrize(
    ("message", "example"),
    [each for each in examples() if not str(each.id).startswith(("deadLetter", "member"))],
)
def test_every_example_is_parsed(message: dict[str, Any], example: dict[str, Any]) -> None:
    change = parse_record(as_record(example), MachineClock())
    assert isinstance(change, CustomerChange), change
    event = example["payload"] if message["name"] == "structured" else example["headers"]
    kind = event.get("type") or event["ce_type"]
    assert change.kind == KINDS[kind]
    assert message["name"] in (kind, "structured")
    assert change.external_id == (event.get("subject") or event["ce_subject"])
    assert (change.data is not None) == (change.kind == "changed")
    assert (change.activity is not None) == (change.kind == "activity")


def test_the_dead_letter_example_is_what_is_published() -> None:
    (example,) = MESSAGES["deadLetter"]["examples"]
    headers = example["headers"]
    record = Record(
        int(headers["dlt-original-offset"]),
        int(headers["dlt-original-timestamp"]),
        b"c-1001",
        example["payload"].encode(),
        [(name, text.encode()) for name, text in headers.items() if name.startswith("ce_")],
    )
    reason = parse_record(record, MachineClock())
    assert isinstance(reason, Unusable)
    failed = datetime.fromisoformat(headers["dlt-first-failed-at"])
    letter = StoredLetter(
        1, headers["dlt-original-topic"], int(headers["dlt-original-partition"]), record.offset, record.timestamp,
        record.key, record.value, record.headers, reason.code, reason.message, 1, failed,
    )  # fmt: skip
    sent = message_of(letter)
    assert {name: text.decode() for name, text in sent.headers} == headers
    assert sent.topic == DOCUMENT["channels"]["deadLetters"]["address"]


def test_names_are_those_of_the_code() -> None:
    assert set(SCHEMAS["Type"]["enum"]) == set(KINDS)
    assert set(SCHEMAS["CustomerData"]["properties"]) == set(CustomerData.model_fields)
    assert set(SCHEMAS["ActivityData"]["properties"]) == set(Activity._fields)
    assert SCHEMAS["ActivityData"]["properties"]["properties"]["maxProperties"] == MAX_PROPERTIES


def test_every_reference_leads_somewhere_and_every_message_is_used() -> None:
    text = json.dumps(DOCUMENT)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert all(resolved({"$ref": each}) is not None for each in references)
    for kind, parts in DOCUMENT["components"].items():
        assert [name for name in parts if f"#/components/{kind}/{name}" not in references] == []
    offered = {
        f"#/channels/{name}/messages/{each}"
        for name, parts in DOCUMENT["channels"].items()
        for each in parts["messages"]
    }
    assert offered <= references


def test_a_value_that_the_schema_refuses_is_unusable() -> None:
    refused: list[Any] = [{"nome": 1}, {"phone": 1}, {"tags": "vip"}, {"opted_out": "no"}, {"attributes": []}, []]
    for data in refused:
        assert not Draft202012Validator(SCHEMAS["CustomerData"]).is_valid(data)
        record = as_record({"headers": MESSAGES["changed"]["examples"][0]["headers"], "payload": data})
        assert isinstance(parse_record(record, MachineClock()), Unusable)


def test_a_published_membership_change_fits_its_schema() -> None:
    at = datetime(2026, 5, 20, tzinfo=UTC)
    ids = UUID(int=1), UUID(int=2), "Gold customers", UUID(int=3)
    values = {"external_id": "c-1001", "phone": "+351912345678", "plan": "gold"}
    living = Change(1, *ids, 40, 7, 41, at, True, "time", values, at, at)
    erased = living._replace(joined=False, cause="deletion", values=None, created_at=None, updated_at=None)
    for change, fields in product((living, erased), (CHANGE_FIELDS, EVERY_FIELD)):
        message = membership_message(change, fields)
        headers = {name: (content or b"").decode() for name, content in message.headers}
        check(resolved(MESSAGES["membershipChange"]["headers"]), headers)
        check(resolved(MESSAGES["membershipChange"]["payload"]), json.loads(message.value or b""))
        assert message.key == str(UUID(int=3)).encode()
        assert headers["ce_type"] == f"rollcall.membership.{'joined' if change.joined else 'left'}.v1"
        assert (b"c-1001" in (message.value or b"")) == (change is living)


def test_a_published_member_fits_its_schema() -> None:
    at = datetime(2026, 5, 20, tzinfo=UTC)
    ids = UUID(int=1), UUID(int=2), "Gold customers", UUID(int=3)
    joined = Change(1, *ids, 40, 7, 41, at, True, "time", {"external_id": "c-1001"}, at, at)
    for change in (joined, joined._replace(joined=False)):
        message = member_message("rollcall.members.v1", change, EVERY_FIELD)
        payload = None if message.value is None else json.loads(message.value)
        check(resolved(MESSAGES["member"]["headers"]), {name: (each or b"").decode() for name, each in message.headers})
        check(MESSAGES["member"]["payload"], payload)
        assert (payload is None) != change.joined
        assert message.key == f"{UUID(int=2)}:{UUID(int=3)}".encode()


def test_the_schema_of_membership_changes_names_every_field_there_is() -> None:
    described = SCHEMAS["MembershipChange"]
    always = {"number", "segment_id", "segment_name", "customer_id", "at", "cause", "position", "external_id"}
    assert set(described["required"]) == always
    assert set(described["properties"]) == always | set(OF_CHANGE)

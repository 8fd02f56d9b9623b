"""Records of other software's formats: which change each asks for, and why others ask for none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from consumers.cloud_events import Ignored, Unusable
from consumers.records import Record
from consumers.topic_formats import RecordReader
from domain.customer import CustomerChange, CustomerData
from domain.formats.names import LeftOut
from domain.formats.rows import RowChange, TopicFormat

NOW = datetime(2026, 5, 20, 10, tzinfo=UTC)
SENT = 1_700_000_000_123
SENT_AT = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
SOURCE = {
    "connector": "postgresql", "name": "shop", "db": "crm", "schema": "public", "table": "customers",
    "ts_ms": 1_600_000_000_001, "ts_us": 1_600_000_000_001_234, "ts_ns": 1_600_000_000_001_234_567,
    "snapshot": "false", "lsn": 24_023_128,
}  # fmt: skip
COMMITTED = datetime(2020, 9, 13, 12, 26, 40, 1_234, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW

    def from_machine(self, milliseconds: int) -> int:
        return milliseconds


def read(rules: str | dict[str, Any], value: Any, key: Any = b"17") -> CustomerChange | RowChange | Unusable | Ignored:
    checked = TopicFormat.model_validate({"format": rules} if isinstance(rules, str) else rules)
    raw_value, raw_key = (
        each if isinstance(each, bytes | None) else json.dumps(each).encode() for each in (value, key)
    )
    return RecordReader(Clock(), {"t": checked}).read("t", Record(0, SENT, raw_key, raw_value, []))


def change(rules: str | dict[str, Any], value: Any, key: Any = b"17") -> CustomerChange:
    found = read(rules, value, key)
    assert isinstance(found, RowChange), found
    assert found.left_out == []
    return found.change


def attributes(rules: str | dict[str, Any], value: Any, key: Any = b"17") -> dict[str, Any]:
    data = change(rules, value, key).data
    assert data is not None
    return data.attributes or {}


def refused(rules: str | dict[str, Any], value: Any, key: Any = b"17") -> str:
    found = read(rules, value, key)
    assert isinstance(found, Unusable), found
    return found.code


def envelope(op: str, after: Any = None, before: Any = None, **source: Any) -> dict[str, Any]:
    return {"op": op, "before": before, "after": after, "source": SOURCE | source, "ts_ms": 1_600_000_000_777}


def test_a_row_of_debezium_is_a_change_as_of_its_commit() -> None:
    row = {"id": 17, "firstName": "Ana", "lastName": "Reis", "phone": "+351912345678", "plan": "gold", "vip": None}
    found = change("debezium", envelope("u", row), {"id": 17})
    assert (found.external_id, found.kind, found.at, found.partial) == ("17", "changed", COMMITTED, True)
    assert found.data == CustomerData(
        phone="+351912345678",
        name="Ana Reis",
        attributes={"first_name": "Ana", "last_name": "Reis", "plan": "gold", "vip": None},
    )
    assert found.source == "debezium:shop.crm.public.customers"
    assert found.arrival is not None


def test_debezium_sent_again_is_recognised_and_the_next_change_is_another() -> None:
    first, again = (change("debezium", envelope("u", {"a": 1})) for _ in range(2))
    other = change("debezium", envelope("u", {"a": 1}, lsn=24_023_129))
    assert first.change_id == again.change_id != other.change_id


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"ts_ns": None}, COMMITTED),
        ({"ts_ns": None, "ts_us": None}, COMMITTED.replace(microsecond=1_000)),
        ({"ts_ns": 0, "ts_us": 0, "ts_ms": 0}, datetime(2020, 9, 13, 12, 26, 40, 777_000, tzinfo=UTC)),
    ],
)
def test_the_time_of_debezium_is_the_most_exact_one_that_is_there(times: dict[str, Any], expected: datetime) -> None:
    assert change("debezium", envelope("c", {"a": 1}, **times)).at == expected


def test_a_snapshot_sets_only_what_no_change_has_set_unless_it_is_to_replace() -> None:
    assert change("debezium", envelope("r", {"a": 1})).at == datetime(1970, 1, 1, tzinfo=UTC)
    assert change({"format": "debezium", "snapshots": "replace"}, envelope("r", {"a": 1})).at == COMMITTED


def test_a_deleted_row_is_ignored_or_erases_by_choice() -> None:
    erases = {"format": "debezium", "deletes": "erase"}
    gone = envelope("d", before={"id": 17})
    assert read("debezium", gone) == Ignored()
    found = change(erases, gone, {"id": 17})
    assert (found.external_id, found.kind, found.at, found.data) == ("17", "deleted", COMMITTED, None)
    for rules in ("debezium", erases):
        assert read(rules, None) == Ignored(), "the event before it said so already"
    assert read("debezium", envelope("t")) == Ignored()
    assert refused(erases, envelope("t"), None) == "missing_subject"
    assert read(erases, {"op": "m", "message": {"prefix": "x"}}) == Ignored()


def test_a_tombstone_of_connect_and_json_is_ignored_or_erases_by_choice() -> None:
    for name in ("connect", "json"):
        assert read(name, None) == Ignored()
        found = change({"format": name, "deletes": "erase"}, None, b"ana")
        assert (found.external_id, found.kind, found.at) == ("ana", "deleted", SENT_AT)
    unwrapped = {"id": 17, "plan": "gold", "__deleted": "true"}
    assert read("connect", unwrapped) == Ignored()
    assert change({"format": "connect", "deletes": "erase"}, unwrapped).kind == "deleted"
    assert attributes("connect", unwrapped | {"__deleted": "false"}) == {"id": 17, "plan": "gold"}


def test_debezium_s_cloud_events_are_the_same_rows() -> None:
    event = {
        "id": "name:shop;lsn:29274832;txId:565", "source": "/debezium/postgresql/shop", "specversion": "1.0",
        "type": "io.debezium.connector.postgresql.DataChangeEvent", "time": "2020-09-13T12:26:40.001234Z",
        "datacontenttype": "application/json", "iodebeziumop": "u", "iodebeziumtsms": "1600000000001",
        "data": {"before": None, "after": {"id": 17, "plan": "gold"}},
    }  # fmt: skip
    plain = change("debezium", event, {"id": 17})
    assert (plain.at, plain.source, plain.change_id) == (COMMITTED, event["source"], event["id"])
    assert plain.data == CustomerData(attributes={"plan": "gold"})
    schema = {"type": "struct", "fields": [{"field": "after", "type": "struct", "fields": []}]}
    assert change("debezium", event | {"data": {"schema": schema, "payload": event["data"]}}, {"id": 17}) == plain
    assert refused("debezium", event | {"data": "AAAA"}) == "unsupported_content_type"
    del event["iodebeziumop"]
    assert refused("debezium", event) == "not_an_envelope"


def test_what_debezium_does_not_send_again_stays() -> None:
    row = {"plan": "gold", "notes": "__debezium_unavailable_value", "photo": "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="}
    assert attributes("debezium", envelope("u", row)) == {"plan": "gold"}


def test_a_schema_of_connect_says_what_values_mean() -> None:
    def field(name: str, kind: str, meaning: str | None = None, **more: Any) -> dict[str, Any]:
        return {"field": name, "type": kind, "optional": True} | ({"name": meaning} if meaning else {}) | more

    data = "org.apache.kafka.connect.data."
    fields = [
        field("joined", "int32", f"{data}Date"),
        field("seen", "int64", f"{data}Timestamp"),
        field("micro", "int64", "io.debezium.time.MicroTimestamp"),
        field("balance", "bytes", f"{data}Decimal", parameters={"scale": "2"}),
        field("any", "struct", "io.debezium.data.VariableScaleDecimal"),
        field("extra", "string", "io.debezium.data.Json"),
        field("roles", "string", "io.debezium.data.EnumSet"),
        field("zoned", "string", "io.debezium.time.ZonedTimestamp"),
        {"field": "address", "type": "struct", "fields": [field("since", "int32", f"{data}Date")]},
        {"field": "days", "type": "array", "items": {"type": "int32", "name": f"{data}Date"}},
        field("none", "int32", f"{data}Date"),
    ]
    payload = {
        "joined": 18_518, "seen": 1_600_000_000_001, "micro": 1_600_000_000_001_234, "balance": "AN3V",
        "any": {"scale": 3, "value": "B1vNFQ=="}, "extra": '{"tier": 3, "tags": ["a"]}', "roles": "admin,owner",
        "zoned": "2020-09-13T12:26:40Z", "address": {"since": 0}, "days": [0, 1], "none": None, "unknown": 1,
    }  # fmt: skip
    schema = {"type": "struct", "fields": fields, "optional": False, "name": "customers.Value"}
    key = {"schema": {"type": "int64"}, "payload": 17}
    found = change("connect", {"schema": schema, "payload": payload}, key)
    assert found.external_id == "17"
    assert found.data is not None
    assert found.data.tags is None
    assert found.data.attributes == {
        "joined": "2020-09-13", "seen": "2020-09-13T12:26:40.001000Z", "micro": "2020-09-13T12:26:40.001234Z",
        "balance": Decimal("567.89"), "any": Decimal("123456.789"), "extra_tier": 3, "extra_tags": ["a"],
        "roles": ["admin", "owner"], "zoned": "2020-09-13T12:26:40Z", "address_since": "1970-01-01",
        "days": ["1970-01-01", "1970-01-02"], "none": None, "unknown": 1,
    }  # fmt: skip
    assert change("connect", {"schema": None, "payload": {"a": 1}}) == change("connect", {"a": 1})
    assert refused("connect", {"schema": 5, "payload": {"a": 1}}) == "invalid_schema"


@pytest.mark.parametrize(
    ("key", "rules", "expected"),
    [
        (b"ana", {}, "ana"),
        (b'"ana"', {}, "ana"),
        (b"017", {}, "017"),
        (b"17", {}, "17"),
        (b"1e3", {}, "1e3"),
        (b"true", {}, "true"),
        ({"id": 17}, {}, "17"),
        ({"payload": {"id": "x"}, "schema": None}, {}, "x"),
        ({"tenant": 3, "id": 17}, {"id": "id"}, "17"),
        (None, {"id": "contact.id"}, "c-9"),
        (b"ignored", {"id": "contact.id"}, "c-9"),
    ],
)
def test_the_key_or_a_field_names_the_customer(key: Any, rules: dict[str, Any], expected: str) -> None:
    assert change({"format": "json"} | rules, {"contact": {"id": "c-9"}}, key).external_id == expected


@pytest.mark.parametrize(
    ("key", "rules", "code"),
    [
        (None, {}, "missing_subject"),
        (b"", {}, "missing_subject"),
        (b"\xff", {}, "missing_subject"),
        (b"a\x07", {}, "missing_subject"),
        ({"id": None}, {}, "missing_subject"),
        ({"id": True}, {}, "missing_subject"),
        ({"id": [1]}, {}, "missing_subject"),
        ({"tenant": 3, "id": 17}, {}, "ambiguous_key"),
        ({}, {}, "ambiguous_key"),
        (b"ana", {"id": "nowhere"}, "missing_subject"),
    ],
)
def test_a_key_that_names_no_customer_is_refused(key: Any, rules: dict[str, Any], code: str) -> None:
    assert refused({"format": "json"} | rules, {"contact": {"id": "c-9"}}, key) == code


def test_rules_name_fields_and_say_what_numbers_count() -> None:
    rules = {
        "format": "json",
        "names": {"e_mail": "email", "address.city": "town", "cust_name": "name"},
        "leave_out": ["password_hash", "address.street"],
        "units": {"signup": "days", "seen": "seconds", "far": "days"},
        "time": "updated",
    }
    row = {
        "e_mail": "a@b.c", "address": {"city": "Porto", "street": "x"}, "cust_name": "Ana", "password_hash": "x",
        "signup": 18_518, "seen": 1_600_000_000, "far": 10**9, "updated": 1_600_000_000_001, "年齢": 3,
    }  # fmt: skip
    found = read(rules, row)
    assert isinstance(found, RowChange)
    assert found.change.at == COMMITTED.replace(microsecond=1_000)
    assert found.change.data == CustomerData(
        name="Ana",
        attributes={
            "email": "a@b.c",
            "town": "Porto",
            "signup": "2020-09-13",
            "seen": "2020-09-13T12:26:40Z",
            "updated": 1_600_000_000_001,
        },
    )
    assert [(each.name, each.code) for each in found.left_out] == [
        ("far", "invalid_value"),
        ("年齢", "unmappable_name"),
    ]
    assert change(rules, row | {"far": None, "年齢": {}, "updated": "2020-09-13T12:26:40.001234Z"}).at == COMMITTED
    assert change(rules | {"format": "connect", "deletes": "erase"}, row | {"__deleted": "true"}).at == SENT_AT
    for wrong in (None, "soon", 10**30):
        assert refused(rules, row | {"updated": wrong}) == "invalid_time"


@pytest.mark.parametrize(
    ("rules", "value", "code"),
    [
        ("json", b"{", "malformed_json"),
        ({"format": "json", "deletes": "erase"}, b"", "malformed_json"),
        ("json", [1], "not_a_row"),
        ("connect", b"17", "not_a_row"),
        ("debezium", {"id": 17}, "not_an_envelope"),
        ("debezium", {"op": "x", "after": {}}, "unknown_operation"),
        ("debezium", {"op": ["c"], "after": {}}, "unknown_operation"),
        ("debezium", envelope("c", None), "missing_row"),
        ("debezium", envelope("c", {"a": 1}, ts_ns=10**30), "invalid_time"),
        ("json", b"\x00\x00\x00\x00\x01\x00", "no_schema_registry"),
    ],
)
def test_what_can_never_be_read_says_why(rules: str | dict[str, Any], value: Any, code: str) -> None:
    assert refused(rules, value) == code


def test_a_value_that_has_no_place_is_named_and_the_rest_is_taken() -> None:
    found = read("json", {"plan": "gold", "Plan": "silver", "tags": "vip"})
    assert isinstance(found, RowChange)
    assert found.change.data == CustomerData(attributes={"plan": "gold"})
    assert found.left_out == [
        LeftOut("Plan", "same_key", "plan is also the key of another name"),
        LeftOut("tags", "invalid_value", "needs a list of texts"),
    ]


def test_a_date_beyond_the_calendar_is_no_number_instead() -> None:
    """PostgreSQL's `infinity`, as Debezium sends it: as a number it could decide the type of its attribute."""
    fields = [{"field": "until", "type": "int64", "name": "io.debezium.time.MicroTimestamp"}]
    row = {"until": 9_223_372_036_825_200_000, "plan": "gold"}
    found = read("connect", {"schema": {"type": "struct", "fields": fields}, "payload": row})
    assert isinstance(found, RowChange)
    assert found.change.data == CustomerData(attributes={"plan": "gold"})
    assert [(each.name, each.code) for each in found.left_out] == [("until", "invalid_value")]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"format": "avro"}, "Input should be"),
        ({"format": "json", "key": "id"}, "Extra inputs are not permitted"),
        ({"format": "json", "names": {"x": "E-mail"}}, "x cannot become 'E-mail'"),
        ({"format": "json", "names": {"x": "created_at"}}, "x cannot become 'created_at'"),
        ({"format": "json", "names": {"x": "a", "y": "a"}}, "two fields have the same name"),
        ({"format": "json", "snapshots": "fill"}, "snapshots are Debezium's"),
        ({"deletes": "erase"}, "deletes has no effect on CloudEvents"),
        ({"format": "json", "units": {"x": "weeks"}}, "Input should be"),
    ],
)
def test_rules_that_cannot_work_are_refused(rules: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TopicFormat.model_validate(rules)

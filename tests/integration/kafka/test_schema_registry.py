"""Records in the framing of a schema registry, which is a real server here that speaks its documented API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from google.protobuf import descriptor_pb2, message_factory, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from consumers.cloud_events import Unusable
from consumers.records import Record
from consumers.schemas import SchemaRegistry
from consumers.tokens import ClientTokens
from consumers.topic_formats import RecordReader
from deploy.clock import Clock
from domain.errors import Invalid, Unavailable
from domain.formats.rows import RowChange, TopicFormat
from tests.support.kafka.broker import Broker, eventually
from tests.support.kafka.ingest import IngestRig
from tests.support.kafka.registry import PASSWORD, USER, Registry, framed, running_registry

ROW = {
    "type": "record", "name": "Value", "namespace": "shop.customers", "fields": [
        {"name": "id", "type": "long"},
        {"name": "plan", "type": ["null", "string"]},
        {"name": "joined", "type": {"type": "int", "connect.version": 1, "connect.name": "io.debezium.time.Date"}},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "balance", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["PERSON", "FIRM"]}},
    ]}  # fmt: skip
VALUES = {
    "id": 17, "plan": "gold", "joined": 18_518, "seen": datetime(2020, 9, 13, 12, 26, 40, 1_234, tzinfo=UTC),
    "balance": Decimal("567.89"), "tags": ["vip"], "kind": "FIRM",
}  # fmt: skip


@pytest.fixture
def rig(broker: Broker, database_url: str) -> IngestRig:
    return IngestRig(broker, database_url)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


def avro(schema: Any, value: Any, *, names: dict[str, Any] | None = None) -> bytes:
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(schema, named_schemas=names), value)
    return written.getvalue()


def read(registry: Registry, value: bytes, key: bytes = b"17", kind: str = "connect") -> Any:
    rules = TopicFormat.model_validate({"format": kind})
    reader = RecordReader(Clock(), {"t": rules}, SchemaRegistry(registry.url))
    return reader.read("t", Record(0, 0, key, value, []))


def test_avro_of_connect_is_a_row_and_its_schema_says_what_values_mean(registry: Registry) -> None:
    registry.avro(7, ROW)
    registry.avro(8, "long", "k")
    found = read(registry, framed(7, avro(ROW, VALUES)), framed(8, avro("long", 17)))
    assert isinstance(found, RowChange), found
    assert (found.change.external_id, found.left_out) == ("17", [])
    assert found.change.data is not None
    assert found.change.data.tags == ["vip"]
    assert found.change.data.attributes == {
        "id": 17, "plan": "gold", "joined": "2020-09-13", "seen": "2020-09-13T12:26:40.001234Z",
        "balance": Decimal("567.89"), "kind": "FIRM",
    }  # fmt: skip


def test_avro_of_debezium_names_the_row_s_type_twice_and_refers_to_another_schema(registry: Registry) -> None:
    source = {
        "type": "record",
        "name": "Source",
        "namespace": "io.debezium",
        "fields": [{"name": "ts_ms", "type": "long"}],
    }
    envelope = {
        "type": "record", "name": "Envelope", "namespace": "shop.customers", "fields": [
            {"name": "before", "type": ["null", ROW]},
            {"name": "after", "type": ["null", "Value"]},
            {"name": "source", "type": "io.debezium.Source"},
            {"name": "op", "type": "string"},
        ]}  # fmt: skip
    registry.avro(1, source, "source")
    registry.avro(2, envelope, references=[("io.debezium.Source", "source")])
    names: dict[str, Any] = {}
    fastavro.parse_schema(source, named_schemas=names)
    event = {"before": None, "after": VALUES, "source": {"ts_ms": 1_600_000_000_001}, "op": "c"}
    found = read(registry, framed(2, avro(envelope, event, names=names)), kind="debezium")
    assert isinstance(found, RowChange), found
    assert found.change.at == datetime(2020, 9, 13, 12, 26, 40, 1_000, tzinfo=UTC)
    assert (found.change.data.attributes or {})["joined"] == "2020-09-13" if found.change.data else False


def test_protobuf_is_a_row(registry: Registry) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="customer.proto", package="shop", syntax="proto3")
    file.dependency.extend(
        ["google/protobuf/timestamp.proto", "confluent/meta.proto", "google/type/date.proto", "plan.proto"]
    )
    file.message_type.add(name="Other")
    customer = file.message_type.add(name="Outer").nested_type.add(name="Customer")
    kinds = [
        ("id", FieldDescriptor.TYPE_INT64, None), ("name", FieldDescriptor.TYPE_STRING, None),
        ("seen", FieldDescriptor.TYPE_MESSAGE, ".google.protobuf.Timestamp"),
        ("born", FieldDescriptor.TYPE_MESSAGE, ".google.type.Date"), ("plan", FieldDescriptor.TYPE_ENUM, ".shop.Plan"),
        ("photo", FieldDescriptor.TYPE_BYTES, None), ("note", FieldDescriptor.TYPE_STRING, None),
    ]  # fmt: skip
    for number, (name, kind, type_name) in enumerate(kinds, 1):
        customer.field.add(name=name, number=number, type=kind, type_name=type_name, label=1)
    customer.field.add(name="roles", number=8, type=FieldDescriptor.TYPE_STRING, label=3)
    customer.oneof_decl.add(name="_note")
    customer.field[6].oneof_index, customer.field[6].proto3_optional = 0, True
    plan = descriptor_pb2.FileDescriptorProto(name="plan.proto", package="shop", syntax="proto3")
    for number, name in enumerate(("FREE", "GOLD")):
        (plan.enum_type or [plan.enum_type.add(name="Plan")])[0].value.add(name=name, number=number)
    registry.protobuf(3, plan.SerializeToString(), "plan")
    registry.protobuf(4, file.SerializeToString(), references=[("plan.proto", "plan")])

    pool = DescriptorPool()
    date_file = descriptor_pb2.FileDescriptorProto(
        name="google/type/date.proto", package="google.type", syntax="proto3"
    )
    of_date = date_file.message_type.add(name="Date")
    for number, name in enumerate(("year", "month", "day"), 1):
        of_date.field.add(name=name, number=number, type=FieldDescriptor.TYPE_INT32, label=1)
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(descriptor_pb2.FileDescriptorProto(name="confluent/meta.proto"))
    for each in (date_file, plan, file):
        pool.Add(each)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Outer.Customer"))
    message = kind(
        id=17, name="Ana", plan=1, photo=b"\x01", roles=["a", "b"], born={"year": 1990, "month": 2, "day": 3}
    )
    message.seen.FromDatetime(datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC))
    # The places of the message: two of them, the second of the file, and the first inside it.
    value = framed(4, b"\x04\x02\x00" + message.SerializeToString())
    found = read(registry, value)
    assert isinstance(found, RowChange), found
    assert found.change.data is not None
    assert found.change.data.name == "Ana"
    assert found.change.data.attributes == {
        "id": 17, "seen": "2020-09-13T12:26:40Z", "born": "1990-02-03", "plan": "GOLD", "photo": "AQ==", "note": None,
        "roles": ["a", "b"],
    }  # fmt: skip
    for wrong in (b"\x04\x02\x09", b"\x04\x02\x00\xff", b"\xff" * 12, b"\x7e"):
        assert read(registry, framed(4, wrong)).code == "malformed_protobuf", wrong


def test_a_schema_is_fetched_once(registry: Registry) -> None:
    registry.avro(7, ROW)
    decoding = SchemaRegistry(registry.url)
    for _ in range(3):
        assert decoding.decode(framed(7, avro(ROW, VALUES)))["joined"] == date(2020, 9, 13).isoformat()
        with pytest.raises(Invalid, match="unknown_schema"):
            decoding.decode(framed(8, b""))
    assert registry.asked == ["/schemas/ids/7", "/schemas/ids/8"]


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": ["null", "A"]}]}, "unsupported_schema"),
        ({"type": "array", "items": "null"}, "unsupported_schema"),
        ({"type": "array", "items": {"type": "record", "name": "E", "fields": []}}, "unsupported_schema"),
        ({"type": "record", "name": "A", "fields": [{"name": "a", "type": "B"}]}, "unsupported_schema"),
        ({"type": "nothing"}, "unsupported_schema"),
        ([], "malformed_avro"),
        ("long", "malformed_avro"),
    ],
)
def test_a_schema_that_cannot_be_used_and_bytes_that_do_not_fit_are_dead_letters(
    registry: Registry, schema: Any, code: str
) -> None:
    registry.avro(7, schema)
    found = read(registry, framed(7, b"\x02\x02\x02\x02"))
    assert isinstance(found, Unusable)
    assert found.code == code
    registry.other(9, "XSD", "x")
    assert read(registry, framed(9, b"")).code == "unsupported_schema"


def test_json_in_the_framing_is_json(registry: Registry) -> None:
    registry.other(5, "JSON", '{"type": "object"}')
    assert read(registry, framed(5, b'{"plan": "gold"}')).change.data.attributes == {"plan": "gold"}


@pytest.mark.parametrize("status", [500, 429, 400, 404])
def test_a_registry_that_does_not_answer_as_one_is_awaited(registry: Registry, status: int) -> None:
    registry.status = status
    with pytest.raises(Unavailable, match="registry_unavailable"):
        read(registry, framed(7, b""))


def test_a_login_at_the_registry(registry: Registry, tmp_path: Path) -> None:
    registry.login = True
    registry.avro(7, "long")
    secret = tmp_path / "secret"
    decoding = SchemaRegistry(registry.url, USER, secret.read_text)
    secret.write_text("wrong")
    with pytest.raises(Unavailable, match="registry_login_refused"):
        decoding.decode(framed(7, avro("long", 1)))
    secret.write_text(PASSWORD)
    assert decoding.decode(framed(7, avro("long", 1))) == 1


def test_ingest_waits_for_the_registry_and_loses_nothing(rig: IngestRig, registry: Registry) -> None:
    registry.avro(7, ROW)
    registry.status = 503
    rules = TopicFormat.model_validate({"format": "connect"})
    reader = RecordReader(Clock(), {rig.topic: rules}, SchemaRegistry(registry.url))
    for number in range(20):
        content = framed(7 if number else 99, avro(ROW, VALUES | {"id": number}))
        rig.broker.send(rig.topic, content, str(number).encode())
    rig.broker.flush()
    with rig.ingesting(reader=reader) as process:
        process.awaits("registry_unavailable")
        assert (rig.taken(), rig.letters()) == (0, [])
        registry.status = None
        eventually(lambda: rig.taken() == 20)
        eventually(lambda: rig.letters() == [("unknown_schema", True)])
    assert rig.customers() == 19
    (letter,) = rig.broker.read_all(f"{rig.topic}.dlt")
    assert letter.value() == framed(99, avro(ROW, VALUES | {"id": 0}))


def test_tokens_are_asked_for_with_the_client_s_secret_and_used_until_they_end(registry: Registry) -> None:
    registry.login = True
    registry.token = {"access_token": "first", "expires_in": 3_600}
    tokens = ClientTokens(f"{registry.url}/token", USER, lambda: PASSWORD, "kafka")
    assert [tokens(), tokens()] == ["first", "first"]
    assert registry.asked == ["/token"]
    assert registry.form == {"grant_type": ["client_credentials"], "scope": ["kafka"]}
    registry.token = {"access_token": "second"}
    short = ClientTokens(f"{registry.url}/token", USER, lambda: PASSWORD)
    assert [short(), short()] == ["second", "second"]
    assert len(registry.asked) == 3
    with pytest.raises(Unavailable, match="broker_login_refused"):
        ClientTokens(f"{registry.url}/token", USER, lambda: "wrong")()
    registry.token = json.loads("[]")
    with pytest.raises(Unavailable, match="broker_token_unavailable"):
        short()

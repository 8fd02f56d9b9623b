"""How each Kafka record is parsed: both CloudEvents modes, and arbitrary input."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.cloud_events import MAX_MESSAGE, Ignored, Unusable, parse_record
from consumers.records import Record
from domain.customer import CustomerChange, CustomerData
from domain.instants import Arrival, micros

NOW = datetime(2026, 5, 20, 10, 0, tzinfo=UTC)
RECORDED = datetime(2026, 5, 1, 8, 30, 0, 250_000, tzinfo=UTC)
SHIFT = timedelta(days=100)
Headers = list[tuple[str, bytes | None]]


class ShiftedClock:
    def now(self) -> datetime:
        return NOW

    def from_machine(self, milliseconds: int) -> int:
        return milliseconds + SHIFT // timedelta(milliseconds=1)


def headers(**changed: str | bytes | None) -> Headers:
    given_names = {
        "ce_specversion": "1.0",
        "ce_id": "e-1",
        "ce_source": "/crm",
        "ce_type": "rollcall.customer.changed.v1",
        "ce_subject": "c-17",
        "ce_time": "2026-05-20T12:00:00.5+02:00",
        "content_type": "application/json",
    } | changed
    return [
        (name.replace("content_type", "content-type"), text.encode() if isinstance(text, str) else text)
        for name, text in given_names.items()
        if text is not None
    ]


def binary(
    value: bytes | None = b'{"name": "Ann"}', key: bytes | None = b"c-17", **changed: str | bytes | None
) -> Record:
    return Record(5, round(RECORDED.timestamp() * 1000), key, value, headers(**changed))


def structured(
    content_type: bytes = b"application/cloudevents+json", extra: Headers | None = None, **changed: Any
) -> Record:
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/crm",
        "type": "rollcall.customer.changed.v1",
        "subject": "c-17",
        "time": "2026-05-20T10:00:00.500Z",
        "data": {"name": "Ann"},
    } | changed
    body = json.dumps({name: value for name, value in event.items() if value is not ...}).encode()
    return Record(
        5, round(RECORDED.timestamp() * 1000), b"c-17", body, [("content-type", content_type), *(extra or [])]
    )


def understood(record: Record) -> CustomerChange:
    change = parse_record(record, ShiftedClock())
    assert isinstance(change, CustomerChange), change
    return change


def refused(record: Record) -> str:
    reason = parse_record(record, ShiftedClock())
    assert isinstance(reason, Unusable), reason
    assert reason.message
    return reason.code


EXPECTED = CustomerChange(
    "c-17",
    "changed",
    datetime(2026, 5, 20, 10, 0, 0, 500_000, tzinfo=UTC),
    CustomerData(name="Ann"),
    "/crm",
    "e-1",
    arrival=Arrival("kafka", micros(RECORDED + SHIFT) // 1000),
)


def test_binary_mode() -> None:
    assert understood(binary()) == EXPECTED


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON; charset=UTF-8",
        b"application/cloudevents+json;charset=utf-8",
    ],
)
def test_structured_mode(content_type: bytes) -> None:
    assert understood(structured(content_type)) == EXPECTED


def test_the_content_type_decides_even_if_there_are_binary_headers_too() -> None:
    assert understood(structured(extra=[("ce_subject", b"somebody else"), ("ce_specversion", b"1.0")])) == EXPECTED


def test_structured_data_in_base64() -> None:
    assert understood(structured(data=..., data_base64=b64encode(b'{"name":"Ann"}').decode())) == EXPECTED


@pytest.mark.parametrize(
    "content_type", [None, "application/json; charset=utf-8", "text/json", "application/vnd.crm+json"]
)
def test_binary_data_is_json_under_each_of_its_names(content_type: str | None) -> None:
    assert understood(binary(content_type=content_type)) == EXPECTED


@pytest.mark.parametrize("kind", ["opted_out", "opted_in", "deleted"])
@pytest.mark.parametrize("value", [None, b"", b"not json", b"{}"])
def test_data_is_ignored_if_the_type_is_sufficient(kind: str, value: bytes | None) -> None:
    change = understood(binary(value, ce_type=f"rollcall.customer.{kind}.v1"))
    assert (change.kind, change.data, change.external_id) == (kind, None, "c-17")
    assert understood(structured(type=f"rollcall.customer.{kind}.v1", data=...)).kind == kind


def test_a_bare_tombstone_is_ignored() -> None:
    assert isinstance(parse_record(Record(1, 2, b"c-17", None, []), ShiftedClock()), Ignored)
    assert refused(binary(None)) == "missing_data"


def test_numbers_stay_exact() -> None:
    change = understood(binary(b'{"attributes": {"ltv": 0.1234567890123456789}}'))
    assert change.data is not None
    assert change.data.attributes == {"ltv": Decimal("0.1234567890123456789")}


def test_without_subject_the_key_names_the_customer() -> None:
    assert understood(binary(ce_subject=None, key="ключ".encode())).external_id == "ключ"
    assert refused(binary(ce_subject=None, key=b"\xff")) == "missing_subject"
    assert refused(binary(ce_subject=None, key=b"a\x00b")) == "missing_subject"
    assert refused(binary(ce_subject=None, key=b"")) == "missing_subject"
    assert refused(binary(ce_subject=None, key=None)) == "missing_subject"


def test_a_key_that_differs_from_the_subject_is_accepted_and_counted() -> None:
    from prometheus_client import REGISTRY

    def counted() -> float:
        return REGISTRY.get_sample_value("rollcall_ingest_key_differs_total") or 0

    before = counted()
    assert understood(binary(key=b"c-17")).external_id == "c-17"
    assert counted() == before
    assert understood(binary(key=b"another")).external_id == "c-17"
    assert understood(binary(key=None)).external_id == "c-17"
    assert counted() == before + 2


def test_without_time_the_record_timestamp_is_used_in_rehearsal_time() -> None:
    assert understood(binary(ce_time=None)).at == RECORDED + SHIFT
    assert understood(binary(ce_time=None)._replace(timestamp=-1)).at == NOW
    assert understood(binary(ce_time=None)._replace(timestamp=None)).at == NOW
    assert refused(binary(ce_time=None)._replace(timestamp=2**62)) == "invalid_time"


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-05-20T10:00:00Z", datetime(2026, 5, 20, 10, tzinfo=UTC)),
        ("2026-05-20t10:00:00z", datetime(2026, 5, 20, 10, tzinfo=UTC)),
        ("2026-05-20T10:00:00.1234567Z", datetime(2026, 5, 20, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-05-20T10:00:00-09:30", datetime(2026, 5, 20, 19, 30, tzinfo=UTC)),
    ],
)
def test_times_of_rfc_3339(time: str, at: datetime) -> None:
    assert understood(binary(ce_time=time)).at == at
    assert understood(structured(time=time)).at == at


@pytest.mark.parametrize(
    "time",
    ["", "yesterday", "2026-05-20", "20260520T100000Z", "2026-05-20T10:00:00", "2026-13-01T00:00:00Z",
     "2026-W21-3T10:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00",
     "2026-05-20T10:00:00+99:00", "٢٠٢٦-05-20T10:00:00Z"],
)  # fmt: skip
def test_other_times_are_refused(time: str) -> None:
    assert refused(binary(ce_time=time)) == "invalid_time"
    assert refused(structured(time=time)) == "invalid_time"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (Record(1, 2, b"k", b'{"name":"Ann"}', []), "not_a_cloud_event"),
        (Record(1, 2, b"k", b'{"name":"Ann"}', [("content-type", b"application/json")]), "not_a_cloud_event"),
        (binary(ce_specversion="0.3"), "unsupported_specversion"),
        (binary(ce_specversion=None), "unsupported_specversion"),
        (binary(ce_type="rollcall.customer.changed.v2"), "unknown_type"),
        (binary(ce_type=None), "missing_attribute"),
        (binary(ce_id=None), "missing_attribute"),
        (binary(ce_id=""), "missing_attribute"),
        (binary(ce_source=None), "missing_attribute"),
        (binary(ce_subject=""), "missing_attribute"),
        (binary(ce_subject=b"\xff\xfe"), "invalid_attribute"),
        (binary(ce_subject="a\x00b"), "invalid_attribute"),
        (binary(content_type="text/xml"), "unsupported_content_type"),
        (binary(content_type="application/json; charset=utf-16"), "unsupported_content_type"),
        (binary(content_type="application/cloudevents-batch+json"), "unsupported_content_type"),
        (binary(content_type="application/cloudevents+avro"), "unsupported_content_type"),
        (binary(b""), "malformed_json"),
        (binary(b"{"), "malformed_json"),
        (binary(b"\xff\xfe{}"), "malformed_json"),
        (binary(b"[" * 10_000 + b"]" * 10_000), "malformed_json"),
        (binary(b'{"attributes":{"a":NaN}}'), "malformed_json"),
        (binary(b'{"attributes":{"a":' + b"9" * 5_000 + b"}}"), "malformed_json"),
        (binary(b"[]"), "invalid_body"),
        (binary(b'"text"'), "invalid_body"),
        (binary(b"null"), "invalid_body"),
        (binary(b'{"nome":"Ann"}'), "invalid_body"),
        (binary(b'{"tags":[1]}'), "invalid_body"),
        (binary(b'{"opted_out":"yes"}'), "invalid_body"),
        (structured(data=...), "missing_data"),
        (structured(data=None), "missing_data"),
        (structured(data=[1]), "invalid_body"),
        (structured(data_base64="e30="), "ambiguous_data"),
        (structured(data=..., data_base64="e30"), "invalid_data"),
        (structured(data=..., data_base64="é"), "invalid_data"),
        (structured(data=..., data_base64=5), "invalid_data"),
        (structured(datacontenttype="text/xml"), "unsupported_content_type"),
        (structured(datacontenttype=5), "unsupported_content_type"),
        (structured(specversion=1.0), "unsupported_specversion"),
        (structured(type=["rollcall.customer.changed.v1"]), "missing_attribute"),
        (structured(id=5), "missing_attribute"),
        (structured(subject="\ud800"), "malformed_json"),
        (structured(subject="a\x85b"), "invalid_attribute"),
        (structured(subject=17), "missing_attribute"),
        (structured(time=1716199200), "invalid_time"),
        (structured()._replace(value=b"[]"), "not_a_cloud_event"),
        (structured()._replace(value=None), "malformed_json"),
        (binary()._replace(headers=[*headers(), ("ce_subject", b"c-18")]), "ambiguous_header"),
        (Record(1, 2, None, b"\x00", [], "the record batch is damaged"), "unreadable_record"),
    ],
)  # fmt: skip
def test_an_unusable_record_has_an_error_code(record: Record, code: str) -> None:
    assert refused(record) == code


def test_an_error_message_points_at_the_value_and_can_be_stored() -> None:
    reason = parse_record(binary(b'{"tags": [1], "opted_out": 5}'), ShiftedClock())
    assert isinstance(reason, Unusable)
    assert "/data/tags/0" in reason.message
    assert "/data/opted_out" in reason.message

    hostile = json.dumps({"\ud800\x00" + "x" * 5_000: 1}).encode()
    reason = parse_record(binary(hostile), ShiftedClock())
    assert isinstance(reason, Unusable)
    assert len(reason.message) <= MAX_MESSAGE
    assert "\x00" not in reason.message
    reason.message.encode()


texts = st.text() | st.sampled_from(["1.0", "rollcall.customer.changed.v1", "application/cloudevents+json"])
any_headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "ce_source", "ce_type", "ce_subject", "ce_specversion", "ce_time", "content-type"])
        | st.text(),
        st.none() | st.binary() | texts.map(lambda text: text.encode("utf-8", "replace")),
    )
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.builds(
        Record,
        st.just(1),
        st.none() | st.integers(-(2**63), 2**63),
        st.none() | st.binary(),
        st.none() | st.binary(),
        any_headers,
    )
)
def test_no_record_makes_the_parser_raise(record: Record) -> None:
    assert isinstance(parse_record(record, ShiftedClock()), CustomerChange | Unusable | Ignored)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("specversion", "id", "source", "type", "subject", "time", "data", "data_base64"), any_json
        ),
    )
)
def test_no_structured_event_makes_the_parser_raise(changed: dict[str, Any]) -> None:
    assert isinstance(parse_record(structured(**changed), ShiftedClock()), CustomerChange | Unusable)

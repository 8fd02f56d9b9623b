"""The messages of analytics SDKs: which customer they are about, when they happened, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.activities.activity import Activity
from domain.customer import CustomerData
from domain.errors import Invalid
from domain.formats.analytics import MESSAGE_TYPES, Message, Request, read_instant, read_message
from domain.instants import Arrival, micros

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
ARRIVAL = Arrival("http", micros(NOW) // 1000)


def request(sent: datetime | None = None, *, may_opt_in: bool = True) -> Request:
    return Request(NOW, sent, ARRIVAL, may_opt_in)


def identify(sent: datetime | None = None, **fields: Any) -> Message:
    return read_message({"type": "identify", "userId": "ana"} | fields, request(sent))


def time_of(timestamp: Any, sent: datetime | None = None, **fields: Any) -> datetime | None:
    change = identify(sent, timestamp=timestamp, **fields).change
    assert change is not None
    return change.at


def refused(raw: Any) -> str:
    with pytest.raises(Invalid) as bad:
        read_message(raw, request())
    return bad.value.code


def test_traits_of_the_message_win_over_those_of_its_context() -> None:
    change = identify(context={"traits": {"plan": "old", "city": "Porto"}}, traits={"plan": "new"}, messageId=7).change
    assert change is not None
    assert change.data == CustomerData(attributes={"plan": "new", "city": "Porto"})
    assert (change.external_id, change.source, change.change_id) == ("ana", "sdk", "7")
    assert (change.arrival, change.partial) == (ARRIVAL, True)


def test_an_identifier_may_be_a_number_but_nothing_else() -> None:
    change = identify(userId=42).change
    assert change is not None
    assert change.external_id == "42"
    for wrong in (True, 1.5, ["a"], {"a": 1}):
        assert refused({"type": "track", "userId": wrong}) == "invalid_identifier"
        assert refused({"type": "track", "userId": "a", "messageId": wrong}) == "invalid_identifier"


@pytest.mark.parametrize("kind", MESSAGE_TYPES)
def test_a_message_of_each_type_names_somebody(kind: str) -> None:
    assert refused({"type": kind}) == refused({"type": kind, "userId": "", "anonymousId": None}) == "user_id_required"
    assert read_message({"type": kind, "anonymousId": "x"}, request()) == Message(kind)  # type: ignore[arg-type]
    message = read_message({"type": kind, "userId": "x", "event": "Order Completed"}, request())
    assert (message.change is not None) == (kind in ("identify", "track"))


def test_what_is_no_message_is_refused() -> None:
    assert refused([]) == refused(None) == "invalid_message"
    assert refused({"userId": "a"}) == refused({"userId": "a", "type": "delete"}) == "unknown_type"
    assert refused({"userId": "a", "type": "identify", "traits": []}) == "invalid_traits"
    for wrong in ("soon", 5, "2026-13-01T00:00:00Z", ["2026"]):
        assert refused({"userId": "a", "type": "page", "timestamp": wrong}) == "invalid_time"


def test_a_message_is_of_its_timestamp_else_of_its_arrival() -> None:
    before = NOW - timedelta(days=3)
    assert time_of(None) == time_of("") == NOW
    assert time_of(before.isoformat()) == time_of(None, originalTimestamp="2026-05-17T13:00:00.000+01:00") == before
    assert time_of("2026-05-17T12:00:00") == before


@pytest.mark.parametrize("off", [-31, 31, -86_400, 86_400 * 400])
def test_a_clock_that_is_off_is_corrected(off: int) -> None:
    sent = NOW + timedelta(seconds=off)
    happened = sent - timedelta(minutes=5)
    assert time_of(happened.isoformat(), sent) == NOW - timedelta(minutes=5)
    assert time_of(happened.isoformat(), None, sentAt=sent.isoformat()) == NOW - timedelta(minutes=5)


def test_a_delay_is_not_taken_for_a_wrong_clock() -> None:
    happened = NOW - timedelta(minutes=5)
    for delay in (-30, 0, 15, 30):
        assert time_of(happened.isoformat(), NOW - timedelta(seconds=delay)) == happened


def test_what_another_platform_received_before_is_corrected_already() -> None:
    happened, sent = NOW - timedelta(minutes=5), NOW - timedelta(hours=2)
    assert time_of(happened.isoformat(), sent, receivedAt=NOW.isoformat()) == happened


def test_no_message_is_of_the_future_or_beyond_the_calendar() -> None:
    assert time_of((NOW + timedelta(days=2)).isoformat(), NOW) == NOW
    assert time_of("9999-12-31T23:59:59Z", NOW - timedelta(days=9)) == NOW
    assert time_of("0001-01-01T00:00:00Z", NOW + timedelta(days=9)) == NOW


def test_an_opt_in_needs_a_key_that_is_not_published() -> None:
    for value in (False, None):
        raw = {"type": "identify", "userId": "ana", "traits": {"optedOut": value, "plan": "gold"}}
        message = read_message(raw, request(may_opt_in=False))
        assert message.change is not None
        assert message.change.data == CustomerData(attributes={"plan": "gold"})
        assert [(each.name, each.code) for each in message.left_out] == [("opted_out", "opt_in_refused")]
    raw = {"type": "identify", "userId": "ana", "traits": {"opted_out": True}}
    change = read_message(raw, request(may_opt_in=False)).change
    assert change is not None
    assert change.data == CustomerData(opted_out=True)


def test_instants_are_read_as_sdks_write_them() -> None:
    noon = datetime(2026, 5, 20, 12, 0, 0, 123_000, tzinfo=UTC)
    for text in ("2026-05-20T12:00:00.123Z", "2026-05-20T12:00:00.123+00:00", "2026-05-20T14:00:00.123000+02:00",
                 "2026-05-20T12:00:00.123"):  # fmt: skip
        assert read_instant(text) == noon
    assert read_instant("0001-01-01T00:00:00+14:00") is read_instant(5) is read_instant("x") is None


def test_a_track_is_an_activity_by_the_rules_of_foreign_names() -> None:
    properties = {"Total": 49.9, "cart": {"id": "c-1"}, "coupons": ["A", 7], "products": [{"sku": 1}], "品名": 1}
    message = read_message(
        {"type": "track", "userId": "ana", "messageId": "m-1", "event": "Order Completed", "properties": properties},
        request(),
    )
    change = message.change
    assert change is not None
    assert (change.kind, change.source, change.change_id, change.partial) == ("activity", "sdk", "m-1", True)
    assert change.activity == Activity("order_completed", {"total": 49.9, "cart_id": "c-1", "coupons": ["A", "7"]})
    assert [(each.name, each.code) for each in message.left_out] == [
        ("品名", "unmappable_name"),
        ("products", "invalid_value"),
    ]


def test_a_track_says_what_was_done() -> None:
    track = {"type": "track", "userId": "ana"}
    assert refused(track) == refused(track | {"event": ""}) == refused(track | {"event": 7}) == "event_required"
    assert refused(track | {"event": "購入"}) == "unmappable_name"
    assert refused(track | {"event": "x", "properties": [1]}) == "invalid_properties"

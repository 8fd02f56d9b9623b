"""Dead letters over HTTP: what people need to mend a record."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.customer import DeadLetter
from tests.installation import Installation

FAILED = datetime(2026, 5, 20, 10, tzinfo=UTC)


def letter(offset: int, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> DeadLetter:
    return DeadLetter(
        "rollcall.customers.v1", 3, offset, 1_779_271_200_123, b"crm-1", value, headers, "malformed_json", "no", FAILED
    )


def test_dead_letters_are_shown_newest_first_byte_for_byte(installation: Installation) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.project()
    letters = [
        letter(1, b"{", [("ce_id", "é".encode()), ("ce_id", None)]),
        letter(2, b"\xff\x00", [("ce_id", b"a")]),
        letter(3, None, []),
    ]
    installation.rollcall.change_customers(account, [], dead_letters=letters)
    with installation.open_door(key) as client:
        page = client.get("/v1/dead-letters", params={"include": "total", "limit": 2}).json()
        rest = client.get("/v1/dead-letters", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert page["total"] == 3
    assert rest["next_cursor"] is None
    tombstone, binary, text = page["data"] + rest["data"]
    assert (tombstone["offset"], tombstone["value"], tombstone["headers"]) == (3, None, [])
    assert (binary["encoding"], binary["key"], binary["value"]) == ("base64", "Y3JtLTE=", "/wA=")
    assert binary["headers"] == [{"name": "ce_id", "value": "YQ=="}]
    assert text["headers"] == [{"name": "ce_id", "value": "é"}, {"name": "ce_id", "value": None}]
    assert text | {"id": 0, "headers": [], "published_at": None} == {
        "id": 0,
        "topic": "rollcall.customers.v1",
        "partition": 3,
        "offset": 1,
        "timestamp": "2026-05-20T10:00:00.123000Z",
        "key": "crm-1",
        "value": "{",
        "encoding": "utf-8",
        "headers": [],
        "code": "malformed_json",
        "message": "no",
        "attempts": 1,
        "first_failed_at": "2026-05-20T10:00:00Z",
        "published_at": None,
    }

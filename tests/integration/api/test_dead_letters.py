"""Dead letters over HTTP: what is needed to correct a record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.customer import DeadLetter
from tests.support.clock import Clock
from tests.support.installation import Installation

TOPIC = "rollcall.customers.v1"
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
    installation.rollcall.customers.change(account, [], dead_letters=letters)
    with installation.open_api(key) as client:
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
        "truncated": False,
        "headers": [],
        "code": "malformed_json",
        "message": "no",
        "attempts": 1,
        "first_failed_at": "2026-05-20T10:00:00Z",
        "published_at": None,
    }


def test_a_page_of_large_records_ends_early(installation: Installation) -> None:
    account = installation.account()
    key = installation.key(account)
    installation.project()
    large = [letter(offset, b"a" * (1 << 20), []) for offset in range(9)]
    installation.rollcall.customers.change(account, [], dead_letters=large)
    seen, pages, cursor = list[int](), 0, None
    with installation.open_api(key) as client:
        while pages == 0 or cursor is not None:
            answered = client.get("/v1/dead-letters", params={"limit": 200} | ({"cursor": cursor} if cursor else {}))
            assert len(answered.content) < 6 << 20
            page = answered.json()
            seen += [each["offset"] for each in page["data"]]
            pages, cursor = pages + 1, page["next_cursor"]
    assert seen == list(range(8, -1, -1))
    assert pages == 3


def a_change(change_id: str, data: str, offset: int, code: str = "attribute_type_mismatch") -> DeadLetter:
    headers: list[tuple[str, bytes | None]] = [
        ("ce_specversion", b"1.0"), ("ce_type", b"rollcall.customer.changed.v1"), ("ce_source", b"/crm"),
        ("ce_id", change_id.encode()), ("ce_subject", b"crm-1"), ("ce_time", b"2026-05-20T10:00:00Z"),
    ]  # fmt: skip
    return DeadLetter(TOPIC, 3, offset, 1_779_271_200_123, b"crm-1", data.encode(), headers, code, "no", FAILED)


def test_a_letter_that_succeeds_on_retry_is_no_longer_listed(installation: Installation) -> None:
    account = installation.account()
    letters = [a_change("a-1", '{"name": "Ana"}', 1), a_change("a-2", '{"phone": "12"}', 2), a_change("a-3", "{", 3)]
    letters.append(a_change("a-4", "\x00", 4, "unreadable_record"))
    installation.rollcall.customers.change(account, [], dead_letters=letters)
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        listed = {each["offset"]: each for each in client.get("/v1/dead-letters").json()["data"]}
        ids = {offset: each["id"] for offset, each in listed.items()}
        answered = client.post(f"/v1/dead-letters/{ids[1]}/retry", headers={"Idempotency-Key": "k"})
        assert answered.status_code == 200, answered.text
        person = client.get("/v1/customers/crm-1").json()
        assert person["name"] == "Ana"
        assert answered.json() == {
            "id": ids[1], "resolved": True, "result": "created", "attempts": 2, "customer_id": person["id"],
            "code": None, "message": None,
        }  # fmt: skip
        repeated = client.post(f"/v1/dead-letters/{ids[1]}/retry", headers={"Idempotency-Key": "k"})
        assert repeated.json() == answered.json()
        assert client.post(f"/v1/dead-letters/{ids[1]}/retry").status_code == 404
        for offset, code in ((2, "invalid_phone"), (3, "malformed_json"), (4, "unreadable_record")):
            for attempts in (2, 3):
                failed = client.post(f"/v1/dead-letters/{ids[offset]}/retry").json()
                shown = (failed["resolved"], failed["result"], failed["attempts"], failed["code"])
                assert shown == (False, "invalid", attempts, code)
        page = client.get("/v1/dead-letters", params={"include": "total"}).json()
        assert page["total"] == 3
        assert {each["offset"]: (each["attempts"], each["code"]) for each in page["data"]} == {
            2: (3, "invalid_phone"), 3: (3, "malformed_json"), 4: (3, "unreadable_record")
        }  # fmt: skip
        with installation.owner() as owner:
            assert owner.execute("SELECT dead_letters FROM rollcall.standing()").fetchone() == (3,)


def test_a_retried_change_does_not_undo_newer_ones(installation: Installation) -> None:
    account = installation.account()
    installation.rollcall.customers.change(account, [], dead_letters=[a_change("a-1", '{"name": "Old"}', 1)])
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        client.put("/v1/customers/crm-1", json={"name": "New"}).raise_for_status()
        (letter,) = client.get("/v1/dead-letters").json()["data"]
        retried = client.post(f"/v1/dead-letters/{letter['id']}/retry").json()
        assert (retried["resolved"], retried["result"]) == (True, "stale")
        assert client.get("/v1/customers/crm-1").json()["name"] == "New"
        assert client.get("/v1/dead-letters").json()["data"] == []


@pytest.mark.starts_at(FAILED)
def test_a_letter_of_a_time_in_the_future_succeeds_once_that_time_has_come(
    installation: Installation, clock: Clock
) -> None:
    clock.passes(hours=-1)
    account = installation.account()
    installation.rollcall.customers.change(account, [], dead_letters=[a_change("a-1", '{"name": "Ana"}', 1)])
    with installation.open_api(installation.key(account)) as client, installation.projecting():
        (letter,) = client.get("/v1/dead-letters").json()["data"]
        early = client.post(f"/v1/dead-letters/{letter['id']}/retry").json()
        assert (early["resolved"], early["code"]) == (False, "time_in_future")
        clock.passes(minutes=56)
        retried = client.post(f"/v1/dead-letters/{letter['id']}/retry").json()
        assert (retried["resolved"], retried["result"]) == (True, "created")


def test_an_unknown_letter_or_one_of_another_account_is_not_found(installation: Installation) -> None:
    theirs, ours = installation.account("theirs"), installation.account("ours")
    installation.rollcall.customers.change(theirs, [], dead_letters=[a_change("a-1", '{"name": "Ana"}', 1)])
    with installation.open_api(installation.key(ours)) as client, installation.projecting():
        for each in (1, 2, 2**62):
            assert client.post(f"/v1/dead-letters/{each}/retry").status_code == 404
        assert client.post("/v1/dead-letters/x/retry").status_code in (404, 422)
        assert client.get("/v1/customers").json()["data"] == []

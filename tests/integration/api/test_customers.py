"""Customers over HTTP, against real PostgreSQL and a real worker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from httpx import Client

from tests.support.installation import Installation


def put(client: Client, external_id: str, **body: Any) -> Any:
    answered = client.put(f"/v1/customers/{external_id}", json=body)
    assert answered.is_success, answered.text
    return answered.json()


def found(client: Client, query: str) -> list[str]:
    answered = client.get("/v1/customers", params={"query": query})
    assert answered.status_code == 200, answered.text
    return [each["external_id"] for each in answered.json()["data"]]


def test_a_customer_is_created_and_read_back_by_either_id(client: Client) -> None:
    created = client.put(
        "/v1/customers/crm-1",
        json={
            "phone": "912 345 678",
            "name": " Ana ",
            "tags": ["vip", "new", "vip"],
            "attributes": {"plan": "gold", "spent": 12.30, "since": "2026-05-20", "first": "2026-05-20T12:00:00+02:00"},
        },
    )
    assert created.status_code == 201
    assert created.headers["ETag"]
    customer = created.json()
    assert set(customer) == {
        "id", "external_id", "phone", "name", "attributes", "tags", "opted_out", "created_at", "updated_at"
    }  # fmt: skip
    assert customer["phone"] == "+351912345678"
    assert customer["name"] == "Ana"
    assert customer["tags"] == ["new", "vip"]
    assert customer["opted_out"] is False
    assert customer["attributes"] == {
        "plan": "gold", "spent": 12.3, "since": "2026-05-20", "first": "2026-05-20T10:00:00.000000Z"
    }  # fmt: skip
    assert customer["created_at"].endswith("Z")
    for address in ("crm-1", customer["id"], customer["id"].upper()):
        read = client.get(f"/v1/customers/{address}", params={"min_position": created.headers["Rollcall-Position"]})
        assert read.json() == customer
        assert read.headers["ETag"] == created.headers["ETag"]


def test_numbers_keep_every_digit(client: Client) -> None:
    exact = "12345678901234567890.0123456789"
    big = "123456789012345678901234567890"
    body = f'{{"attributes": {{"exact": {exact}, "big": {big}, "tenth": 0.10}}}}'
    answered = client.put("/v1/customers/a", content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code == 201
    for text in (answered.text, client.get("/v1/customers/a").text):
        assert f'"exact":{exact}' in text
        assert f'"big":{big}' in text
        assert '"tenth":0.1' in text


def test_present_is_set_null_is_removed_absent_is_kept(client: Client) -> None:
    put(client, "a", name="Ana", phone="+351912345678", tags=["x"], attributes={"plan": "gold", "city": "Porto"})
    merged = client.put("/v1/customers/a", json={"phone": None, "tags": ["y"], "attributes": {"plan": None}})
    assert merged.status_code == 200
    assert merged.json()["phone"] is None
    assert merged.json()["name"] == "Ana"
    assert merged.json()["tags"] == ["y"]
    assert merged.json()["attributes"] == {"city": "Porto"}


def test_a_change_that_changes_nothing_adds_no_event(client: Client, installation: Installation) -> None:
    put(client, "a", name="Ana", attributes={"plan": "gold"})
    before = installation.rollcall.head()
    put(client, "a", name="Ana ", attributes={"plan": "gold", "nothing": None})
    assert installation.rollcall.head() == before


def test_external_ids_may_hold_slashes_spaces_and_dots(client: Client) -> None:
    for external_id, address in (("crm/7", "crm%2F7"), ("crm/8", "crm/8"), ("a b", "a%20b"), ("x@y.z", "x@y.z")):
        assert put(client, address)["external_id"] == external_id
        assert client.get(f"/v1/customers/{address}").json()["external_id"] == external_id
    assert client.put("/v1/customers/bulk", json={}).status_code == 405


def test_a_stale_etag_is_refused_with_the_current_version(client: Client) -> None:
    first = client.put("/v1/customers/a", json={"name": "Ana"}).headers["ETag"]
    second = client.put("/v1/customers/a", json={"name": "Bea"}, headers={"If-Match": first}).headers["ETag"]
    assert second != first
    stale = client.put("/v1/customers/a", json={"name": "Eva"}, headers={"If-Match": first})
    assert stale.status_code == 412
    assert stale.json()["code"] == "stale_version"
    assert f'"{stale.json()["current_version"]}"' == second
    assert client.delete("/v1/customers/a", headers={"If-Match": first}).status_code == 412
    assert client.get("/v1/customers/a").json()["name"] == "Bea"
    assert client.put("/v1/customers/a", json={}, headers={"If-Match": 'W/"1", "x"'}).status_code == 412
    assert client.put("/v1/customers/a", json={"name": "Eva"}, headers={"If-Match": "*"}).status_code == 200


def test_a_deleted_customer_is_gone_by_either_id(client: Client) -> None:
    customer = put(client, "a", name="Ana")
    gone = client.delete(f"/v1/customers/{customer['id']}")
    assert gone.status_code == 204
    assert gone.content == b""
    assert int(gone.headers["Rollcall-Position"]) > 0
    for address in ("a", customer["id"]):
        assert client.get(f"/v1/customers/{address}").status_code == 404
        assert client.delete(f"/v1/customers/{address}").status_code == 404
    assert client.put("/v1/customers/a", json={"name": "Ana"}).status_code == 201


def test_search_finds_words_prefixes_and_phones_as_people_write_them(client: Client) -> None:
    put(client, "ana", name="Ana Sá Pereira", phone="912 345 678")
    put(client, "rui", name="Rui O'Neill-Pereira", phone="+44 20 7946 0018")
    put(client, "eve", name="Ève 50% _\\ & | ! <-> :*")
    assert found(client, "pere") == ["rui", "ana"]
    assert found(client, "PEREIRA ana") == ["ana"]
    assert found(client, "sá") == ["ana"]
    assert found(client, "o'nei") == ["rui"]
    assert found(client, "neill-per") == ["rui"]
    assert found(client, "ève") == ["eve"]
    for number in ("912345", "+351 912 345 678", "00351912", "351912", "912 345"):
        assert found(client, number) == ["ana"], number
    for number in ("+442079", "0044 20 7946", "(44) 20-7946"):
        assert found(client, number) == ["rui"], number
    assert found(client, "50%") == ["eve"]
    for no_match in ("xyz", "912 999", "&", "!", "ana & rui", "'", "\\", "nobody'); --"):
        assert found(client, no_match) == [], no_match
    assert found(client, "  ") == ["eve", "rui", "ana"]


def test_search_folds_letters_as_conditions_do(client: Client) -> None:
    composed, decomposed = "Jos\u00e9 Stra\u00dfe", "JOSE\u0301 STRASSE"
    put(client, "a", name=composed)
    put(client, "b", name=decomposed)
    put(client, "c", name="Зоя Ёлкина")
    for typed in (composed, decomposed, "JOS\u00c9", "strass"):
        assert found(client, typed) == ["b", "a"], typed
    assert found(client, "ёЛК зОЯ") == ["c"]
    put(client, "c", name="Ève")
    assert found(client, "ёлк") == []
    assert found(client, "èVE") == ["c"]


def test_each_bulk_line_is_either_accepted_or_rejected(client: Client) -> None:
    lines = [
        '{"external_id": "a", "name": "Ana", "attributes": {"spent": 1}}',
        "",
        "{not json",
        '{"name": "nobody"}',
        '{"external_id": "b", "phone": "123"}\r',
        '{"external_id": "c", "attributes": {"spent": "much"}}',
        "   ",
        '["external_id"]',
        '{"external_id": "d", "tags": ["' + "x" * (256 << 10) + '"]}',
        '{"external_id": "e", "surprise": 1}',
        '{"external_id": "a", "name": "Bea"}\r',
    ]
    answered = client.post(
        "/v1/customers/bulk", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
    )
    assert answered.status_code == 200, answered.text
    body = answered.json()
    assert body["accepted"] == 2
    assert {each["line"]: each["code"] for each in body["rejected"]} == {
        3: "malformed_json",
        4: "external_id_required",
        5: "invalid_phone",
        6: "attribute_type_mismatch",
        8: "invalid_body",
        9: "line_too_long",
        10: "invalid_field",
    }
    assert next(each for each in body["rejected"] if each["line"] == 6)["detail"].startswith("/attributes/spent: ")
    client.get("/v1/customers", params={"min_position": answered.headers["Rollcall-Position"]})
    assert client.get("/v1/customers/a").json()["name"] == "Bea"
    assert [each["external_id"] for each in client.get("/v1/customers").json()["data"]] == ["a"]


def test_a_bulk_of_several_batches_is_accepted_whole(client: Client) -> None:
    content = "\n".join(json.dumps({"external_id": f"c{n}", "attributes": {"n": n}}) for n in range(2_500))
    answered = client.post("/v1/customers/bulk", content=content)
    assert answered.json() == {"accepted": 2_500, "rejected": []}
    position = answered.headers["Rollcall-Position"]
    page = client.get("/v1/customers", params={"include": "total", "limit": 1, "min_position": position})
    assert page.json()["total"] == 2_500


def test_a_bulk_that_is_too_large_stores_nothing(installation: Installation) -> None:
    key = installation.key(installation.account())
    installation.project()
    before = installation.rollcall.head()
    line = b'{"external_id": "a", "name": "Ana"}\n'

    def unannounced() -> Iterator[bytes]:
        for _ in range(100):
            yield line

    with installation.open_api(key, max_bulk=1_000) as client:
        for content in (line * 100, unannounced()):
            refused = client.post("/v1/customers/bulk", content=content)
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    assert installation.rollcall.head() == before


def test_a_page_of_large_customers_ends_early(client: Client) -> None:
    """Of all, of those found, of a segment's members, and of those that could be."""
    notes = [f"{n} " + "a" * 4_000 for n in range(250)]
    static = client.post("/v1/segments", json={"name": "few", "type": "static"}).json()["id"]
    everyone = [{"attribute": "name", "operator": "equals", "value": "Ana"}]
    segment = client.post("/v1/segments", json={"name": "all", "type": "dynamic", "filter": everyone}).json()["id"]
    for number in range(9):
        put(client, f"c{number}", name="Ana", attributes={"notes": notes})
    members = f"/v1/segments/{segment}/members"
    for path, asked in (
        ("/v1/customers", {}),
        ("/v1/customers", {"query": "ana"}),
        (members, {}),
        (members, {"query": "ana"}),
        (f"/v1/segments/{static}/candidates", {}),
    ):
        seen, cursor = list[list[str]](), None
        while not seen or cursor is not None:
            answered = client.get(path, params={"limit": 200} | asked | ({"cursor": cursor} if cursor else {}))
            assert answered.status_code == 200, answered.text
            seen.append([each["external_id"] for each in answered.json()["data"]])
            cursor = answered.json()["next_cursor"]
        assert seen == [["c8", "c7", "c6", "c5", "c4"], ["c3", "c2", "c1", "c0"]], (path, asked)

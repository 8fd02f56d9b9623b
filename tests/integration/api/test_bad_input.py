"""Whatever is sent: a precise 4xx problem that names the place, nothing stored, never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from httpx import Client, Response

from tests.support.installation import Installation
from tests.support.postgres import cloned_database

JSON = {"Content-Type": "application/json"}
GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
WRITES = (
    ("PUT", "/v1/customers/a"), ("POST", "/v1/segments"), ("POST", "/v1/keys"), ("PUT", "/v1/attributes/x"),
)  # fmt: skip


@pytest.fixture(scope="module")
def installation(postgres_url: str, template: str) -> Iterator[Installation]:
    """One for all of these tests: none of them stores a thing."""
    with cloned_database(postgres_url, template) as url, closing(Installation(url)) as made:
        yield made


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[Client]:
    key = installation.key(installation.account())
    with installation.projecting(), installation.open_api(key) as client:
        client.put("/v1/attributes/plan", json={"type": "text"}).raise_for_status()
        client.put("/v1/attributes/spent", json={"type": "number"}).raise_for_status()
        yield client


@pytest.fixture
def nothing_stored(client: Client, installation: Installation) -> Iterator[None]:
    before = installation.rollcall.head()
    yield
    assert installation.rollcall.head() == before


def require_problem(answered: Response, status: int, code: str | None = None, pointer: str | None = None) -> Any:
    assert answered.status_code == status, answered.text
    assert answered.headers["Content-Type"] == "application/problem+json"
    body = answered.json()
    assert set(body) >= {"type", "title", "status", "detail", "code", "message", "errors"}
    assert body["status"] == status
    assert body["message"] == body["detail"]
    assert code in (None, body["code"]), body
    if pointer is not None:
        assert pointer in [each["pointer"] for each in body["errors"]], body
        assert all(each["code"] and each["detail"] for each in body["errors"])
    return body


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"{'a': 1}", b"\xff\xfe", b"nul", b'{"name": NaN}', b'{"name": Infinity}', b'{"a": 1} x',
        b'{"name": "\xed\xa0\x80"}', b'{"name": "\\ud800"}', b'{"\\udc00": 1}', b'"' + b"x" * 100, b"\x00",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"attributes":' * 10_000 + b"1" + b"}" * 10_000, b'{"a":' + b"9" * 5_000 + b"}",
        b'{"attributes": {"spent": 1e' + b"9" * 500 + b"}}",
    ],
    ids=lambda content: repr(content[:24]),
)  # fmt: skip
def test_what_is_not_json_is_refused(client: Client, content: bytes) -> None:
    for method, path in WRITES:
        require_problem(client.request(method, path, content=content, headers=JSON), 400, "malformed_json")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("body", [None, 1, "text", [], [{}], True])
def test_a_body_that_is_no_object_is_refused(client: Client, body: Any) -> None:
    for method, path in WRITES:
        content = json.dumps(body)
        require_problem(client.request(method, path, content=content, headers=JSON), 422, "invalid_body")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"phone": 1}, "/phone"),
        ({"phone": "12"}, "/phone"),
        ({"phone": "x" * 5_000}, "/phone"),
        ({"phone": "\x00"}, "/phone"),
        ({"name": 1}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "x" * 4_097}, "/name"),
        ({"tags": "vip"}, "/tags"),
        ({"tags": [1]}, "/tags/0"),
        ({"tags": ["\x00"]}, "/tags"),
        ({"tags": [str(n) for n in range(257)]}, "/tags"),
        ({"opted_out": "true"}, "/opted_out"),
        ({"opted_out": 1}, "/opted_out"),
        ({"attributes": []}, "/attributes"),
        ({"attributes": {"plan": 1}}, "/attributes/plan"),
        ({"attributes": {"plan": ["gold"]}}, "/attributes/plan"),
        ({"attributes": {"spent": "1"}}, "/attributes/spent"),
        ({"attributes": {"spent": True}}, "/attributes/spent"),
        ({"attributes": {"Plan": "gold"}}, "/attributes/Plan"),
        ({"attributes": {"": "gold"}}, "/attributes/"),
        ({"attributes": {"phone": "+351912345678"}}, "/attributes/phone"),
        ({"attributes": {"new": {"a": 1}}}, "/attributes/new"),
        ({"attributes": {"new": [1]}}, "/attributes/new"),
        ({"attributes": {"new": ["a", 1]}}, "/attributes/new"),
        ({"attributes": {"plan": "x" * 4_097}}, "/attributes/plan"),
        ({"attributes": {f"k{n}": 1 for n in range(501)}}, "/attributes"),
        ({"surprise": 1}, "/surprise"),
        ({"external_id": "b"}, "/external_id"),
        ({"id": "x"}, "/id"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_customer_with_a_mistake_is_refused_at_its_place(client: Client, body: Any, pointer: str) -> None:
    require_problem(client.put("/v1/customers/a", json=body), 422, pointer=pointer)
    assert client.get("/v1/customers/a").status_code == 404


@pytest.mark.usefixtures("nothing_stored")
def test_one_mistake_refuses_the_whole_change_and_every_mistake_is_named(client: Client) -> None:
    body = {"name": "Ana", "phone": "12", "attributes": {"plan": 1, "spent": 1, "fresh": "2026-05-20"}}
    problem = require_problem(client.put("/v1/customers/a", json=body), 422)
    assert {each["pointer"] for each in problem["errors"]} == {"/phone", "/attributes/plan"}
    assert "fresh" not in [each["key"] for each in client.get("/v1/attributes").json()["data"]]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("huge", ["1e400", "-1e400", "9" * 39, "0." + "1" * 39, "1e-400"])
def test_a_number_that_cannot_be_kept_exactly_is_refused(client: Client, huge: str) -> None:
    answered = client.put("/v1/customers/a", content=f'{{"attributes": {{"spent": {huge}}}}}', headers=JSON)
    require_problem(answered, 422, "number_out_of_range", "/attributes/spent")


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("external_id", ["%00", "%0A", "x" * 513, "%20", "%20a", "a%7F"])
def test_an_external_id_that_cannot_be_kept_is_refused(client: Client, external_id: str) -> None:
    require_problem(client.put(f"/v1/customers/{external_id}", json={"name": "Ana"}), 422)
    assert client.get(f"/v1/customers/{external_id}").status_code in (404, 422)


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": 1}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "\x00"}, "/name"),
        ({"description": None}, "/description"),
        ({"description": "x" * 2_001}, "/description"),
        ({"filter": "plan"}, "/filter"),
        ({"filter": 1}, "/filter"),
        ({"filter": {}}, "/filter"),
        ({"filter": [{}]}, "/filter/0"),
        ({"filter": [1]}, "/filter/0"),
        ({"filter": [{"attribute": "unknown", "operator": "is_set"}]}, "/filter/0/attribute"),
        ({"filter": [GOLD, {"attribute": "spent", "operator": "contains", "value": 1}]}, "/filter/1/operator"),
        ({"filter": [{"attribute": "plan", "operator": "nope", "value": 1}]}, "/filter/0/operator"),
        ({"filter": {"all": [{"not": GOLD | {"value": 1}}]}}, "/filter/all/0/not/value"),
        ({"filter": {"any": [GOLD | {"value": "\x00"}]}}, "/filter/any/0/value"),
        ({"filter": {"any": [GOLD], "all": [GOLD]}}, "/filter"),
        ({"filter": {"not": {"not": {"not": {"not": {"not": {"not": GOLD}}}}}}}, None),
        ({"filter": [GOLD] * 101}, "/filter"),
        ({"filter": [GOLD | {"operator": "in", "value": ["x"] * 1_001}]}, "/filter/0/value"),
        ({"filter": [GOLD | {"operator": "in", "value": []}]}, "/filter/0/value"),
        ({"filter": [GOLD | {"value": None}]}, "/filter/0/value"),
        ({"filter": [GOLD | {"surprise": 1}]}, None),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_a_segment_with_a_mistake_is_refused_at_its_place(client: Client, part: Any, pointer: str | None) -> None:
    body = {"name": "Gold", "type": "dynamic", "filter": [GOLD], **part}
    require_problem(client.post("/v1/segments", json=body), 422, pointer=pointer)


def test_an_edit_with_a_mistake_changes_nothing(client: Client, installation: Installation) -> None:
    made = client.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": [GOLD]}).json()
    before = installation.rollcall.head()
    address = f"/v1/segments/{made['id']}"
    mistakes: tuple[dict[str, Any], ...] = (
        {"name": ""}, {"name": None}, {"type": "static"}, {"filter": None}, {"filter": {}}, {"filter": "x"},
        {"name": "New", "filter": [{"attribute": "unknown", "operator": "is_set"}]}, {"version": 2},
    )  # fmt: skip
    for body in mistakes:
        require_problem(client.patch(address, json=body), 422)
    require_problem(client.patch(address, json={"name": "x"}, headers={"If-Match": "nonsense"}), 400)
    require_problem(client.patch(address, json={"name": "x"}, headers={"If-Match": ""}), 400)
    assert installation.rollcall.head() == before
    assert client.get(address).json()["name"] == "Gold"


@pytest.mark.usefixtures("nothing_stored")
def test_parameters_are_checked_at_their_place(client: Client) -> None:
    for query, pointer in (
        ("limit=0", "/query/limit"), ("limit=201", "/query/limit"), ("limit=x", "/query/limit"),
        ("limit=", "/query/limit"), ("include=totals", "/query/include"), ("query=%00", "/query/query"),
        ("query=" + "x" * 201, "/query/query"), ("min_position=-1", "/query/min_position"),
        ("min_position=99999999999999999999", "/query/min_position"), ("cursor=%00", "/query/cursor"),
    ):  # fmt: skip
        require_problem(client.get(f"/v1/customers?{query}"), 422, "invalid_parameter", pointer)
    require_problem(client.get("/v1/segments?type=none"), 422, "invalid_parameter", "/query/type")
    assert client.get("/v1/customers?query=%FF%FE%ED%A0%80&surprise=1").status_code == 200


@pytest.mark.usefixtures("nothing_stored")
def test_oversized_and_strangely_typed_bodies_are_refused(client: Client) -> None:
    large = json.dumps({"name": "x" * (1 << 20)}).encode()
    for method, path in WRITES:
        require_problem(client.request(method, path, content=large, headers=JSON), 413, "body_too_large")
        require_problem(client.request(method, path, content=iter([large]), headers=JSON), 413, "body_too_large")
        for headers in ({"Content-Type": "text/xml"}, {"Content-Type": "application/x-www-form-urlencoded"}):
            require_problem(client.request(method, path, content=b"{}", headers=headers), 415)
        require_problem(client.request(method, path, content=b"{}", headers=JSON | {"Content-Encoding": "br"}), 415)


@pytest.mark.usefixtures("nothing_stored")
def test_unknown_addresses_and_methods_say_what_there_is(client: Client) -> None:
    assert {client.get(path).headers["location"] for path in ("/", "/console")} == {"/console/"}
    for path in ("/v1", "/v2/segments", "/v1/segments/", "/v1/customer", "/%00"):
        require_problem(client.get(path), 404)
    for method, path, allowed in (
        ("PATCH", "/v1/segments", "GET, POST"), ("PUT", "/v1/segments/x", "DELETE, GET, PATCH"),
        ("POST", "/v1/customers/a", "DELETE, GET, PUT"), ("GET", "/v1/customers/bulk", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"), ("TRACE", "/v1/keys", "GET, POST"),
        ("DELETE", "/v1/customers/a/segments", "GET"), ("OPTIONS", "/livez", "GET"),
    ):  # fmt: skip
        refused = client.request(method, path)
        require_problem(refused, 405, "method_not_allowed")
        assert refused.headers["Allow"] == allowed

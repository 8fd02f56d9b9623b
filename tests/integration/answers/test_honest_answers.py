"""Answers say what happened: nothing accepted is an error, and what is stored is never called refused."""

from __future__ import annotations

import csv
import json
import socket
import urllib.error
import urllib.request
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from httpx import Client, Response

from domain.errors import Unavailable
from tests.support.imports import ran
from tests.support.installation import Installation
from tests.support.running_product import eventually

FORMULAS = ["=HYPERLINK(1)", "+SUM(1)", "-1+1", "@x", "'=quoted", "'plain", 'Ana, "B"\nC', "+44 is a number", "x=1"]


def test_a_bulk_body_of_which_no_line_is_accepted_is_an_error_with_the_reason_of_each_line(client: Client) -> None:
    none = client.post("/v1/customers/bulk", content='{"external_id": "a", "phone": "12"}\nnonsense\n')
    assert none.status_code == 422
    assert none.headers["Content-Type"] == "application/problem+json"
    body = none.json()
    assert (body["code"], body["accepted"]) == ("no_line_accepted", 0)
    assert [each["line"] for each in body["rejected"]] == [1, 2]
    assert "line 1: /phone" in body["detail"]
    some = client.post("/v1/customers/bulk", content='{"external_id": "a"}\nnonsense\n')
    assert (some.status_code, some.json()["accepted"]) == (200, 1)
    empty = client.post("/v1/customers/bulk", content="\n\n")
    assert (empty.status_code, empty.json()) == (200, {"accepted": 0, "rejected": []})


def test_an_error_is_not_kept_for_an_idempotency_key(client: Client) -> None:
    wrong, headers = '{"external_id": "a", "phone": "12"}', {"Idempotency-Key": "k"}
    assert client.post("/v1/customers/bulk", content=wrong, headers=headers).status_code == 422
    again = client.post("/v1/customers/bulk", content=wrong, headers=headers)
    assert again.status_code == 422
    assert "Idempotency-Replayed" not in again.headers


def test_a_bulk_body_is_stored_in_slices_and_its_lines_are_limited(installation: Installation, key: str) -> None:
    lines = "".join(json.dumps({"external_id": f"c{n}", "name": f"C {n}"}) + "\n" for n in range(450))
    with installation.projecting(), installation.open_api(key) as client:
        answer = client.post("/v1/customers/bulk", content=lines)
        assert (answer.status_code, answer.json()) == (200, {"accepted": 450, "rejected": []})
        read = client.get(
            "/v1/customers", params={"include": "total", "min_position": answer.headers["Rollcall-Position"]}
        )
        assert read.json()["total"] == 450


def test_a_bulk_body_is_seen_by_the_read_that_follows_it(installation: Installation, key: str) -> None:
    with installation.projecting(), installation.open_api(key) as client:
        for number in range(30):
            answer = client.post("/v1/customers/bulk", content=json.dumps({"external_id": f"seen-{number}"}))
            assert (answer.status_code, client.get(f"/v1/customers/seen-{number}").status_code) == (200, 200)


def test_a_bulk_body_that_the_database_interrupts_says_which_lines_were_processed(
    installation: Installation, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(json.dumps({"external_id": f"c{n}"}) + "\n" for n in range(250))
    real, calls = installation.rollcall.customers.change, list[int]()

    def failing(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Unavailable("database_unavailable", "away")
        return real(*arguments, **named)

    monkeypatch.setattr(installation.rollcall.customers, "change", failing)
    answer = client.post("/v1/customers/bulk", content=lines)
    assert (answer.status_code, answer.json()["code"]) == (503, "bulk_interrupted")
    assert "lines 1 to 100 were accepted" in answer.json()["detail"]


def test_a_segment_is_deleted_or_refused_whether_or_not_a_worker_projects(installation: Installation, key: str) -> None:
    with installation.open_api(key, own_write_wait=0, lag_wait=0.05) as client:
        named, naming = (
            client.post("/v1/segments", json={"name": name, "type": "dynamic", "filter": []}).json()["id"]
            for name in ("named", "naming")
        )
        condition = {"attribute": "segment", "operator": "in", "value": [named]}
        client.patch(f"/v1/segments/{naming}", json={"filter": [condition]}).raise_for_status()
        refused = client.delete(f"/v1/segments/{named}")
        assert (refused.status_code, refused.json()["code"]) == (409, "segment_in_use")
        assert client.delete(f"/v1/segments/{naming}").status_code == 204
        assert client.delete(f"/v1/segments/{named}").status_code == 204
        assert client.delete(f"/v1/segments/{named}").status_code == 404


def test_a_write_that_is_stored_is_never_answered_as_refused(
    installation: Installation, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between storing a change and showing it."""
    segment = client.post("/v1/segments", json={"name": "s", "type": "static"}).json()["id"]

    def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("database_unavailable", "away")

    monkeypatch.setattr("api.v1.segments.segments.by_id", away)
    monkeypatch.setattr("api.v1.campaigns.campaigns.by_id", away)
    made = client.post("/v1/segments", json={"name": "t", "type": "static"}, headers={"Idempotency-Key": "one"})
    edited = client.patch(f"/v1/segments/{segment}", json={"name": "renamed"})
    campaign = client.post("/v1/campaigns", json={"name": "c", "segment_ids": [segment]})
    renamed = client.patch(campaign.headers["Location"], json={"name": "d"})
    assert [each.status_code for each in (made, edited, campaign, renamed)] == [202] * 4
    monkeypatch.undo()
    assert client.get(made.headers["Location"]).json()["name"] == "t"
    assert client.get(edited.headers["Location"]).json()["name"] == "renamed"
    assert client.get(renamed.headers["Location"]).json()["name"] == "d"
    again = client.post("/v1/segments", json={"name": "t", "type": "static"}, headers={"Idempotency-Key": "one"})
    assert again.json()["id"] == made.json()["id"]


def test_an_audience_that_takes_long_to_freeze_is_answered_with_where_it_will_be(
    installation: Installation, account_id: UUID, key: str
) -> None:
    installation.project()
    with installation.open_api(key, own_write_wait=0, freeze_wait=0.05) as client:
        segment = client.post("/v1/segments", json={"name": "s", "type": "static"}).json()["id"]
        installation.project()
        campaign = client.post("/v1/campaigns", json={"name": "c", "segment_ids": [segment]}).json()["id"]
        installation.project()
        begun = client.post(f"/v1/campaigns/{campaign}/audience")
        assert (begun.status_code, begun.headers["Location"]) == (202, f"/v1/audiences/{begun.json()['id']}")
        with installation.projecting():
            frozen = eventually(lambda: counted(client.get(begun.headers["Location"])))
        assert (frozen["id"], frozen["count"]) == (begun.json()["id"], 0)


def counted(answer: Response) -> Any:
    """A frozen audience once it is counted; until then nothing."""
    return answer.json() if answer.status_code == 200 else None


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*;q=0.3", "application/json"),
        ("text/html", None),
        ("text/csv", None),
        ("application/json;q=0", None),
        ("application/json;q=0, */*", None),
    ],
)
def test_a_type_that_an_address_does_not_answer_is_refused(
    client: Client, accept: str | None, expected: str | None
) -> None:
    client.headers.pop("Accept", None)
    headers = {} if accept is None else {"Accept": accept}
    answers = [
        client.get("/v1/segments", headers=headers),
        client.put("/v1/customers/a", json={"name": "A"}, headers=headers),
        client.post("/v1/segments/preview", json={"filter": []}, headers=headers),
    ]
    for answer in answers:
        if expected is None:
            assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")
            assert "application/json" in answer.json()["detail"]
        else:
            assert (answer.is_success, answer.headers["Content-Type"]) == (True, expected)
    assert client.get("/v1/customers/a", headers={"Accept": "*/*"}).status_code == (404 if expected is None else 200)


def test_exports_are_harmless_in_the_console_raw_over_the_api_and_both_can_be_imported(
    installation: Installation, account_id: UUID, client: Client
) -> None:
    for number, name in enumerate(FORMULAS):
        body = {"name": name, "phone": f"+35191234567{number}"}
        position = client.put(f"/v1/customers/c{number}", json=body).headers["Rollcall-Position"]
    condition = {"attribute": "phone", "operator": "starts_with", "value": "+351"}
    everyone = {"name": "all", "type": "dynamic", "filter": [condition]}
    segment = client.post("/v1/segments", json=everyone).json()["id"]
    campaign = client.post("/v1/campaigns", json={"name": "c", "segment_ids": [segment]})
    address = f"/v1/campaigns/{campaign.json()['id']}/recipients?min_position={position}"
    raw = client.get(address, headers={"Accept": "text/csv"}).content
    installation.sign_in(client, account_id)
    harmless = client.get(f"/console/campaigns/{campaign.json()['id']}/recipients.csv").content
    assert [row["name"] for row in rows_of(raw)] == FORMULAS
    shown = rows_of(harmless)
    assert [row["phone"] for row in shown] == [f"+35191234567{number}" for number in range(len(FORMULAS))]
    assert [row["name"][:2] for row in shown[:5]] == ["'=", "'+", "'-", "'@", "''"]
    assert not [cell for row in shown for cell in row.values() if cell[0] in "=@\t\r"]
    for number, file in enumerate((raw, harmless)):
        into = client.post("/v1/segments", json={"name": f"into {number}", "type": "static"}).json()["id"]
        found = ran(client, installation, into, file)
        assert (found["lines"], found["added"], found.get("invalid")) == (len(FORMULAS), len(FORMULAS), None)
    names = {row["external_id"]: row["name"] for row in client.get("/v1/customers?limit=200").json()["data"]}
    assert [names[f"c{number}"] for number in range(len(FORMULAS))] == FORMULAS


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode(), newline="")))


def urllib_status(url: str, key: str, body: bytes, content_type: str) -> tuple[int, Any]:
    request = urllib.request.Request(
        url, body, {"Authorization": f"Bearer {key}", "Content-Type": content_type}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def test_a_client_that_sends_before_it_reads_sees_why_its_body_is_refused(
    installation: Installation, client: Client, key: str
) -> None:
    segment = client.post("/v1/segments", json={"name": "s", "type": "static"}).json()["id"]
    url = str(client.base_url).rstrip("/")
    imports, kind = f"{url}/v1/segments/{segment}/imports", "multipart/form-data; boundary=x"
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\r\n'
    for size in (11, 19):
        body = form + b"912345678\r\n" * ((size << 20) // 11) + b"--x--\r\n"
        refused = urllib_status(imports, key, body, kind)
        assert (refused[0], refused[1]["code"]) == (413, "file_too_large")
        unknown = urllib_status(
            f"{url}/v1/segments/{segment}/imports", "wrong", body, "multipart/form-data; boundary=x"
        )
        assert unknown[0] == 401
    assert urllib_status(f"{url}/v1/segments", key, b" " * (3 << 20), "application/json")[0] == 413
    assert urllib_status(f"{url}/v1/segments", key, b" " * (3 << 20), "text/html")[0] == 415


def test_a_bulk_body_that_is_refused_unread_may_be_as_much_larger_as_any_other(client: Client, key: str) -> None:
    url = str(client.base_url).rstrip("/")
    refused = urllib_status(f"{url}/v1/customers/bulk", key, b" " * (90 << 20), "application/x-ndjson")
    assert (refused[0], refused[1]["code"]) == (413, "body_too_large")


def test_a_client_that_asks_before_it_sends_is_answered_at_once(client: Client, key: str) -> None:
    host, port = str(client.base_url).removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        head = f"POST /v1/segments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nExpect: 100-continue\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 900000000\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")

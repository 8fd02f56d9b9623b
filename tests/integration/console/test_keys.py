"""API keys in the console: created once, shown once, revoked immediately."""

from __future__ import annotations

import html
import re
from uuid import UUID

import pytest
from httpx import Client

from tests.support.installation import Installation


def token_of(console: Client) -> str:
    found = re.search(r'name="token" value="([^"]+)"', console.get("/console/keys/new").text)
    assert found is not None
    return found.group(1)


def shown_key(page: str) -> str:
    found = re.search(r'id="key"[^>]* value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def status_with(console: Client, key: str, method: str = "GET", path: str = "/v1/segments") -> int:
    return console.request(method, path, headers={"Authorization": f"Bearer {key}"}, json={}).status_code


def errors_on(page: str) -> dict[str, str]:
    return dict(re.findall(r'id="(\w+)-error">([^<]+)<', page))


def test_a_new_key_works_is_shown_once_and_never_appears_in_the_list(
    installation: Installation, console: Client
) -> None:
    answer = console.post("/console/keys/new", data={"name": "CRM <sync>", "kind": "read", "token": token_of(console)})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "You will not see it again." in answer.text
    key = shown_key(answer.text)
    assert status_with(console, key) == 200
    assert status_with(console, key, "POST") == 403
    page = console.get("/console/keys").text
    assert "CRM &lt;sync&gt;" in page
    assert "Read everything, change nothing" in page
    assert key not in page


def test_the_same_form_sent_twice_creates_one_key_and_shows_it_once(console: Client) -> None:
    form = {"name": "CRM", "kind": "write", "token": token_of(console)}
    key = shown_key(console.post("/console/keys/new", data=form).text)
    again = console.post("/console/keys/new", data=form)
    assert again.status_code == 409
    assert key not in again.text
    assert "already created and shown" in again.text
    assert console.get("/console/keys").text.count('<tr id="key_') == 1
    other = console.post("/console/keys/new", data=form | {"token": token_of(console)})
    assert shown_key(other.text) != key


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"kind": "read"}, "name", "needs a name"),
        ({"name": "x", "kind": "owner"}, "kind", "Choose"),
        ({"name": "x"}, "kind", "Choose"),
        ({"name": "x" * 500, "kind": "read"}, "name", "at most"),
        ({"name": "x\x00", "kind": "read"}, "name", "NUL"),
    ],
)
def test_an_error_is_shown_beside_its_field(console: Client, form: dict[str, str], field: str, said: str) -> None:
    answer = console.post("/console/keys/new", data=form)
    assert answer.status_code == 422
    errors = errors_on(answer.text)
    assert list(errors) == [field]
    assert said in errors[field]
    assert "No API keys" in console.get("/console/keys").text


def test_a_revoked_key_is_refused_immediately(installation: Installation, account_id: UUID, console: Client) -> None:
    made = installation.rollcall.keys.create(account_id, "Old CRM", "write")
    installation.catch_up()
    asked = html.unescape(console.get(f"/console/keys/{made.id}/revoke").text)
    assert "Old CRM" in asked
    assert "Programs that use it can no longer send customer data" in asked
    answer = console.post(f"/console/keys/{made.id}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")
    assert status_with(console, made.key, "POST", "/v1/customers/bulk") == 401
    page = console.get("/console/keys").text
    assert "Old CRM was revoked" in page
    assert made.id not in page
    assert console.get(f"/console/keys/{made.id}/revoke").status_code == 404
    assert console.post(f"/console/keys/{made.id}/revoke").status_code == 404


def test_keys_of_another_account_are_not_found(installation: Installation, console: Client) -> None:
    other = installation.account("theirs")
    theirs = installation.rollcall.keys.create(other, "Theirs", "admin")
    installation.catch_up()
    assert "Theirs" not in console.get("/console/keys").text
    assert console.get(f"/console/keys/{theirs.id}/revoke").status_code == 404
    assert console.post(f"/console/keys/{theirs.id}/revoke").status_code == 404
    assert status_with(console, theirs.key) == 200


def test_a_long_list_is_paged_newest_first(installation: Installation, account_id: UUID, console: Client) -> None:
    ids = [installation.rollcall.keys.create(account_id, f"Key {number}", "read").id for number in range(12)]
    installation.catch_up()
    first = console.get("/console/keys?rows=10").text
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following is not None
    second = console.get(html.unescape(following.group(1))).text
    assert re.findall(r'<tr id="(key_\w+)">', first + second) == ids[::-1]
    for after in ("nonsense", "2026-01-01 ", "x key_1"):
        assert console.get("/console/keys", params={"after": after}).status_code == 200

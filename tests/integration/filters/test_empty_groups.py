"""An empty group within a filter never widens a segment: it is refused, and one of old is shown as broken."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from domain.stored_events import SegmentCreated
from projections.worker.verify import verify
from tests.support.console.forms import said
from tests.support.console.segment_forms import fields_of
from tests.support.installation import Installation

NAMED = {"attribute": "name", "operator": "is_set"}
EVERYONE: dict[str, Any] = {"not": {"any": []}}
FORM = {"name": "Best", "dynamic": "on"}


def store_as_an_older_release(installation: Installation, account_id: UUID, raw: Any) -> str:
    """Append a segment whose filter would be refused today. Returns its id."""
    log, segment_id = installation.rollcall.log, uuid4()
    event = SegmentCreated(
        **log.envelope(account_id, segment_id, 0), name="Old", description="", type="dynamic", filter=raw
    )
    log.append(account_id, [event])
    installation.catch_up()
    return str(segment_id)


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [(EVERYONE, "/filter/not"), ({"any": [NAMED, EVERYONE]}, "/filter/any/1/not"), ([NAMED, []], "/filter/1")],
)
def test_the_api_refuses_it_and_names_the_group(client: Client, raw: Any, pointer: str) -> None:
    segment = client.post("/v1/segments", json={"name": "x", "type": "dynamic", "filter": [NAMED]}).json()
    for answered in (
        client.post("/v1/segments", json={"name": "y", "type": "dynamic", "filter": raw}),
        client.patch(f"/v1/segments/{segment['id']}", json={"filter": raw}),
        client.post("/v1/segments/preview", json={"filter": raw}),
    ):
        assert answered.status_code == 422
        assert [(each["pointer"], each["code"]) for each in answered.json()["errors"]] == [(pointer, "empty_group")]
    assert client.get(f"/v1/segments/{segment['id']}").json()["filter"] == [NAMED]
    assert len(client.get("/v1/segments").json()["data"]) == 1


@pytest.mark.parametrize("match", ["none", "not_all"])
def test_the_console_refuses_it_beside_the_group_and_keeps_what_was_typed(console: Client, match: str) -> None:
    answered = console.post("/console/segments/new", data=FORM | {"filter-match": match})
    assert answered.status_code == 422
    assert "A group without conditions" in said(answered.text)
    assert 'value="Best"' in answered.text
    assert "No segments yet" in said(console.get("/console/segments").text)


def test_the_console_refuses_it_in_a_group_too(console: Client) -> None:
    fields = {"filter-match": "all", "filter-0-attribute": "name", "filter-0-operator": "is_set"}
    answered = console.post("/console/segments/new", data=FORM | fields | {"filter-1-match": "none"})
    assert answered.status_code == 422
    assert "A group without conditions" in said(answered.text)


def test_the_whole_filter_may_be_empty_and_matches_no_customer(client: Client) -> None:
    client.put("/v1/customers/ana", json={"name": "Ana"}).raise_for_status()
    nothing: tuple[Any, ...] = ([], {"all": []}, {"any": []})
    for raw in nothing:
        made = client.post("/v1/segments", json={"name": "x", "type": "dynamic", "filter": raw}).json()
        assert (made["filter_summary"], made["members"]["count"]) == ("No filters", 0)
        assert "filter_errors" not in made


def test_an_old_one_keeps_its_members_and_is_shown_as_broken_until_it_is_edited(
    installation: Installation, account_id: UUID, client: Client
) -> None:
    client.put("/v1/customers/ana", json={"name": "Ana"}).raise_for_status()
    old = store_as_an_older_release(installation, account_id, EVERYONE)
    position = client.put("/v1/customers/rui", json={}).raise_for_status().headers["Rollcall-Position"]
    shown = client.get(f"/v1/segments/{old}", params={"min_position": position}).json()
    assert (shown["members"]["count"], shown["filter_summary"]) == (2, "not (an empty group)")
    assert [(each["pointer"], each["code"]) for each in shown["filter_errors"]] == [("/filter/not", "empty_group")]
    assert client.patch(f"/v1/segments/{old}", json={"name": "Older"}).json()["members"]["count"] == 2
    naming = {"attribute": "segment", "operator": "in", "value": [old]}
    refused = client.post("/v1/segments", json={"name": "x", "type": "dynamic", "filter": [naming]}).json()
    assert refused["errors"][0]["code"] == "empty_group"
    with installation.open_console(account_id) as console:
        assert "Broken" in said(console.get("/console/segments").text)
        assert "These filters hold a group without conditions" in said(
            console.get(f"/console/segments/{old}/manage").text
        )
        edit = f"/console/segments/{old}/edit"
        saved = console.post(edit, data=fields_of(console.get(edit).text))
        assert (saved.status_code, "A group without conditions" in said(saved.text)) == (422, True)
    assert list(verify(installation.url)) == []
    assert "filter_errors" not in client.patch(f"/v1/segments/{old}", json={"filter": [NAMED]}).json()

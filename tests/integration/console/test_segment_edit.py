"""While a segment is edited: who matches, what saving would do, and two people editing it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from domain.campaign import CampaignDraft
from domain.segment import SegmentDraft, SegmentEdit
from domain.values import with_line_feeds
from tests.support.console.segment_forms import (
    GOLD,
    NEW,
    PREMIUM,
    create,
    customers,
    declared,
    fields_of,
    posted,
    stored,
)
from tests.support.installation import Installation


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    return declared(installation)


def test_while_typing_the_page_shows_the_count_the_newest_matches_and_what_is_missing(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    customers(installation, account_id, ana="gold", bea="gold", cid="free")
    text = posted(console, f"{NEW}/matches", filter__0__attribute="plan", filter__0__value="gold").text
    assert '<strong class="big">2</strong> customers match now' in text
    assert text.index("Bea") < text.index("Ana")
    assert "Cid" not in text
    unfinished = posted(console, f"{NEW}/matches", filter__0__attribute="plan").text
    assert "Complete the filters" in unfinished
    assert re.search(r'id="filter-0-note"[^>]*>Choose a value<', unfinished)
    assert "no customer matches" in posted(console, f"{NEW}/matches").text


def test_a_count_that_takes_too_long_is_no_error(
    installation: Installation, account_id: UUID, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    from projections.read import preview

    def canceled(*_: Any) -> Any:
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr(preview, "row_of", canceled)
    customers(installation, account_id, ana="gold")
    answer = posted(console, f"{NEW}/matches", filter__0__attribute="plan", filter__0__value="gold")
    assert answer.status_code == 200
    assert "You can save without the count" in answer.text


@pytest.mark.parametrize("description", ["one\ntwo", "one\r\ntwo", "one\rtwo", "one\n\ntwo"])
def test_an_unchanged_save_changes_nothing_although_browsers_send_line_ends_of_their_own(
    installation: Installation, account_id: UUID, console: Client, description: str
) -> None:
    made = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", description, "dynamic", [GOLD]))
    row = stored(installation, account_id, "Gold")
    address = f"/console/segments/{made.id}/edit"
    fields = {name: text.replace("\n", "\r\n") for name, text in fields_of(console.get(address).text).items()}
    fields["description"] = row.description.replace("\n", "\r\n")
    assert posted(console, address, **fields, action="save").status_code in (200, 303)
    again = stored(installation, account_id, "Gold")
    assert (again.version, again.description) == (row.version, with_line_feeds(description))
    fields["description"] += "\r\nthree"
    posted(console, address, **fields, action="save")
    assert stored(installation, account_id, "Gold").description == with_line_feeds(description) + "\nthree"


def test_before_an_edit_is_saved_the_page_shows_who_would_join_and_leave_and_what_uses_the_segment(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    customers(installation, account_id, ana="gold", bea="gold", cid="free", dan="free", eve="free")
    gold = create(installation, account_id, "Gold", GOLD)
    create(installation, account_id, "Uses gold", {"attribute": "segment", "operator": "in", "value": [str(gold)]})
    installation.rollcall.campaigns.create(account_id, CampaignDraft("Summer sale", [gold], []))
    installation.catch_up()
    page = console.get(f"/console/segments/{gold}/edit").text
    assert "Summer sale" in page
    assert "Uses gold" in page
    matches = f"/console/segments/{gold}/matches"
    edited = fields_of(page)
    assert "does not change the members" in console.post(matches, data=edited).text
    text = console.post(matches, data=edited | {"filter-0-value": "free"}).text
    assert "Saving adds <strong>3 customers</strong> and removes <strong>2</strong> of the 2" in text


def test_a_stale_save_shows_both_versions_and_keeps_the_input(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    address = f"/console/segments/{gold}/edit"
    page = fields_of(console.get(address).text) | {"name": "Mine", "filter-0-value": "silver"}
    theirs = SegmentEdit(name="Theirs", filter=[PREMIUM])
    installation.rollcall.segments.edit(account_id, gold, theirs, None)
    installation.catch_up()
    answer = console.post(address, data=page)
    assert answer.status_code == 412
    for text in ("Mine", "Theirs", "Plan equals silver", "Premium customer is True", "Keep mine", "Take theirs"):
        assert text in answer.text
    assert stored(installation, account_id, "").name == "Theirs"
    form = fields_of(answer.text)
    assert (form["name"], form["filter-0-value"]) == ("Mine", "silver")
    assert console.post(address, data=form).status_code == 412
    installation.rollcall.segments.edit(account_id, gold, SegmentEdit(name="Third"), None)
    installation.catch_up()
    again = console.post(address, data=form | {"action": "keep"})
    assert again.status_code == 412
    assert "Third" in again.text
    assert console.post(address, data=fields_of(again.text) | {"action": "keep"}).status_code == 303
    kept = stored(installation, account_id, "Mine")
    assert kept.filter == [GOLD | {"value": "silver"}]


def test_an_open_form_shows_that_someone_saved_or_deleted_the_segment(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    address = f"/console/segments/{gold}/newer?version=1"
    assert console.get(address).status_code == 204
    installation.rollcall.segments.edit(account_id, gold, SegmentEdit(name="Theirs"), None)
    installation.catch_up()
    answer = console.get(address)
    assert "Someone changed this segment" in answer.text
    seen = re.search(r'"Rollcall-Seen": "([^"]+)"', answer.text)
    assert seen
    assert console.get(address, headers={"Rollcall-Seen": seen.group(1)}).status_code == 204
    page = fields_of(console.get(f"/console/segments/{gold}/edit").text) | {"version": "1", "name": "Mine"}
    compared = console.post(f"/console/segments/{gold}/edit", data=page | {"action": "compare"})
    assert compared.status_code == 200
    assert fields_of(compared.text)["newest"] == "2"
    assert "newer?version=2" in compared.text
    installation.rollcall.segments.delete(account_id, gold, None)
    installation.catch_up()
    assert "Someone deleted this segment" in console.get(address).text


def test_while_an_edit_is_evaluated_the_list_says_so(installation: Installation, account_id: UUID) -> None:
    installation.project()
    with installation.open_console(account_id, own_write_wait=0.01) as client:
        gold = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", "", "dynamic", [GOLD])).id
        installation.project()
        page = fields_of(client.get(f"/console/segments/{gold}/edit").text) | {"filter-0-value": "free"}
        assert client.post(f"/console/segments/{gold}/edit", data=page).status_code == 303
        with installation.worker(live=False) as worker:
            worker.drain()
        listed = client.get("/console/segments").text
        assert "Recomputing" in listed
        seen = {"Rollcall-Seen": next(iter(re.findall(r'"Rollcall-Seen": "(\d+)"', listed)))}
        installation.project()
        refreshed = client.get("/console/segments", headers=seen)
        assert refreshed.status_code == 200
        assert "Recomputing" not in refreshed.text

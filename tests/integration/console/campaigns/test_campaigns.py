"""Campaigns in the console: choosing segments, the recipients, and two people editing one campaign."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from api.console.campaigns import reach
from api.console.campaigns.reach import QUICK_LIMIT
from domain.campaign import CampaignEdit
from domain.segment import SegmentDraft
from projections.read import recipients
from tests.support.campaigns import campaign, created, crowd, hidden, segment, text_of
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plans="list")


def test_several_segments_reach_everyone_in_any_of_them_once_and_skipped_customers_are_counted(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, staff = crowd(installation, account_id)
    chosen = {"segments": [gold, silver], "excluded": [staff]}
    counted = text_of(console.post("/console/campaigns/reach", data=chosen).text)
    assert "3 recipients" in counted
    assert "1 left out, 1 opted out, 1 without a phone number, 1 with the phone number of an older customer" in counted
    assert "2 segments with 8 memberships, 1 of them repeated" in counted
    address = created(console, name="Spring <sale>", **chosen)
    page = console.get(address).text
    assert "Spring &lt;sale&gt; was created" in page
    assert "Ana &lt;Sá&gt;" in page
    assert "3 recipients" in text_of(page)
    assert re.findall(r'data-label="External ID">(\S+)</td>', page) == ["a", "both", "z"]
    listed = text_of(console.get("/console/campaigns").text)
    assert "Spring <sale> gold silver staff Ready" in listed


def test_no_choice_and_a_segment_that_is_not_computed_are_explained_and_no_error(
    installation: Installation, account_id: UUID
) -> None:
    with installation.open_console(account_id) as console:
        installation.project()
        assert "No segment chosen" in console.post("/console/campaigns/reach").text
        gold = segment(installation, account_id, "gold", computed=False)
        with installation.worker(live=False) as worker:
            worker.drain()
        counted = text_of(console.post("/console/campaigns/reach", data={"segments": [gold]}).text)
        assert "gold is still being computed" in counted
        made = campaign(installation, account_id, [gold])
        with installation.worker(live=False) as worker:
            worker.drain()
        assert "gold is still being computed" in text_of(console.get(f"/console/campaigns/{made}").text)
        assert console.get(f"/console/campaigns/{made}/recipients.csv").status_code == 503
        assert console.post(f"/console/campaigns/{made}/freeze").status_code == 409


def test_a_form_with_errors_keeps_the_choices_and_says_what_is_missing(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = segment(installation, account_id, "gold")
    installation.catch_up()
    nameless = console.post("/console/campaigns/new", data={"name": " ", "segments": [gold]})
    assert nameless.status_code == 422
    assert "a campaign needs a name" in nameless.text
    assert re.search(rf'value="{gold}" checked', nameless.text)
    empty = console.post("/console/campaigns/new", data={"name": "Sale", "excluded": [gold]})
    assert empty.status_code == 422
    assert "Choose at least one segment." in empty.text
    assert 'value="Sale"' in empty.text
    gone = console.post("/console/campaigns/new", data={"name": "Sale", "segments": [gold, str(UUID(int=1))]})
    assert gone.status_code == 422
    assert "no longer exists" in gone.text
    assert "No campaigns yet" in console.get("/console/campaigns").text


def test_searching_many_segments_by_name_keeps_the_chosen_ones(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    ids = {
        number: str(
            installation.rollcall.segments.create(account_id, SegmentDraft(f"List {number:02}", "", "static")).id
        )
        for number in range(40)
    }
    installation.catch_up()
    first = console.get("/console/campaigns/new").text
    assert "List 39" in first
    assert "List 01" not in first
    assert "15 more. Search by name to find them." in first
    form = {"segments": [ids[7], ids[39]], "find_segments": "list 1"}
    found = console.post("/console/campaigns/choices/segments", data=form).text
    names = re.findall(r'class="choice-name">([^<]+)<', found)
    assert names == ["List 07", "List 39", *(f"List {number}" for number in reversed(range(10, 20)))]
    assert found.count(" checked") == 2
    assert (
        "No other segment is called"
        in console.post("/console/campaigns/choices/excluded", data={"find_excluded": "nothing"}).text
    )


def test_the_same_form_sent_twice_creates_one_campaign(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = segment(installation, account_id, "gold")
    installation.catch_up()
    form = {"token": "the same", "name": "Sale", "segments": [gold]}
    first, second = (console.post("/console/campaigns/new", data=form).headers["location"] for _ in range(2))
    assert first == second
    other = console.post("/console/campaigns/new", data=form | {"name": "Another"}).headers["location"]
    assert other != first


def test_a_stale_save_shows_the_stored_campaign_and_keeps_the_input(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, staff = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold])
    installation.catch_up()
    address = f"/console/campaigns/{made}/edit"
    mine = {"version": hidden(console.get(address).text, "version"), "name": "Mine", "segments": [gold, staff]}
    installation.rollcall.campaigns.edit(
        account_id, UUID(made), CampaignEdit(name="Theirs", segment_ids=[UUID(silver)]), None
    )
    conflict = console.post(address, data=mine)
    assert conflict.status_code == 412
    assert "Someone else changed this campaign while you were editing it." in conflict.text
    assert "Name Theirs Segments silver" in text_of(conflict.text)
    assert 'value="Mine"' in conflict.text
    assert all(re.search(rf'name="segments" value="{each}" checked', conflict.text) for each in (gold, staff))
    assert "Theirs" in console.get(f"/console/campaigns/{made}").text
    saved = console.post(address, data=mine | {"version": hidden(conflict.text, "version")})
    assert saved.status_code == 303
    page = text_of(console.get(f"/console/campaigns/{made}").text)
    assert "Mine was saved" in page
    assert "Segments gold staff" in page


def test_a_campaign_whose_last_segment_was_deleted_needs_an_audience_until_segments_are_chosen(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, _ = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold])
    console.post(f"/console/segments/{gold}/delete")
    assert "Needs an audience" in console.get("/console/campaigns").text
    page = console.get(f"/console/campaigns/{made}").text
    assert "Every segment it used was deleted." in page
    assert "Choose Segments" in page
    assert "Download" not in page
    assert console.post(f"/console/campaigns/{made}/freeze").status_code == 409
    form = {"version": hidden(console.get(f"/console/campaigns/{made}/edit").text, "version"), "name": "Sale"}
    assert console.post(f"/console/campaigns/{made}/edit", data=form).status_code == 422
    assert console.post(f"/console/campaigns/{made}/edit", data=form | {"segments": [silver]}).status_code == 303
    assert "Ready" in console.get(f"/console/campaigns/{made}").text


def test_a_deleted_exclusion_is_confirmed_by_a_choice_and_not_by_saving_a_new_name(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, _, staff = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold], [staff])
    console.post(f"/console/segments/{staff}/delete")
    page = console.get(f"/console/campaigns/{made}").text
    assert "A segment it left out was deleted." in page
    assert "Choose Segments to Leave Out" in page

    def saved(**more: Any) -> str:
        version = hidden(console.get(f"/console/campaigns/{made}/edit").text, "version")
        form = {"version": version, "name": "New name", "segments": [gold], **more}
        assert console.post(f"/console/campaigns/{made}/edit", data=form).status_code == 303
        return console.get(f"/console/campaigns/{made}").text

    assert "Needs an audience" in saved()
    assert "Ready" in saved(confirmed="1")


def test_deleting_a_campaign_asks_first_and_keeps_its_segments(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = segment(installation, account_id, "gold")
    made = campaign(installation, account_id, [gold])
    installation.catch_up()
    asked = console.get(f"/console/campaigns/{made}/delete").text
    assert "Deletion is permanent" in asked
    answer = console.post(f"/console/campaigns/{made}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/campaigns")
    assert "No campaigns yet" in console.get("/console/campaigns").text
    assert "gold" in console.get("/console/segments").text
    assert console.get(f"/console/campaigns/{made}").status_code == 404


def test_a_campaign_and_an_audience_of_another_account_are_not_found(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    other = installation.account("theirs")
    installation.rollcall.attributes.declare(other, "plans", "list", None)
    theirs = segment(installation, other, "theirs")
    made = campaign(installation, other, [theirs])
    installation.catch_up()
    frozen = installation.rollcall.campaigns.freeze(other, UUID(made)).id
    installation.catch_up()
    for address in (
        f"/console/campaigns/{made}",
        f"/console/campaigns/{made}/edit",
        f"/console/campaigns/{made}/delete",
        f"/console/campaigns/{made}/freeze",
        f"/console/campaigns/{made}/recipients.csv",
        f"/console/audiences/{frozen}",
        f"/console/audiences/{frozen}/recipients.csv",
    ):
        assert console.get(address).status_code == 404, address
    for place in ("edit", "delete", "freeze"):
        form = {"name": "Mine", "segments": [theirs]}
        assert console.post(f"/console/campaigns/{made}/{place}", data=form).status_code == 404
    assert (
        "no longer exists" in console.post("/console/campaigns/new", data={"name": "Mine", "segments": [theirs]}).text
    )
    assert "No segment chosen" in console.post("/console/campaigns/reach", data={"segments": [theirs]}).text


def test_an_open_page_gets_only_what_is_new(installation: Installation, account_id: UUID, console: Client) -> None:
    gold, silver, _ = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold])
    installation.catch_up()
    for address in ("/console/campaigns", f"/console/campaigns/{made}", "/console/audiences"):
        seen = re.search(r'"Rollcall-Seen": "(\d+)"', console.get(address).text)
        assert seen is not None
        headers = {"Rollcall-Seen": seen.group(1)}
        assert console.get(address, headers=headers).status_code == 204
        segment(installation, account_id, f"one more for {address}")
        installation.catch_up()
        assert console.get(address, headers=headers).status_code == 200
    light = console.get(f"/console/campaigns/{made}", headers={"HX-Target": "section#campaign"}).text
    assert "recipient-" not in light
    assert silver not in light


def test_a_slow_count_is_loaded_after_the_recipients_and_without_javascript_on_demand(
    installation: Installation, account_id: UUID, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold, silver, _ = crowd(installation, account_id)
    made = campaign(installation, account_id, [gold, silver])
    installation.catch_up()
    counted = recipients.totals_within

    def takes_long(connection: Any, union: Any, span: timedelta) -> Any:
        return None if span == QUICK_LIMIT else counted(connection, union, span)

    monkeypatch.setattr(recipients, "totals_within", takes_long)
    address = f"/console/campaigns/{made}"
    page = console.get(address).text
    assert "Counting…" in page
    assert 'hx-trigger="load"' in page
    assert re.findall(r'data-label="External ID">(\S+)</td>', page)
    alone = console.get(address, headers={"HX-Request": "true", "HX-Target": "section#reach"}).text
    assert "4 recipients" in text_of(alone)
    assert 'hx-trigger="every 60s"' in alone
    assert "4 recipients" in text_of(console.get(f"{address}?whole=true").text)
    monkeypatch.setattr(recipients, "totals_within", lambda *_: None)
    assert "Too many to count now" in text_of(console.get(f"{address}?whole=true").text)


def test_a_count_that_exceeds_its_time_limit_is_cancelled_and_the_snapshot_stays_usable(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = segment(installation, account_id, "gold")
    with installation.owner() as owner:
        owner.execute(
            "INSERT INTO members (version_no, customer_no, joined_at, position, account_id)"
            " SELECT version_no, 1000000 + n, now(), 1, account_id"
            " FROM segment_versions, generate_series(1, 300000) AS n"
        )
    with installation.database.transaction(account_id) as connection:
        spec = reach.chosen_segments(connection, account_id, [UUID(str(gold))], []).audience_spec(account_id)
        assert spec is not None
        assert recipients.totals_within(connection, spec, timedelta(milliseconds=1)) is None
        connection.execute("SELECT pg_sleep(0.002)")
        assert recipients.totals_within(connection, spec, timedelta(minutes=1)) is not None
        connection.execute("SELECT pg_sleep(0.002)")

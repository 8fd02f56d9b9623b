"""In the console: how the chosen segments overlap, two frozen audiences compared, and a campaign that is copied."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from httpx import Client

from api.console.campaigns import comparison
from tests.support.campaigns import campaign, created, crowd, customer, phone, segment, text_of
from tests.support.installation import Installation

pytestmark = pytest.mark.attributes(plans="list")


def test_a_campaign_shows_what_each_segment_adds_and_takes_away_and_who_is_in_two(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, staff = crowd(installation, account_id)
    address = created(console, name="Sale", segments=[gold, silver], excluded=[staff])
    assert f'hx-get="{address}/overlap"' in console.get(address).text
    shown = text_of(console.get(f"{address}/overlap").text)
    # Gold: a and both. Silver: both, a's number again, and z. Of the number of a, each segment has a customer.
    assert "gold 2 2 0 silver 6 3 1" in shown
    assert "staff 1 1 1" in shown
    assert "gold 2 1 50 % 0 0 %" in shown
    assert "silver 1 17 % 6 1 17 %" in shown


def test_segments_are_compared_while_they_are_chosen_also_without_scripts(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, _ = crowd(installation, account_id)
    installation.catch_up()
    one = console.post("/console/campaigns/overlap", data={"segments": [gold]})
    assert "Choose two or more segments to see how they overlap." in one.text
    two = console.post("/console/campaigns/overlap", data={"segments": [gold, silver]})
    assert "gold 2 2 0 silver 6 4 2" in text_of(two.text)
    form = {"name": "Typed", "segments": [gold, silver], "search": "compare"}
    page = console.post("/console/campaigns/new", data=form)
    assert page.status_code == 200
    assert "gold 2 2 0 silver 6 4 2" in text_of(page.text)
    assert 'value="Typed"' in page.text


def test_a_segment_in_both_lists_is_hinted_at(installation: Installation, account_id: UUID, console: Client) -> None:
    gold, silver, _ = crowd(installation, account_id)
    chosen = {"segments": [gold, silver], "excluded": [gold]}
    hint = "gold is both chosen and left out. Leaving out wins: no member of it is reached, and it adds nothing."
    assert hint in text_of(console.post("/console/campaigns/reach", data=chosen).text)
    address = created(console, name="Sale", **chosen)
    assert hint in text_of(console.get(address).text)


def test_a_segment_that_is_not_computed_is_named_and_no_error(installation: Installation, account_id: UUID) -> None:
    with installation.open_console(account_id) as console:
        installation.project()
        made = [segment(installation, account_id, plan, computed=False) for plan in ("gold", "silver")]
        with installation.worker(live=False) as worker:
            worker.drain()
        answer = console.post("/console/campaigns/overlap", data={"segments": made})
        assert "gold is still being computed." in answer.text


def test_audiences_frozen_one_after_the_other_show_who_came_and_who_went(
    installation: Installation, account_id: UUID, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer(installation, account_id, "stays", "gold", phone=phone(1), name="Stays")
    customer(installation, account_id, "goes", "gold", phone=phone(2), name="Goes")
    made = campaign(installation, account_id, [segment(installation, account_id, "gold")])
    installation.catch_up()

    def freeze(token: str) -> str:
        console.post(f"/console/campaigns/{made}/freeze", data={"token": token})
        newest = re.search(r'href="(/console/audiences/[0-9a-f-]+)"', console.get(f"/console/campaigns/{made}").text)
        assert newest is not None
        return newest.group(1)

    first = freeze("1")
    assert "There is nothing to compare with yet" in console.get(f"{first}/compare").text
    customer(installation, account_id, "goes", phone=phone(2), name="Goes")
    customer(installation, account_id, "comes", "gold", phone=phone(3), name="=Comes")
    second = freeze("2")
    assert f'href="{second}/compare"' in console.get(f"/console/campaigns/{made}").text
    came = console.get(f"{second}/compare").text
    assert "Came +1 Went −1 In both 1" in text_of(came)
    assert "=Comes +351910000003 comes" in text_of(came)
    went = console.get(f"{second}/compare?change=went&since={first.rpartition('/')[2]}").text
    assert "Goes +351910000002 goes" in text_of(went)
    (file,) = re.findall(r'href="(/console/audiences/[^"]+\.csv[^"]+)"', came)
    downloaded = console.get(file)
    assert [line.split(",")[1] for line in downloaded.text.splitlines()] == ["external_id", "comes"]
    assert "'=Comes" in downloaded.text
    assert "-not-in-" in downloaded.headers["content-disposition"]
    # What takes long is requested after the page.
    monkeypatch.setattr(comparison, "QUICK_LIMIT", timedelta(milliseconds=1))
    monkeypatch.setattr(comparison, "compare_within", lambda *_: None)
    assert 'hx-trigger="load"' in console.get(f"{second}/compare").text
    assert "Comparing took too long." in console.get(f"{second}/compare?whole=true").text


def test_a_copy_opens_its_form_and_the_same_click_twice_makes_one(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold, silver, _ = crowd(installation, account_id)
    address = created(console, name="Sale", segments=[gold], excluded=[silver])
    listed = console.get("/console/campaigns").text
    (token,) = re.findall(r'name="token" value="([^"]+)"', listed)
    copies = {console.post(f"{address}/copy", data={"token": token}).headers["location"] for _ in range(2)}
    assert len(copies) == 1
    form = console.get(copies.pop()).text
    assert 'value="Copy of Sale"' in form
    assert "Sale was copied. Give the copy a name." in text_of(form)
    assert form.count(" checked>") == 3

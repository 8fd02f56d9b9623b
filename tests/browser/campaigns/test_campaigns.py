"""Campaigns in the browser: choosing segments, seeing which customers they reach, freezing, and losing a segment."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.console import Console
from tests.support.browser.delayed_scripts import scripts_delayed
from tests.support.browser.watching import Watched


def tagged(tag: str) -> list[dict[str, object]]:
    return [{"attribute": "likes", "operator": "includes_any", "value": [tag]}]


@pytest.fixture(scope="module")
def crowd(console: Console) -> dict[str, str]:
    """Customers who like coffee, tea or both; two who cannot be reached, and the ids of all."""
    people = {
        "coffee": console.customer("Carla Coffee", attributes={"likes": ["coffee"]}),
        "both": console.customer("Bo Both", attributes={"likes": ["coffee", "tea"]}),
        "tea": console.customer("Tea Tanaka", attributes={"likes": ["tea"]}),
        "out": console.customer("Otto Out", attributes={"likes": ["tea"]}, opted_out=True),
        "mute": console.customer("Mo Mute", attributes={"likes": ["tea"]}, phone=None),
    }
    return people | {name: console.segment(f"Likes {name}", tagged(name)) for name in ("coffee", "tea")}


def choice(page: Page, group: str, name: str) -> Locator:
    return page.get_by_role("group", name=group).get_by_role("checkbox", name=name)


def begin(page: Page, name: str, *segments: str) -> None:
    page.goto("/console/campaigns/new")
    page.get_by_label("Campaign Name").fill(name)
    for each in segments:
        choice(page, "Segments", each).check()


def recipients(page: Page) -> Locator:
    return page.locator("#recipients tbody tr")


def test_selecting_several_segments_reaches_everyone_in_any_of_them(page: Page, crowd: dict[str, str]) -> None:
    begin(page, "Hot drinks", "Likes coffee")
    expect(page.get_by_role("radio", name="Segments")).to_be_checked()
    expect(page.locator("#reach")).to_contain_text("2 recipients")
    choice(page, "Segments", "Likes tea").check()
    expect(page.locator("#reach")).to_contain_text("3 recipients")
    expect(page.locator("#reach")).to_contain_text(
        "1 of them repeated: a customer in more than one segment is reached once"
    )
    expect(page.locator("#reach")).to_contain_text("Skipped: 1 opted out, 1 without a phone number.")
    page.get_by_role("button", name="Create Campaign").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hot drinks")
    expect(page.get_by_text("Hot drinks was created")).to_be_visible()
    expect(recipients(page)).to_contain_text(["Carla Coffee", "Bo Both", "Tea Tanaka"])


def test_leaving_out_a_segment_takes_its_customers_away_from_the_count(page: Page, crowd: dict[str, str]) -> None:
    begin(page, "Coffee without tea", "Likes coffee")
    choice(page, "Leave out", "Likes tea").check()
    expect(page.locator("#reach")).to_contain_text("1 recipient")
    expect(page.locator("#reach")).to_contain_text("Skipped: 1 left out.")


def test_ticks_stay_while_searching_among_many_segments_by_keyboard(
    page: Page, console: Console, crowd: dict[str, str]
) -> None:
    for number in range(30):
        console.ok("POST", "/v1/segments", json={"name": f"Filler {number:02}", "type": "static"})
    console.wait_until_visible()
    page.goto("/console/campaigns/new")
    segments = page.get_by_role("group", name="Segments")
    choice(page, "Segments", "Filler 29").check()
    search = segments.get_by_role("searchbox")
    search.fill("likes")
    search.press("Enter")
    expect(choice(page, "Segments", "Likes tea")).to_be_visible()
    expect(choice(page, "Segments", "Filler 28")).to_have_count(0)
    expect(choice(page, "Segments", "Filler 29")).to_be_checked()
    search.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    search.fill("filler 03")
    expect(choice(page, "Segments", "Filler 03")).to_be_visible()
    expect(segments.get_by_role("checkbox", checked=True)).to_have_count(2)
    expect(page.get_by_role("heading", level=1)).to_have_text("Create Campaign")


def test_a_search_typed_before_the_page_is_ready_takes_effect(page: Page, crowd: dict[str, str]) -> None:
    with scripts_delayed(page, "/console/campaigns/new"):
        page.get_by_role("group", name="Segments").get_by_role("searchbox").fill("coffee")
    expect(choice(page, "Segments", "Likes coffee")).to_be_visible()
    expect(choice(page, "Segments", "Likes tea")).to_have_count(0)


def test_a_frozen_audience_downloads_the_same_after_an_edit(
    page: Page, console: Console, crowd: dict[str, str], tmp_path: Path
) -> None:
    campaign = console.campaign("To be frozen", crowd["coffee"])
    page.goto(f"/console/campaigns/{campaign}")
    page.get_by_role("link", name="Freeze Audience").click()
    page.get_by_role("dialog").get_by_role("button", name="Freeze Audience").click()
    expect(page.get_by_text("Frozen: 2 recipients")).to_be_visible()
    frozen = page.get_by_role("region", name="Frozen audiences")
    expect(frozen).to_contain_text("2 recipients")
    page_of_now = page.url
    frozen.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audience of To be frozen")

    def downloaded(name: str) -> list[str]:
        with page.expect_download() as begun:
            page.get_by_role("link", name="Download CSV").click()
        begun.value.save_as(tmp_path / name)
        assert begun.value.suggested_filename.startswith("audience-")
        return (tmp_path / name).read_text().splitlines()

    before = downloaded("before.csv")
    assert before[0] == "customer_id,external_id,phone,name"
    assert len(before) == 1 + 2
    console.change(crowd["both"], attributes={"likes": ["water"]}, name="Bo Changed")
    console.ok("PATCH", f"/v1/campaigns/{campaign}", json={"segment_ids": [crowd["tea"]]})
    console.wait_until_visible()
    assert downloaded("after.csv") == before
    page.goto(page_of_now)
    expect(recipients(page)).to_contain_text(["Tea Tanaka"])
    console.change(crowd["both"], attributes={"likes": ["coffee", "tea"]}, name="Bo Both")


def test_a_campaign_whose_last_segment_is_deleted_says_at_once_that_it_needs_an_audience(
    page: Page, console: Console, crowd: dict[str, str]
) -> None:
    lost = console.segment("Soon deleted", tagged("coffee"))
    campaign = console.campaign("Left alone", lost)
    page.goto(f"/console/campaigns/{campaign}")
    expect(page.get_by_role("region", name="Campaign", exact=True)).to_contain_text("Ready")
    console.ok("DELETE", f"/v1/segments/{lost}")
    expect(page.get_by_text("This campaign needs an audience.")).to_be_visible()
    page.get_by_role("link", name="Choose Segments").click()
    page.get_by_role("group", name="Segments").get_by_role("searchbox").fill("tea")
    choice(page, "Segments", "Likes tea").check()
    page.get_by_role("button", name="Save Campaign").click()
    expect(page.get_by_role("region", name="Campaign", exact=True)).to_contain_text("Ready")


def test_a_stale_save_of_a_campaign_is_reported_and_keeps_the_input(
    page: Page, console: Console, watched: Watched, crowd: dict[str, str]
) -> None:
    watched.expect(412)
    campaign = console.campaign("Two at once", crowd["coffee"])
    page.goto(f"/console/campaigns/{campaign}/edit")
    page.get_by_label("Campaign Name").fill("Mine")
    console.ok("PATCH", f"/v1/campaigns/{campaign}", json={"name": "Theirs"})
    page.get_by_role("button", name="Save Campaign").click()
    expect(page.get_by_role("alert")).to_contain_text("Someone else changed this campaign while you were editing it.")
    expect(page.get_by_role("alert")).to_contain_text("Theirs")
    expect(page.get_by_label("Campaign Name")).to_have_value("Mine")
    page.get_by_role("button", name="Save over theirs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mine")


def test_the_list_shows_a_new_campaign_without_a_reload_and_deletes_one(
    page: Page, console: Console, crowd: dict[str, str]
) -> None:
    page.goto("/console/campaigns")
    console.campaign("Came meanwhile", crowd["coffee"], crowd["tea"])
    row = page.get_by_role("row").filter(has_text="Came meanwhile")
    expect(row).to_contain_text("Likes coffee")
    expect(row).to_contain_text("Likes tea")
    row.get_by_role("button", name="Actions for Came meanwhile").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete Campaign").click()
    expect(page.get_by_text("Came meanwhile was deleted")).to_be_visible()
    expect(row).to_have_count(0)


def test_without_scripts_a_campaign_is_made_and_frozen_too(plain: Page, crowd: dict[str, str]) -> None:
    plain.goto("/console/campaigns/new")
    plain.get_by_label("Campaign Name").fill("No scripts")
    plain.get_by_role("group", name="Segments").get_by_role("searchbox").fill("coffee")
    plain.get_by_role("group", name="Segments").get_by_role("button", name="Search").click()
    expect(plain.get_by_label("Campaign Name")).to_have_value("No scripts")
    choice(plain, "Segments", "Likes coffee").check()
    plain.get_by_role("button", name="Create Campaign").click()
    plain.get_by_role("link", name="Freeze Audience").click()
    plain.get_by_role("button", name="Freeze Audience").click()
    expect(plain.get_by_text("Frozen: 2 recipients")).to_be_visible()

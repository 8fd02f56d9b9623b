"""Which of the chosen segments matter: their overlap while choosing and afterwards, two audiences, and a copy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.console import Console


@pytest.fixture(scope="module")
def lists(console: Console) -> dict[str, str]:
    """Three lists: of Ana and Bo, of Bo and Carla, and of Carla."""
    ids = {name: console.customer(name) for name in ("Ana", "Bo", "Carla")}
    return ids | {
        "spring": console.segment("Spring guests", members=[ids["Ana"], ids["Bo"]]),
        "summer": console.segment("Summer guests", members=[ids["Bo"], ids["Carla"]]),
        "staff": console.segment("Staff", members=[ids["Carla"]]),
    }


def choice(page: Page, group: str, name: str) -> Locator:
    return page.get_by_role("group", name=group).get_by_role("checkbox", name=name)


def row(page: Page, table: str, name: str) -> Locator:
    """A row of the table under a heading."""
    return (
        page.get_by_role("region", name=table).get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
    )


def test_a_marketer_sees_while_choosing_what_each_segment_adds_and_takes_away(
    page: Page, lists: dict[str, str]
) -> None:
    page.goto("/console/campaigns/new")
    page.get_by_label("Campaign Name").fill("Guests")
    overlap = page.get_by_role("region", name="Overlap")
    expect(overlap).to_contain_text("Choose two or more segments to see how they overlap.")
    choice(page, "Segments", "Spring guests").check()
    choice(page, "Segments", "Summer guests").check()
    adds = "What each segment adds"
    expect(row(page, adds, "Spring guests").get_by_role("cell")).to_contain_text(["2", "2", "1"])
    expect(row(page, "Members in two segments", "Spring guests")).to_contain_text("1 50 %")
    choice(page, "Leave out", "Staff").check()
    expect(row(page, adds, "Summer guests").get_by_role("cell")).to_contain_text(["2", "1", "0"])
    expect(row(page, "What each one left out takes away", "Staff").get_by_role("cell")).to_contain_text(["1", "1", "1"])
    choice(page, "Leave out", "Spring guests").check()
    expect(page.get_by_text("Spring guests is both chosen and left out.")).to_be_visible()
    choice(page, "Leave out", "Spring guests").uncheck()
    expect(page.get_by_text("Spring guests is both chosen and left out.")).to_have_count(0)
    page.get_by_role("button", name="Create Campaign").click()
    page.get_by_role("link", name="How the segments overlap, and what each one adds").click()
    expect(row(page, adds, "Spring guests").get_by_role("cell")).to_contain_text(["2", "2", "1"])


def test_two_sends_are_compared_and_the_campaign_is_copied_for_the_next(
    page: Page, console: Console, lists: dict[str, str]
) -> None:
    campaign = console.campaign("Weekly", lists["spring"])
    console.ok("POST", f"/v1/campaigns/{campaign}/audience")
    console.ok("POST", f"/v1/segments/{lists['spring']}/members", json={"customer_ids": [lists["Carla"]]})
    console.ok("DELETE", f"/v1/segments/{lists['spring']}/members/{lists['Ana']}")
    console.wait_until_visible()
    console.ok("POST", f"/v1/campaigns/{campaign}/audience")
    page.goto(f"/console/campaigns/{campaign}")
    page.get_by_role("link", name="Compare with the one before").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Carla")
    page.get_by_role("link", name="Who went").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("Ana")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download CSV").click()
    assert "Ana" in begun.value.path().read_text()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
    page.get_by_role("button", name="Actions for Weekly").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_label("Campaign Name")).to_have_value("Copy of Weekly")
    page.get_by_label("Campaign Name").fill("Weekly, second")
    page.get_by_role("button", name="Save Campaign").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Weekly, second")
    expect(page.get_by_role("region", name="Campaign", exact=True)).to_contain_text("Spring guests")


def test_without_scripts_segments_are_compared_before_and_after_a_campaign_is_made(
    plain: Page, lists: dict[str, str]
) -> None:
    plain.goto("/console/campaigns/new")
    plain.get_by_label("Campaign Name").fill("No scripts")
    for name in ("Spring guests", "Summer guests"):
        choice(plain, "Segments", name).check()
    plain.get_by_role("button", name="Compare the Segments").click()
    expect(row(plain, "What each segment adds", "Summer guests")).to_be_visible()
    plain.get_by_role("button", name="Create Campaign").click()
    plain.get_by_role("link", name="Show the overlap of the segments").click()
    expect(row(plain, "What each segment adds", "Summer guests")).to_be_visible()

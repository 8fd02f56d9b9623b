"""The product page, sentence by sentence, in the browser: what segments are for, and how campaigns use them.

Each test is named after its sentence.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser.console import Console
from tests.support.browser.product_page import PREMIUM, row_of

# Static vs dynamic segments


def test_customers_join_and_leave_a_dynamic_segment_automatically_as_their_data_changes(
    page: Page, console: Console
) -> None:
    """The open page follows by itself; nothing is reloaded."""
    ana = console.customer("Ana Follows", attributes={"premium_customer": False})
    segment = console.segment("Live audience", PREMIUM)
    page.goto(f"/console/segments/{segment}/manage")
    expect(page.get_by_role("main")).to_contain_text("No customer matches the filters")
    console.change(ana, attributes={"premium_customer": True})
    expect(row_of(page, "Ana Follows")).to_be_visible()
    console.change(ana, attributes={"premium_customer": False})
    expect(row_of(page, "Ana Follows")).to_have_count(0)


def test_members_of_a_static_segment_only_change_when_you_change_them(page: Page, console: Console) -> None:
    rui = console.customer("Rui Fixed", attributes={"premium_customer": True})
    fixed = console.segment("A fixed list", members=[rui])
    console.segment("Follows beside it", PREMIUM)
    console.change(rui, name="Rui Still Fixed", attributes={"premium_customer": False})
    console.wait_until_visible()
    page.goto(f"/console/segments/{fixed}/manage")
    expect(row_of(page, "Rui Still Fixed")).to_be_visible()
    page.goto("/console/segments?name=Follows+beside+it")
    expect(row_of(page, "Follows beside it").locator("[data-label=Members]")).to_have_text("0")


# Using segments in campaigns


def test_segments_are_reusable_groups_of_customers_you_can_target_in_a_campaign(page: Page, console: Console) -> None:
    """Choose Segments as the recipient type in Step 1 and select one or more segments."""
    people = [console.customer(f"Targeted {number}") for number in range(3)]
    console.segment("Reused by campaigns", members=people)
    for name in ("First campaign", "Second campaign"):
        page.goto("/console/campaigns/new")
        page.get_by_label("Campaign Name").fill(name)
        expect(page.get_by_role("heading", name="Step 1")).to_be_visible()
        expect(page.get_by_role("radio", name="Segments")).to_be_checked()
        page.get_by_role("group", name="Segments").get_by_role("checkbox", name="Reused by campaigns").check()
        expect(page.locator("#reach")).to_contain_text("3 recipients")
        page.get_by_role("button", name="Create Campaign").click()
        page.goto("/console/campaigns")
        expect(row_of(page, name)).to_contain_text("Reused by campaigns")


def test_the_campaign_sends_to_everyone_in_the_chosen_segments(page: Page, console: Console) -> None:
    people = [console.customer(f"Reached {number}") for number in range(3)]
    chosen = console.segment("Everyone is reached", members=people)
    console.segment("Not chosen", members=[console.customer("Not reached")])
    campaign = console.campaign("Sends to everyone", chosen)
    page.goto(f"/console/campaigns/{campaign}")
    expect(page.locator("#recipients").get_by_role("rowheader")).to_have_text(["Reached 0", "Reached 1", "Reached 2"])


def test_selecting_several_segments_reaches_everyone_in_any_of_them_and_no_one_twice(
    page: Page, console: Console
) -> None:
    """Who appears in more than one segment is automatically deduplicated."""
    both, one, other = (console.customer(name) for name in ("In both", "In one", "In the other"))
    console.segment("Union one", members=[both, one])
    console.segment("Union other", members=[both, other])
    page.goto("/console/campaigns/new")
    page.get_by_label("Campaign Name").fill("Union")
    for name in ("Union one", "Union other"):
        page.get_by_role("group", name="Segments").get_by_role("checkbox", name=name).check()
    expect(page.locator("#reach")).to_contain_text("3 recipients")
    expect(page.locator("#reach")).to_contain_text("1 of them repeated")
    page.get_by_role("button", name="Create Campaign").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Union")
    expect(page.locator("#recipients").get_by_role("rowheader")).to_have_text(["In both", "In one", "In the other"])


def test_the_next_campaign_picks_up_the_audience_of_an_edited_segment(page: Page, console: Console) -> None:
    gold = console.customer("Has gold", attributes={"plan": "gold"})
    console.customer("Has silver", attributes={"plan": "silver"})
    plan = {"attribute": "plan", "operator": "equals", "value": "gold"}
    segment = console.segment("Changes its filters", [plan])
    campaign = console.campaign("Next campaign", segment)
    page.goto(f"/console/campaigns/{campaign}")
    recipients = page.locator("#recipients").get_by_role("rowheader")
    expect(recipients).to_have_text(["Has gold"])
    console.edit(segment, [plan | {"value": "silver"}])
    expect(recipients).to_have_text(["Has silver"])
    assert console.ok("GET", f"/v1/customers/{gold}")["name"] == "Has gold"

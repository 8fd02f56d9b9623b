"""The product page, sentence by sentence, in the browser: creating and editing a segment.

Each test is named after its sentence.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser.builder import choose as choose_attribute
from tests.support.browser.console import Console
from tests.support.browser.product_page import PREMIUM, choose, row_of

MAY_20 = [{"attribute": "birthdate", "operator": "equals", "value": "2026-05-20"}]


def test_use_create_segment_top_right_to_add_one(page: Page, console: Console) -> None:
    page.goto("/console/segments")
    link = page.get_by_role("link", name="Create Segment", exact=True).first
    place, width = link.bounding_box(), page.viewport_size
    assert place is not None
    assert width is not None
    assert place["x"] > width["width"] / 2
    assert place["y"] < 160
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Create Segment")


def test_segment_name_is_required(page: Page, console: Console) -> None:
    page.goto("/console/segments/new")
    page.get_by_role("button", name="Create Segment").click()
    expect(page).to_have_url(f"{console.url}/console/segments/new")
    assert page.get_by_label("Segment Name").evaluate("input => input.validity.valueMissing")


def test_leave_dynamic_segment_off_to_build_a_static_list_and_the_description_is_optional(
    page: Page, console: Console
) -> None:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill("Newsletter Subscribers")
    expect(page.get_by_role("switch", name="Dynamic Segment")).not_to_be_checked()
    expect(page.get_by_role("button", name="Add Attribute")).to_be_hidden()
    page.get_by_role("button", name="Create Segment").click()
    row = row_of(page, "Newsletter Subscribers")
    expect(row).to_contain_text("Static")
    expect(row).to_contain_text("No filters")


def test_switch_it_on_to_define_attribute_filters_that_keep_the_segment_in_sync(page: Page, console: Console) -> None:
    console.customer("Ana Premium", attributes={"premium_customer": True})
    begin(page, "Premium customer list", "Who pays more")
    fill(page, 0, "Premium customer", "Is", "True")
    page.get_by_role("button", name="Create Segment").click()
    row = row_of(page, "Premium customer list")
    for text in ("Who pays more", "Dynamic", "Premium customer is True"):
        expect(row).to_contain_text(text)
    expect(row.locator("[data-label=Members] strong")).to_have_text("1")
    console.customer("Rui Premium", attributes={"premium_customer": True})
    expect(row.locator("[data-label=Members] strong")).to_have_text("2")


def test_each_filter_is_an_attribute_an_operator_and_a_value_such_as_birthdate_equals_may_20_2026(
    page: Page, console: Console
) -> None:
    console.customer("Born that day", attributes={"birthdate": "2026-05-20"})
    console.customer("Born the day after", attributes={"birthdate": "2026-05-21"})
    begin(page, "Born on May 20, 2026")
    fill(page, 0, "Birthdate", "Equals", "2026-05-20")
    page.get_by_role("button", name="Create Segment").click()
    expect(row_of(page, "Born on May 20, 2026")).to_contain_text("Birthdate equals May 20, 2026")
    choose(page, "Born on May 20, 2026", "View Customers")
    expect(page.get_by_role("dialog").get_by_role("rowheader")).to_contain_text(["Born that day"])


def test_use_add_attribute_to_stack_more_conditions_and_narrow_the_audience(page: Page, console: Console) -> None:
    for number, plan in enumerate(["gold", "gold", "free"]):
        console.customer(f"Narrowed {number}", attributes={"plan": plan, "score": number})
    begin(page, "Narrowed")
    fill(page, 0, "Plan", "Equals", "gold")
    count = page.get_by_role("status").filter(has_text="now")
    expect(count).to_contain_text("2 customers match now")
    page.get_by_role("button", name="Add Attribute").click()
    fill(page, 1, "Score", "Is at least", "1")
    expect(count).to_contain_text("1 customer matches now")
    page.get_by_role("button", name="Create Segment").click()
    expect(row_of(page, "Narrowed").locator("[data-label=Members] strong")).to_have_text("1")


def test_a_created_segment_appears_in_the_list_ready_to_use_in_campaigns(page: Page, console: Console) -> None:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill("Ready at once")
    page.get_by_role("button", name="Create Segment").click()
    expect(page).to_have_url(f"{console.url}/console/segments")
    expect(page.get_by_role("rowheader").first).to_contain_text("Ready at once")
    page.goto("/console/campaigns/new")
    expect(page.get_by_role("group", name="Segments").get_by_role("checkbox", name="Ready at once")).to_be_visible()


# Edit a segment


def test_choose_edit_to_update_a_segments_name_description_and_filters(page: Page, console: Console) -> None:
    """... and Update Segment saves."""
    console.customer("Has both", attributes={"premium_customer": True, "birthdate": "2026-05-20"})
    segment = console.segment("Before the edit", PREMIUM, description="Old")
    choose(page, "Before the edit", "Edit")
    page.get_by_label("Segment Name").fill("After the edit")
    page.get_by_label("Description").fill("New")
    fill(page, 0, "Birthdate", "Equals", "2026-05-20")
    page.get_by_role("button", name="Update Segment").click()
    row = row_of(page, "After the edit")
    expect(row).to_contain_text("New")
    stored = console.ok("GET", f"/v1/segments/{segment}")
    assert (stored["name"], stored["description"], stored["filter"]) == ("After the edit", "New", MAY_20)


def test_changing_the_filters_recomputes_the_membership_immediately(page: Page, console: Console) -> None:
    console.customer("Was a member", attributes={"plan": "recomputed old"})
    console.customer("Is a member", attributes={"plan": "recomputed new"})
    console.segment("Recomputed", [{"attribute": "plan", "operator": "equals", "value": "recomputed old"}])
    choose(page, "Recomputed", "Edit")
    fill(page, 0, "Plan", "Equals", "recomputed new")
    page.get_by_role("button", name="Update Segment").click()
    expect(row_of(page, "Recomputed")).not_to_contain_text("Recomputing")
    choose(page, "Recomputed", "View Customers")
    expect(page.get_by_role("dialog").get_by_role("rowheader")).to_contain_text(["Is a member"])


def begin(page: Page, name: str, description: str = "") -> None:
    """Create Segment with a name and the switch on."""
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill(name)
    page.get_by_label("Description").fill(description)
    page.get_by_role("switch", name="Dynamic Segment").check()
    expect(page.get_by_role("region", name="Filters")).to_be_visible()


def fill(page: Page, row: int, attribute: str, operator: str, value: str) -> None:
    """One filter of the builder."""
    choose_attribute(page, row, attribute, operator)
    place = page.locator(f"[name='filter-{row}-value']")
    if place.evaluate("place => place.tagName") == "SELECT":
        place.select_option(label=value)
    else:
        place.fill(value)

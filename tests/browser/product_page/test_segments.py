"""The product page, sentence by sentence, in the browser: the Segments page, creating, editing and deleting a segment.

Each test is named after its sentence. `test_product_page_members` goes on with customers and campaigns.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.console import Console
from tests.support.browser.product_page import PREMIUM, choose, row_of
from tests.support.browser.scenery import PEOPLE

# The Segments page


def test_the_list_shows_every_segment_on_your_account(page: Page, console: Console) -> None:
    names = [console.segment(f"Every {number}") and f"Every {number}" for number in range(3)]
    page.goto("/console/segments?name=Every")
    expect(page.get_by_role("rowheader")).to_have_text(names[::-1])
    page.goto("/console/segments")
    on_account = console.ok("GET", "/v1/segments?include=total")["total"]
    expect(page.locator(".range")).to_have_text(f"1–{on_account} of {on_account}")


def test_use_the_filters_panel_on_the_left_to_search_by_name(page: Page, console: Console) -> None:
    console.segment("Gold customers")
    console.segment("Silver customers")
    page.goto("/console/segments")
    panel, rows = page.get_by_role("complementary", name="Filters"), page.get_by_role("region", name="Segments")
    left, right = panel.bounding_box(), rows.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    panel.get_by_role("searchbox", name="Name").press_sequentially("gold cust")
    expect(page.get_by_role("rowheader")).to_have_text(["Gold customers"])
    expect(page).to_have_url(re.compile("name=gold"))


def test_each_row_shows_name_with_its_description_below_type_filters_and_created(page: Page, console: Console) -> None:
    console.segment("Row of a dynamic one", PREMIUM, description="Who pays more")
    console.segment("Row of a static one")
    page.goto("/console/segments")
    heads = page.get_by_role("columnheader")
    for column in ("Name", "Type", "Filters", "Created"):
        expect(heads.filter(has_text=re.compile(f"^{column}$"))).to_be_visible()
    dynamic, static = row_of(page, "Row of a dynamic one"), row_of(page, "Row of a static one")
    name = dynamic.get_by_role("link", name="Row of a dynamic one", exact=True).bounding_box()
    below = dynamic.get_by_text("Who pays more").bounding_box()
    assert name is not None
    assert below is not None
    assert name["y"] + name["height"] <= below["y"] + 1
    expect(dynamic.get_by_role("cell", name="Dynamic", exact=True)).to_be_visible()
    expect(static.get_by_role("cell", name="Static", exact=True)).to_be_visible()
    expect(dynamic).to_contain_text("Premium customer")
    expect(static.get_by_role("cell", name="No filters", exact=True)).to_be_visible()
    created = console.ok("GET", "/v1/segments?name=Row of a static one")["data"][0]["created_at"]
    assert static.locator("time").get_attribute("datetime") == created


@pytest.mark.parametrize(
    ("item", "heading"),
    [
        ("Manage Customers", "With a menu"), ("View Customers", "View Customers"), ("Edit", "Edit With a menu"),
        ("Delete", "Delete With a menu?"),
    ],
)  # fmt: skip
def test_the_menu_on_each_row_opens_manage_customers_view_customers_edit_and_delete(
    page: Page, console: Console, item: str, heading: str
) -> None:
    if not console.ok("GET", "/v1/segments?name=With a menu")["data"]:
        console.segment("With a menu")
    choose(page, "With a menu", item)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def test_long_lists_are_paginated_with_a_rows_per_page_selector_at_the_bottom(page: Page, console: Console) -> None:
    for number in range(27):
        console.ok("POST", "/v1/segments", json={"name": f"Long list {number:02}", "type": "static"})
    console.wait_until_visible()
    page.goto("/console/segments?name=Long+list")
    expect(page.get_by_role("rowheader")).to_have_count(25)
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("rowheader")).to_have_text(["Long list 01", "Long list 00"])
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_role("rowheader").first).to_have_text("Long list 26")
    page.get_by_label("Rows per page").select_option("10")
    expect(page.get_by_role("rowheader")).to_have_count(10)
    expect(page.locator(".range")).to_have_text("1–10 of 27")
    selector, table = page.get_by_label("Rows per page").bounding_box(), page.get_by_role("table").bounding_box()
    assert selector is not None
    assert table is not None
    assert selector["y"] >= table["y"] + table["height"]


# Delete a segment


def test_from_the_menu_choose_delete_and_a_confirmation_dialog_appears_first(page: Page, console: Console) -> None:
    kept = console.segment("Nearly deleted")
    choose(page, "Nearly deleted", "Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nearly deleted")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(row_of(page, "Nearly deleted")).to_be_visible()
    assert console.ok("GET", f"/v1/segments/{kept}")["name"] == "Nearly deleted"


def test_deleting_a_segment_removes_it_from_every_campaign_and_cannot_be_undone(page: Page, console: Console) -> None:
    kept, gone = console.segment("Stays attached"), console.segment("Attached and deleted")
    campaigns = [console.campaign(f"Uses it {number}", kept, gone) for number in range(2)]
    choose(page, "Attached and deleted", "Delete")
    dialog = page.get_by_role("dialog")
    for text in ("permanent", "cannot be undone", "Uses it 0", "Uses it 1"):
        expect(dialog).to_contain_text(text)
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_be_hidden()
    expect(row_of(page, "Attached and deleted")).to_have_count(0)
    for campaign in campaigns:
        assert console.ok("GET", f"/v1/campaigns/{campaign}")["segment_ids"] == [kept]
    assert console.http.get(f"/v1/segments/{gone}").status_code == 404


def test_the_customers_of_a_deleted_segment_are_not_deleted(page: Page, console: Console) -> None:
    people = [console.customer(name) for name in PEOPLE[:3]]
    console.segment("Deleted without its customers", members=people)
    choose(page, "Deleted without its customers", "Delete")
    expect(page.get_by_role("dialog")).to_contain_text("3 customers are not deleted")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row_of(page, "Deleted without its customers")).to_have_count(0)
    assert [console.ok("GET", f"/v1/customers/{each}")["name"] for each in people] == list(PEOPLE[:3])

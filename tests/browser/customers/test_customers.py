"""A marketer looks for people: by anything that is known of them, by a filter, and one of them with their past."""

from __future__ import annotations

import re

import psycopg
from playwright.sync_api import Page, expect

from tests.support.browser.builder import choose
from tests.support.browser.console import Console
from tests.support.browser.product_page import row_of
from tests.support.browser.watching import Watched


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search customers").fill(text)


def test_a_marketer_finds_everybody_in_a_town_by_typing_it_and_keeps_them_as_a_segment(
    page: Page, console: Console
) -> None:
    for name, city in (("Bea Berge", "Bergtal"), ("Otto Berge", "Bergtal"), ("Ute Unten", "Talgrund")):
        console.customer(name, attributes={"city": city})
    page.goto("/console/customers")
    search(page, "bergtal")
    expect(page.get_by_text("2 customers match")).to_be_visible()
    expect(row_of(page, "Ute Unten")).to_be_hidden()
    page.get_by_role("link", name="City is Bergtal").click()
    expect(page.get_by_text("Filter: City equals Bergtal")).to_be_visible()
    expect(row_of(page, "Bea Berge")).to_be_visible()
    page.get_by_role("link", name="Save as Segment").click()
    page.get_by_label("Segment Name").fill("People of Bergtal")
    page.get_by_role("button", name="Create Segment").last.click()
    expect(page.get_by_text("People of Bergtal was created")).to_be_visible()
    row_of(page, "People of Bergtal").get_by_role("link", name="People of Bergtal").click()
    expect(row_of(page, "Otto Berge")).to_be_visible()


def test_words_of_several_attributes_become_one_filter_and_all_who_are_found_can_be_tagged(
    page: Page, console: Console
) -> None:
    console.customer("Ria Rich", attributes={"city": "Wortheim"}, tags=["patron"])
    console.customer("Pia Plain", attributes={"city": "Wortheim"})
    page.goto("/console/customers")
    search(page, "wortheim patron")
    expect(page.get_by_text("1 customer matches")).to_be_visible()
    page.get_by_role("link", name="City is Wortheim and Tags is patron").click()
    expect(page.get_by_text("Filter: City equals Wortheim and Tags includes any of patron")).to_be_visible()
    page.get_by_role("button", name="More for the customers found").click()
    page.get_by_role("link", name="Tag all that match…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Tag").fill("invited")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(row_of(page, "Ria Rich")).to_contain_text("invited")


def test_all_who_are_found_go_into_a_list_that_is_searched_for_or_made_on_the_spot(
    page: Page, console: Console, watched: Watched
) -> None:
    watched.expect(422)
    console.customer("Lia Listed", attributes={"city": "Listberg"})
    console.customer("Leo Listed", attributes={"city": "Listberg"})
    chosen = console.segment("Listberg walkers")
    for name in ("Listberg runners", "Listberg by plan"):
        console.segment(name)
    dialog = page.get_by_role("dialog")

    def ask() -> None:
        page.goto("/console/customers?query=listberg")
        page.get_by_role("button", name="More for the customers found").click()
        page.get_by_role("link", name="Add all that match to a list…").click()

    ask()
    dialog.get_by_role("combobox", name="Static segment").press_sequentially("listberg wa")
    expect(dialog.get_by_role("option")).to_have_text([re.compile("Listberg walkers")])
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Add 2 Customers").click()
    expect(page.locator(".notice")).to_contain_text("2 customers added to Listberg walkers")
    assert console.ok("GET", f"/v1/segments/{chosen}/members?include=total")["total"] == 2
    ask()
    dialog.get_by_role("button", name="Add 2 Customers").click()
    expect(dialog.get_by_text("Choose one of your lists.").last).to_be_visible()
    dialog.get_by_label("A new list").check()
    dialog.get_by_label("Name of the new list").fill("Listberg walkers")
    expect(dialog.get_by_text("Another segment has this name")).to_be_visible()
    dialog.get_by_label("Name of the new list").fill("Listberg, made on the spot")
    dialog.get_by_role("button", name="Add 2 Customers").click()
    expect(page.locator(".notice")).to_contain_text("2 customers added to Listberg, made on the spot")


def test_a_filter_and_columns_are_chosen_on_the_page_and_stay_in_its_address(page: Page, console: Console) -> None:
    console.customer("Fay Filter", attributes={"city": "Filterstadt", "plan": "gold"}, tags=["columned"])
    console.customer("Nia Not", attributes={"city": "Filterstadt", "plan": "free"})
    page.goto("/console/customers?query=filterstadt")
    page.get_by_text("Add a filter").click()
    choose(page, 0, "Tags").get_by_label("Add a value").fill("columned")
    page.get_by_role("button", name="Show Customers").last.click()
    expect(page.get_by_text("1 customer matches")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Search customers")).to_have_value("filterstadt")
    page.get_by_text("Columns", exact=True).click()
    for shown in page.get_by_role("group", name="Show these columns").get_by_role("checkbox").all():
        shown.uncheck()
    page.get_by_label("Plan", exact=True).check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("columnheader")).to_have_text(["Customer", "Plan", "Actions"])
    page.reload()
    expect(row_of(page, "Fay Filter")).to_contain_text("gold")
    page.get_by_role("button", name="More for the customers found").click()
    page.get_by_role("link", name="Export CSV…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("who match “filterstadt” and this filter: Tags includes any of columned")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "customers.csv"
    header, fay = download.value.path().read_text().splitlines()
    assert header == "phone,name,external_id,Plan"
    assert re.fullmatch(r"\+35191\d{7},Fay Filter,customer-\d+,gold", fay)


def test_a_list_that_is_not_found_at_once_follows_its_page_and_a_newer_search_replaces_it(
    page: Page, console: Console
) -> None:
    for name in ("Lena Late", "Lars Late", "Nora Newer"):
        console.customer(name)
    page.goto("/console/customers")
    with psycopg.connect(console.product.database_url) as owner:
        owner.execute("LOCK TABLE rollcall_model.customers IN ACCESS EXCLUSIVE MODE")
        search(page, "late")
        looking = page.get_by_role("progressbar", name="Looking at all customers…")
        expect(looking).to_be_visible()
        expect(page.get_by_text("Counting…")).to_be_visible()
        owner.rollback()
    expect(row_of(page, "Lena Late")).to_be_visible()
    expect(page.get_by_text("2 customers match")).to_be_visible()
    expect(looking).to_be_hidden()
    with psycopg.connect(console.product.database_url) as owner:
        owner.execute("LOCK TABLE rollcall_model.customers IN ACCESS EXCLUSIVE MODE")
        search(page, "lars")
        expect(looking).to_be_visible()
        search(page, "newer")
        expect(page).to_have_url(re.compile("query=newer"))
        owner.rollback()
    expect(row_of(page, "Nora Newer")).to_be_visible()
    expect(row_of(page, "Lars Late")).to_be_hidden()


def test_a_customers_page_says_what_happened_and_follows_an_edit(page: Page, console: Console) -> None:
    console.customer("Tim Time", attributes={"plan": "silver"})
    page.goto("/console/customers?query=tim+time")
    page.get_by_role("link", name="Tim Time", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tim Time")
    expect(page.get_by_text("New customer")).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("dialog").get_by_label("Plan", exact=True).fill("gold")
    page.get_by_role("dialog").get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("deletion")).to_have_text("silver")
    expect(page.get_by_role("insertion").first).to_have_text("gold")
    expect(page.get_by_text("in the console")).to_be_visible()


def test_erasing_says_what_it_means_and_goes_back_to_the_list(page: Page, console: Console) -> None:
    console.customer("Gus Gone")
    page.goto("/console/customers?query=gus+gone")
    page.get_by_role("link", name="Gus Gone", exact=True).click()
    page.get_by_role("link", name="Erase", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be undone")
    page.get_by_role("button", name="Erase Customer").click()
    expect(page).to_have_url(re.compile("/console/customers$"))
    expect(page.get_by_text("Gus Gone was erased")).to_be_visible()
    search(page, "gus gone")
    expect(page.get_by_text("No customer matches")).to_be_visible()

"""View Customers, Edit Customer, Manage Customers and Add Customers in the browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.console import Console
from tests.support.browser.product_page import PREMIUM, choose, row_of
from tests.support.browser.watching import Watched


def dialog_of(page: Page) -> Locator:
    return page.get_by_role("dialog")


def title_of(page: Page) -> Locator:
    return dialog_of(page).get_by_role("heading", level=2).first


def test_the_pencil_opens_edit_customer_and_saving_returns_to_the_segment(page: Page, console: Console) -> None:
    for name in ("Pia Pencil", "Paul Pencil"):
        console.customer(name, attributes={"premium_customer": True, "plan": "free"})
    console.segment("Edited from within", PREMIUM)
    choose(page, "Edited from within", "View Customers")
    dialog = dialog_of(page)
    dialog.get_by_role("searchbox").fill("Pia")
    expect(row_of(page, "Paul Pencil")).to_be_hidden()
    dialog.get_by_role("link", name="Edit Pia Pencil").click()
    expect(title_of(page)).to_have_text("Edit Customer")
    dialog.get_by_label("Plan", exact=True).fill("platinum")
    dialog.get_by_label("Tags", exact=True).fill("vip")
    dialog.get_by_label("Tags", exact=True).press("Enter")
    dialog.get_by_label("Tags", exact=True).fill("beta,")
    dialog.get_by_label("Attribute to add").select_option("Score")
    dialog.get_by_role("button", name="Add Attribute").click()
    expect(dialog.get_by_label("Score", exact=True)).to_be_focused()
    dialog.get_by_label("Score", exact=True).fill("12345678901234567890.5")
    dialog.get_by_role("button", name="Save").last.click()
    expect(title_of(page)).to_have_text("View Customers")
    row = row_of(page, "Pia Pencil")
    for shown in ("Plan platinum", "vip", "beta", "12345678901234567890.5"):
        expect(row).to_contain_text(re.compile(re.escape(shown).replace(r"\ ", r"\s*")))
    expect(page.get_by_text("Pia Pencil was saved")).to_be_visible()
    expect(row_of(page, "Paul Pencil")).to_be_hidden()  # the search is as it was
    expect(dialog.get_by_role("link", name="Edit Pia Pencil")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile("/console/segments$"))


def test_a_customer_who_leaves_by_an_edit_is_gone_from_the_list_afterwards(page: Page, console: Console) -> None:
    console.customer("Lea Leaves", attributes={"premium_customer": True})
    console.segment("One leaves", PREMIUM)
    choose(page, "One leaves", "View Customers")
    dialog_of(page).get_by_role("link", name="Edit Lea Leaves").click()
    dialog_of(page).get_by_label("Premium customer").select_option("False")
    dialog_of(page).get_by_role("button", name="Save").last.click()
    expect(title_of(page)).to_have_text("View Customers")
    expect(row_of(page, "Lea Leaves")).to_be_hidden()


def test_a_mistake_in_an_edit_is_shown_beside_its_field_and_the_input_stays(
    page: Page, console: Console, watched: Watched
) -> None:
    watched.expect(422)
    console.segment("With a mistake", members=[console.customer("Mia Mistake", attributes={"score": 5})])
    choose(page, "With a mistake", "View Customers")
    dialog = dialog_of(page)
    dialog.get_by_role("link", name="Edit Mia Mistake").click()
    dialog.get_by_label("Name", exact=True).fill("Mia Typed")
    dialog.get_by_label("Score", exact=True).fill("a lot")
    dialog.get_by_label("Score", exact=True).press("Enter")
    expect(dialog.get_by_role("alert")).to_be_focused()
    expect(dialog.get_by_label("Score", exact=True)).to_have_accessible_description(re.compile("Write a number"))
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Mia Typed")


def test_a_click_beside_the_dialog_closes_it_but_asks_once_something_was_typed(page: Page, console: Console) -> None:
    console.segment("Clicked beside", members=[console.customer("Beatriz Beside")])
    choose(page, "Clicked beside", "View Customers")
    dialog = dialog_of(page)
    dialog.get_by_role("searchbox").fill("Bea")
    dialog.get_by_role("link", name="Edit Beatriz Beside").click()
    name = dialog.get_by_label("Name", exact=True)
    name.fill("Beatriz Typed")
    page.mouse.click(5, 5)
    page.get_by_role("button", name="Keep editing").click()
    expect(title_of(page)).to_have_text("Edit Customer")
    expect(name).to_have_value("Beatriz Typed")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Leave without saving").click()
    expect(title_of(page)).to_have_text("View Customers")
    expect(row_of(page, "Beatriz Beside")).to_be_visible()
    page.mouse.click(5, 5)
    expect(dialog).to_be_hidden()


def test_three_of_five_found_customers_are_added(page: Page, console: Console) -> None:
    for number in range(1, 6):
        console.customer(f"Zora Found {number}", phone=f"+35196100000{number}")
    console.customer("Somebody Else")
    segment = console.segment("Picked by hand")
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("link", name="Add Customers").click()
    dialog = dialog_of(page)
    confirm = dialog.get_by_role("button", name=re.compile("^Add .*Customers?$"))
    expect(confirm).to_be_disabled()
    dialog.get_by_role("searchbox").fill("zora")
    expect(row_of(page, "Somebody Else")).to_be_hidden()
    expect(dialog.get_by_role("checkbox", name=re.compile("Zora Found"))).to_have_count(5)
    dialog.get_by_role("checkbox", name=re.compile("Zora Found 1")).check()
    expect(confirm).to_have_text("Add 1 Customer")
    dialog.get_by_text("Zora Found 4").click()
    dialog.get_by_role("searchbox").fill("961 000 005")
    expect(dialog.get_by_role("checkbox", name=re.compile("Zora Found"))).to_have_count(1)
    dialog.get_by_role("checkbox", name=re.compile("Zora Found 5")).check()
    expect(confirm).to_have_text("Add 3 Customers")
    dialog.get_by_role("searchbox").fill("")
    expect(row_of(page, "Somebody Else")).to_be_visible()
    expect(dialog.get_by_role("checkbox", name=re.compile("Zora Found 4"))).to_be_checked()
    confirm.click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("3 customers added to Picked by hand")).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("Zora Found"))).to_have_count(3)
    # Only customers not already in the segment are shown.
    page.get_by_role("link", name="Add Customers").click()
    dialog.get_by_role("searchbox").fill("zora")
    expect(dialog.get_by_role("checkbox", name=re.compile("Zora Found"))).to_have_count(2)
    expect(confirm).to_be_disabled()


def test_ticked_members_are_removed_after_a_confirmation(page: Page, console: Console) -> None:
    people = [console.customer(f"Remo {number}") for number in range(1, 5)]
    page.goto(f"/console/segments/{console.segment('To be thinned', members=people)}/manage")
    button = page.get_by_role("button", name=re.compile("^Remove .*Customers?$"))
    expect(button).to_be_disabled()
    page.get_by_role("checkbox", name="Tick Remo 1").check()
    console.change(people[2], name="Remo Three")  # the list is brought up to date meanwhile
    expect(row_of(page, "Remo Three")).to_be_visible()
    page.get_by_role("checkbox", name="Tick Remo 2").check()
    expect(button).to_have_text("Remove 2 Customers")
    button.click()
    expect(title_of(page)).to_have_text("Remove 2 customers?")
    dialog_of(page).get_by_role("button", name="Remove 2 Customers").click()
    expect(page.get_by_role("rowheader", name=re.compile("Remo"))).to_have_count(2)
    expect(button).to_be_disabled()
    page.get_by_role("link", name="Remove Remo 4").click()
    dialog_of(page).get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("rowheader", name=re.compile("Remo"))).to_have_count(1)


def test_a_dynamic_segment_is_read_only_with_its_reason_and_keeps_itself_up_to_date(
    page: Page, console: Console
) -> None:
    joins = console.customer(
        "Jo Joins", attributes={"premium_customer": False, "plan": "a", "score": 1, "likes": ["b"]}
    )
    stays = console.customer(
        "Sam Stays", attributes={"premium_customer": True, "plan": "a", "score": 1, "likes": ["b"]}
    )
    page.goto(f"/console/segments/{console.segment('Read only', PREMIUM)}/manage")
    expect(page.get_by_text("Membership is controlled by the filters")).to_be_visible()
    expect(page.get_by_role("link", name="change its filters")).to_be_visible()
    for action in ("Add Customers", "Import CSV"):
        expect(page.get_by_role("link", name=action)).to_be_hidden()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    row_of(page, "Sam Stays").get_by_text("and 1 more").click()
    console.change(joins, attributes={"premium_customer": True})
    page.get_by_role("button", name="Show 1 new customer").click()  # the rows stay where a person reads
    expect(row_of(page, "Jo Joins")).to_be_visible()
    console.change(stays, attributes={"score": 77})
    expect(row_of(page, "Sam Stays").get_by_text("77")).to_be_visible()  # in what was unfolded


def test_without_scripts_a_customer_is_added_edited_and_removed(plain: Page, console: Console) -> None:
    plain.set_viewport_size({"width": 900, "height": 900})
    console.customer("Nora Noscript")
    segment = console.segment("Without scripts")
    plain.goto(f"/console/segments/{segment}/manage")
    plain.get_by_role("link", name="Add Customers").click()
    plain.get_by_role("searchbox").fill("nora")
    plain.get_by_role("button", name="Search").click()
    plain.get_by_role("checkbox", name=re.compile("Nora Noscript")).check()
    plain.get_by_role("button", name="Add Customers").click()
    expect(plain.get_by_text("1 customer added to Without scripts")).to_be_visible()
    plain.get_by_role("link", name="Edit Nora Noscript").click()
    plain.get_by_label("Tags", exact=True).fill("one\ntwo, three")
    plain.get_by_role("button", name="Save").last.click()
    expect(row_of(plain, "Nora Noscript")).to_contain_text("two, three")
    plain.get_by_role("checkbox", name="Tick Nora Noscript").check()
    plain.get_by_role("button", name="Remove Customers").click()
    plain.get_by_role("button", name="Remove", exact=True).click()
    expect(plain.get_by_text("No customers in this segment yet")).to_be_visible()


def test_rows_stay_under_the_pointer_while_customers_join_and_move_where_no_person_reads(
    page: Page, console: Console
) -> None:
    segment = console.segment("Calm list", members=[console.customer(f"Calm {nth}") for nth in range(3)])
    rows = page.locator("#members tbody th")
    page.goto(f"/console/segments/{segment}/manage")
    expect(rows).to_have_count(3)
    add = f"/v1/segments/{segment}/members"
    console.ok("POST", add, json={"customer_ids": [console.customer("At once")]})
    expect(rows.first).to_contain_text("At once")

    rows.nth(2).hover()
    console.ok("POST", add, json={"customer_ids": [console.customer(f"Later {nth}") for nth in range(2)]})
    news = page.get_by_role("button", name="Show 2 new customers")
    expect(news).to_be_visible()
    expect(rows.first).to_contain_text("At once")
    expect(page.locator("#standing")).to_contain_text("6 customers")
    news.click()
    expect(rows).to_have_count(6)
    expect(news).to_be_hidden()
    expect(page.locator("#members")).to_be_focused()

    rows.nth(2).hover()
    console.ok("POST", add, json={"customer_ids": [console.customer("Last")]})
    expect(page.get_by_role("button", name="Show 1 new customer")).to_be_visible()
    page.mouse.move(0, 0)
    expect(rows.first).to_contain_text("Last")

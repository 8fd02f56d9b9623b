"""Create Segment and Edit in the browser: the filter builder, the live count, and two people at once."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.builder import choose, condition
from tests.support.browser.console import Console
from tests.support.browser.delayed_scripts import scripts_delayed
from tests.support.browser.looking import accessible
from tests.support.browser.watching import Watched

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
FRESH = 2_000  # milliseconds: how long something done elsewhere may take to show


@pytest.fixture(scope="module")
def customers(console: Console) -> Console:
    """Four customers: two gold ones, one of them premium and born on May 20, 2026."""
    console.customer("Ana Gold", attributes={"plan": "gold", "premium_customer": True, "birthdate": "2026-05-20"})
    console.customer("Bea Gold", attributes={"plan": "gold", "premium_customer": False, "birthdate": "2026-05-20"})
    console.customer("Cid Free", attributes={"plan": "free", "premium_customer": True, "birthdate": "2026-05-21"})
    console.customer("Dan Free", attributes={"plan": "free", "score": 7})
    console.wait_until_visible()
    return console


@pytest.fixture
def new(page: Page, customers: Console) -> Page:
    page.goto("/console/segments/new")
    return page


def start_dynamic(page: Page, name: str) -> None:
    page.get_by_label("Segment Name").fill(name)
    page.get_by_role("switch", name="Dynamic Segment").check()


def test_a_static_segment_needs_only_a_name_and_is_first_in_the_list(new: Page) -> None:
    expect(new.get_by_role("heading", name="Filters")).to_be_hidden()
    new.get_by_label("Segment Name").fill("Newsletter Subscribers")
    new.get_by_label("Description").fill("Who reads it")
    new.get_by_role("button", name="Create Segment").click()
    expect(new).to_have_url(re.compile("/console/segments$"))
    first = new.locator("tbody tr").first
    expect(first).to_contain_text("Newsletter Subscribers")
    expect(first).to_contain_text("No filters")
    expect(new.locator("#notices")).to_contain_text("Newsletter Subscribers was created")


def test_a_dynamic_segment_is_created_for_a_birthdate_and_a_premium_customer(new: Page, customers: Console) -> None:
    start_dynamic(new, "Premium in May")
    choose(new, 0, "Birthdate", "Equals").get_by_label("Value").fill("2026-05-20")
    new.get_by_role("button", name="Add Attribute").click()
    choose(new, 1, "Premium customer", "Is").get_by_label("Value").select_option(label="True")
    expect(new.locator("#matches-count")).to_have_text("1 customer matches now")
    accessible(new)
    new.get_by_role("button", name="Create Segment").click()
    row = new.get_by_role("row").filter(has_text="Premium in May")
    expect(row.locator(".number strong")).to_have_text("1")
    made = customers.ok("GET", "/v1/segments?name=Premium in May")["data"][0]
    assert made["filter"] == [
        {"attribute": "birthdate", "operator": "equals", "value": "2026-05-20"},
        {"attribute": "premium_customer", "operator": "equals", "value": True},
    ]


def test_add_attribute_narrows_and_the_count_follows_while_typing(new: Page) -> None:
    start_dynamic(new, "Narrower")
    count = new.locator("#matches-count")
    expect(count).to_contain_text("Complete the filters")
    row = choose(new, 0, "Plan", "Equals")
    expect(row).to_contain_text("Choose a value")
    row.get_by_label("Value").press_sequentially("gold")
    expect(count).to_have_text("2 customers match now")
    expect(row).not_to_contain_text("Choose a value")
    expect(new.locator("#matches-sample li")).to_contain_text(["Bea Gold", "Ana Gold"])
    new.get_by_role("button", name="Add Attribute").click()
    expect(new.locator("#filter-1-attribute")).to_be_focused()
    choose(new, 1, "Premium customer", "Is").get_by_label("Value").select_option(label="True")
    expect(count).to_have_text("1 customer matches now")
    new.get_by_role("button", name="Remove Premium customer").click()
    expect(new.get_by_role("button", name="Add Attribute")).to_be_focused()
    expect(count).to_have_text("2 customers match now")


def test_values_of_a_list_are_added_with_comma_and_enter_and_removed_with_backspace(new: Page) -> None:
    start_dynamic(new, "One of several")
    row = choose(new, 0, "Plan", "Is one of")
    chips, count = row.locator(".chip"), new.locator("#matches-count")
    row.get_by_label("Add a value").press_sequentially("gold,")
    expect(chips).to_have_count(1)
    expect(row.get_by_label("Add a value")).to_be_focused()
    new.keyboard.type("free")
    expect(new.locator("#picker-list")).to_be_visible()
    new.keyboard.press("Enter")
    expect(chips).to_have_count(2)
    expect(count).to_have_text("4 customers match now")
    expect(new).to_have_url(re.compile("/new$"))
    expect(row.get_by_label("Add a value")).to_be_focused()
    new.keyboard.press("Backspace")
    expect(chips).to_have_count(1)
    expect(count).to_have_text("2 customers match now")


def test_groups_say_any_of_and_none_of(new: Page) -> None:
    start_dynamic(new, "Grouped")
    choose(new, 0, "Plan", "Equals").get_by_label("Value").fill("free")
    new.get_by_role("button", name="Add Group").click()
    expect(new.locator("#filter-1-match")).to_be_focused()
    new.locator("#filter-1-match").select_option(label="none of these are true")
    choose(new, "1-0", "Score", "Has a value")
    expect(new.locator("#matches-count")).to_have_text("1 customer matches now")
    expect(new.locator("#matches-sample")).to_contain_text("Cid Free")


def test_a_mistake_is_shown_beside_its_field_and_no_input_is_lost(new: Page, watched: Watched) -> None:
    watched.expect(422)
    start_dynamic(new, "Wrong at first")
    row = choose(new, 0, "Score", "Is between")
    row.get_by_label("From").fill("9")
    row.get_by_label("To", exact=True).fill("1")
    expect(row).to_contain_text("swap them")
    new.get_by_role("button", name="Create Segment").click()
    expect(new.get_by_role("alert").filter(has_text="swap them")).to_be_visible()
    expect(row.get_by_label("From")).to_have_value("9")
    accessible(new)
    row.get_by_label("To", exact=True).fill("10")
    new.get_by_role("button", name="Create Segment").click()
    expect(new.get_by_role("row").filter(has_text="Wrong at first")).to_be_visible()


def test_a_missing_value_is_shown_beside_its_field_after_the_count_arrives_too(new: Page, watched: Watched) -> None:
    watched.expect(422)
    start_dynamic(new, "Nothing chosen")
    new.get_by_role("button", name="Create Segment").click()
    expect(new.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    expect(new.locator("#matches-count")).to_have_text("Complete the filters to see who matches.")
    expect(new.locator(".condition .note.error")).to_have_text("Choose an attribute")
    choose(new, 0, "Birthdate", "Equals")
    expect(new.locator(".condition .note.error")).to_have_text("Choose a value")


def test_an_edit_shows_who_would_join_and_leave_and_which_segments_use_it_before_saving(
    page: Page, customers: Console
) -> None:
    segment_id = customers.segment("Before saving", GOLD)
    customers.campaign("Summer sale", segment_id)
    page.goto(f"/console/segments/{segment_id}/edit")
    expect(page.get_by_role("complementary")).to_contain_text("Summer sale")
    expect(page.locator("#matches-impact")).to_contain_text("Saving does not change the members")
    page.locator("#filter-0").get_by_label("Value").fill("free")
    expect(page.locator("#matches-impact")).to_have_text(
        re.compile("Saving adds 2 customers and removes 2 of the 2 in the segment now")
    )


def test_a_filter_edited_in_one_window_is_seen_in_another_without_reload_within_two_seconds(
    page: Page, elsewhere: Page, customers: Console
) -> None:
    segment_id = customers.segment("Seen elsewhere", GOLD)
    elsewhere.goto("/console/segments?name=Seen+elsewhere")
    page.goto(f"/console/segments/{segment_id}/edit")
    page.locator("#filter-0").get_by_label("Value").fill("free")
    row = elsewhere.get_by_role("row").filter(has_text="Seen elsewhere")
    expect(row).to_contain_text("gold")
    page.get_by_role("button", name="Update Segment").click()
    expect(page).to_have_url(re.compile("/console/segments$"))
    expect(row).to_contain_text("free", timeout=FRESH)


def test_an_open_form_shows_that_another_person_saved_and_keeps_the_input(page: Page, customers: Console) -> None:
    segment_id = customers.segment("Edited by two", GOLD)
    page.goto(f"/console/segments/{segment_id}/edit")
    name = page.get_by_label("Segment Name")
    name.press("End")
    name.press_sequentially(" and mine")
    customers.ok("PATCH", f"/v1/segments/{segment_id}", json={"description": "Changed by another"})
    expect(page.locator("#newer")).to_contain_text("Someone changed this segment")
    expect(name).to_be_focused()
    expect(name).to_have_value("Edited by two and mine")
    page.get_by_role("button", name="See what changed").click()
    expect(page.locator("#newer")).to_contain_text("Changed by another")
    expect(page.get_by_role("button", name="Keep mine")).to_be_visible()
    expect(name).to_have_value("Edited by two and mine")
    accessible(page)


def test_a_stale_save_shows_both_versions_and_keeps_the_input(
    page: Page, elsewhere: Page, customers: Console, watched: Watched
) -> None:
    watched.expect(412)
    segment_id = customers.segment("Conflict", GOLD)
    for window in (page, elsewhere):
        window.goto(f"/console/segments/{segment_id}/edit")
    page.locator("#filter-0").get_by_label("Value").fill("silver")
    elsewhere.locator("#filter-0").get_by_label("Value").fill("free")
    elsewhere.get_by_role("button", name="Update Segment").click()
    expect(elsewhere).to_have_url(re.compile("/console/segments$"))
    page.get_by_role("button", name="Update Segment").click()
    filters = page.locator("#newer").get_by_role("row").filter(has_text="Filters")
    expect(filters.get_by_role("cell")).to_have_text(["Plan equals silver", "Plan equals free"])
    expect(page.locator("#filter-0").get_by_label("Value")).to_have_value("silver")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_role("row").filter(has_text="Conflict")).to_contain_text("silver")
    page.goto(f"/console/segments/{segment_id}/edit")
    customers.ok("PATCH", f"/v1/segments/{segment_id}", json={"name": "Conflict solved"})
    page.get_by_role("button", name="See what changed").click()
    page.get_by_role("link", name="Take theirs").click()
    expect(page.get_by_label("Segment Name")).to_have_value("Conflict solved")


def test_without_scripts_the_same_form_is_filled_with_plain_buttons(plain: Page, customers: Console) -> None:
    plain.goto("/console/segments/new")
    start_dynamic(plain, "Without scripts")
    plain.locator("select[name=filter-0-attribute]").select_option(label="Plan")
    plain.get_by_role("button", name="Update the inputs").click()
    plain.locator("#filter-0").get_by_label("Value").fill("gold")
    plain.get_by_role("button", name="Add Attribute").click()
    plain.locator("select[name=filter-1-attribute]").select_option(label="Premium customer")
    plain.get_by_role("button", name="Update the inputs").click()
    plain.locator("#filter-1").get_by_label("Value").select_option(label="True")
    plain.get_by_role("button", name="Create Segment").click()
    expect(plain.get_by_role("row").filter(has_text="Without scripts")).to_be_visible()


def test_a_choice_made_before_the_page_is_ready_takes_effect(page: Page, customers: Console) -> None:
    segment = customers.segment("Chosen early", GOLD)
    with scripts_delayed(page, f"/console/segments/{segment}/edit"):
        condition(page, 0).get_by_label("Operator").select_option(label="Is one of")
    expect(condition(page, 0).get_by_label("Add a value")).to_be_visible()

"""A marketer's day in the filter builder: picking what is known, seeing what narrows, moving and copying conditions."""

from __future__ import annotations

import json
import os
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.builder import choose, condition, pick
from tests.support.browser.console import Console
from tests.support.browser.looking import accessible


@pytest.fixture(scope="module")
def shop(console: Console) -> Console:
    """Six customers of three countries; two are premium."""
    for number, country in enumerate(["PT", "PT", "PT", "ES", "ES", "FR"]):
        attributes = {"country": country, "premium_customer": number < 2, "birthdate": f"199{number}-05-20"}
        console.customer(f"Person {number}", attributes=attributes)
    console.wait_until_visible()
    return console


@pytest.fixture
def new(page: Page, shop: Console) -> Page:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill("Made in the builder")
    page.get_by_role("switch", name="Dynamic Segment").check()
    return page


def look(page: Page, name: str) -> None:
    if folder := os.environ.get("LOOK"):
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})


def test_a_value_that_no_customer_has_is_hinted_at_with_the_known_ones_which_one_click_takes(new: Page) -> None:
    row = choose(new, 0, "Country", "Equals")
    row.get_by_label("Value").fill("Portugal")
    note = row.locator(".note")
    expect(note).to_contain_text("No customer has “Portugal”. Known:")
    expect(row.locator(".node-count")).to_contain_text("0")
    look(new, "hint")
    accessible(new)
    note.get_by_role("button", name="PT (3)").click()
    expect(row.get_by_label("Value")).to_have_value("PT")
    expect(row.get_by_label("Value")).to_be_focused()
    expect(new.locator("#matches-count")).to_have_text("3 customers match now")
    expect(note).to_be_empty()


def test_each_condition_and_group_says_how_many_match_it_alone(new: Page) -> None:
    choose(new, 0, "Country", "Is one of")
    values = condition(new, 0).get_by_label("Add a value")
    pick(new, values, "E", "ES")
    expect(condition(new, 0).locator(".chip")).to_have_text(re.compile("ES"))
    new.locator("#filter-add").click()
    choose(new, 1, "Premium customer", "Is").get_by_label("Value").select_option(label="True")
    new.get_by_role("button", name="Add Group").first.click()
    choose(new, "2-0", "Country", "Equals").get_by_label("Value").fill("fr")
    for place, count in ((0, "2"), (1, "2"), (2, "1"), ("2-0", "1")):
        expect(new.locator(f"#filter-{place}-count")).to_have_text(re.compile(rf"^{count}\b"))
    expect(new.locator("#matches-count")).to_have_text("0 customers match now")
    look(new, "counts")
    accessible(new)


def test_this_month_says_that_the_year_counts_and_offers_the_birthday(new: Page) -> None:
    row = choose(new, 0, "Birthdate", "Falls in … (with the year)")
    row.locator("#filter-0-value-period").select_option(label="This month")
    row.get_by_role("button", name="Ignore the year").click()
    expect(row.get_by_label("Operator").locator("option:checked")).to_have_text("Birthday / anniversary is in …")
    expect(row.get_by_label("Value")).to_have_value("this_month")


def test_conditions_are_moved_copied_and_negated_by_keyboard_and_the_focus_stays(new: Page, shop: Console) -> None:
    choose(new, 0, "Country", "Equals").get_by_label("Value").fill("PT")
    new.locator("#filter-add").press("Enter")
    choose(new, 1, "Premium customer", "Is").get_by_label("Value").select_option(label="True")

    def act(name: str, label: str) -> None:
        new.get_by_role("button", name=f"Actions for {name}").first.press("Enter")
        new.locator(":popover-open").get_by_role("button", name=label, exact=True).press("Enter")

    act("Premium customer", "Move up")
    expect(condition(new, 0).get_by_label("Attribute")).to_have_value("Premium customer")
    expect(condition(new, 0).get_by_role("button", name="Actions for")).to_be_focused()
    act("Country", "Say the opposite")
    expect(condition(new, 1).get_by_label("Operator").locator("option:checked")).to_have_text("Does not equal")
    act("Country", "Duplicate")
    expect(condition(new, 2).get_by_label("Value")).to_have_value("PT")
    expect(condition(new, 2).get_by_role("button", name="Actions for")).to_be_focused()
    act("Premium customer", "Put into a group of its own")
    act("Country", "Move into the group above")
    expect(condition(new, "0-1").get_by_label("Attribute")).to_have_value("Country")
    look(new, "moved")
    new.get_by_role("button", name="Create Segment").first.press("Enter")
    expect(new).to_have_url(re.compile("/console/segments$"))
    made = shop.ok("GET", "/v1/segments?name=Made in the builder")["data"][0]
    premium = {"attribute": "premium_customer", "operator": "equals", "value": True}
    elsewhere = {"attribute": "country", "operator": "not_equals", "value": "PT"}
    assert made["filter"] == [{"any": [premium, elsewhere]}, elsewhere]


def test_a_template_begins_a_filter_and_json_is_pasted_with_mistakes_placed(new: Page) -> None:
    new.get_by_role("button", name="Birthday this month").click()
    expect(condition(new, 0).get_by_label("Attribute")).to_have_value("Birthdate")
    new.get_by_text("The filter as JSON").click()
    written = new.get_by_label("As the API takes it").input_value()
    assert json.loads(written) == [
        {"attribute": "birthdate", "operator": "anniversary_in_period", "value": "this_month"}
    ]
    pasted = new.get_by_label("Paste a filter")
    pasted.fill('[{"attribute": "country"\n "operator": "equals"}]')
    new.get_by_role("button", name="Use This Filter").click()
    expect(new.locator("#filter_json-error")).to_contain_text("Line 2, character 2: a comma is missing")
    expect(pasted).to_be_focused()
    look(new, "json")
    accessible(new)
    unknown = {"attribute": "nowhere", "operator": "is_set"}
    pasted.fill(json.dumps({"not": {"any": [{"attribute": "country", "operator": "equals", "value": "ES"}, unknown]}}))
    new.get_by_role("button", name="Use This Filter").click()
    expect(new.locator("#filter-match")).to_have_value("none")
    expect(condition(new, 1).locator(".note")).to_contain_text("No such attribute")


def test_a_segment_is_found_by_its_name(new: Page, shop: Console) -> None:
    shop.segment("Winter buyers", [{"attribute": "country", "operator": "equals", "value": "ES"}])
    row = choose(new, 0, "Segment membership", "Is in")
    pick(new, row.get_by_label("Add a segment"), "winter", "Winter buyers")
    expect(row.locator(".chip")).to_contain_text("Winter buyers")
    expect(new.locator("#matches-count")).to_have_text("2 customers match now")
    look(new, "segment")


def test_without_scripts_an_attribute_is_a_list_and_a_segment_is_named(plain: Page, shop: Console) -> None:
    shop.segment("Summer buyers", [{"attribute": "country", "operator": "equals", "value": "PT"}])
    plain.goto("/console/segments/new")
    plain.get_by_label("Segment Name").fill("Of summer")
    plain.get_by_role("switch", name="Dynamic Segment").check()
    plain.locator("select[name=filter-0-attribute]").select_option(label="Segment membership")
    plain.get_by_role("button", name="Update the inputs").click()
    plain.get_by_label("Add a segment").fill("summer buyer")
    plain.get_by_role("button", name="Add", exact=True).click()
    expect(plain.locator("#filter-0 .note")).to_contain_text("No segment is called “summer buyer”")
    plain.get_by_label("Add a segment").fill("summer buyers")
    plain.get_by_role("button", name="Create Segment").last.click()
    expect(plain.get_by_role("row").filter(has_text="is in Summer buyers")).to_contain_text("Of summer")

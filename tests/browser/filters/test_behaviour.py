"""What customers did, in the filter builder: asked in plain words, counted while one chooses, and kept as it was."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.builder import condition, pick
from tests.support.browser.console import Console
from tests.support.browser.looking import accessible
from tests.support.browser.watching import Watched
from tests.support.running_product import eventually

ACTIVITY, ASKED, WINDOW = "Activity", "What is asked", "When"


@pytest.fixture(scope="module")
def shop(console: Console) -> Console:
    """Five customers. The first ordered four times lately, each of the others once less than the one before."""
    now = datetime.now(UTC)
    for number in range(5):
        console.customer(f"Buyer {number}")
    facts: list[dict[str, Any]] = [
        {
            "external_id": f"customer-{number + 1}", "name": "order_completed", "id": f"{number}-{place}",
            "time": (now - timedelta(days=place * 5, hours=1)).isoformat(),
            "properties": {"total": 20 + place * 15, "currency": ("EUR", "USD")[place % 2], "gift": place == 0},
        }
        for number in range(5)
        for place in range(4 - number)
    ]  # fmt: skip
    facts += [{"external_id": "customer-5", "name": "email_opened", "properties": {"campaign": "Spring"}}]
    console.ok("POST", "/v1/activities", content="\n".join(json.dumps(each) for each in facts))
    console.wait_until_visible()
    return console


@pytest.fixture
def new(page: Page, shop: Console) -> Page:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill("Made of behaviour")
    page.get_by_role("switch", name="Dynamic Segment").check()
    return page


def look(page: Page, name: str) -> None:
    if folder := os.environ.get("LOOK"):
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            for width in (1440, 390):
                page.set_viewport_size({"width": width, "height": 1000})
                page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})


def test_how_often_something_was_done_is_asked_in_plain_words(new: Page, shop: Console) -> None:
    new.get_by_role("button", name="Add Activity").click()
    row = condition(new, 0)
    expect(row.get_by_label(ACTIVITY)).to_be_focused()
    pick(new, row.get_by_label(ACTIVITY), "order", "Order completed")
    expect(row.get_by_label(ASKED).locator("option:checked")).to_have_text("How many times")
    row.locator("#filter-0-value-number").fill("3")
    expect(new.locator("#matches-count")).to_have_text("2 customers match now")
    look(new, "times")
    accessible(new)
    row.get_by_role("button", name="Add Property").click()
    pick(new, new.locator("#filter-0-0-0").get_by_label("Property"), "curr", "Currency")
    value = new.locator("#filter-0-0-0").get_by_label("Value")
    pick(new, value, "eu", "EUR")
    row.locator("#filter-0-value-number").fill("2")
    expect(new.locator("#matches-count")).to_have_text("2 customers match now")
    row.get_by_role("button", name="Add Property").click()
    pick(new, new.locator("#filter-0-0-1").get_by_label("Property"), "total", "Total")
    new.locator("#filter-0-0-1").get_by_label("Operator").select_option(label="Is at least")
    new.locator("#filter-0-0-1").get_by_label("Value").fill("50")
    expect(new.locator("#matches-count")).to_have_text("0 customers match now")
    look(new, "where")
    accessible(new)
    new.locator("#filter-0-0-match").select_option(label="at least one of these is true")
    expect(new.locator("#matches-count")).to_have_text("2 customers match now")
    new.get_by_role("button", name="Create Segment").last.click()
    summary = "Order completed (where Currency equals EUR or Total is at least 50) at least 2 times in the last 30 days"
    expect(new.get_by_role("row").filter(has_text="Made of behaviour")).to_contain_text(summary)


def test_every_question_and_window_has_the_inputs_that_it_needs(new: Page, watched: Watched) -> None:
    new.get_by_label("Segment Name").fill("Made of all questions")
    new.get_by_role("button", name="Add Activity").click()
    row = condition(new, 0)
    pick(new, row.get_by_label(ACTIVITY), "order", "Order completed")
    row.get_by_label(ASKED).select_option(label="Total of …")
    expect(row.get_by_label("Property").locator("option:checked")).to_have_text("Total")
    row.locator("#filter-0-value-number").fill("60")
    row.get_by_label(WINDOW).select_option(label="In the calendar period …")
    row.get_by_label("Period").select_option(label="This year")
    expect(new.locator("#matches-count")).to_contain_text("match now")
    look(new, "total")
    row.get_by_label(ASKED).select_option(label="Latest …")
    row.get_by_label(WINDOW).select_option(label="Ever")
    row.get_by_label("Property").select_option(label="Gift")
    row.locator("#filter-0-value-boolean").select_option(label="True")
    expect(new.locator("#matches-count")).to_have_text("4 customers match now")
    row.get_by_label(ASKED).select_option(label="Last time")
    row.locator("#filter-0-operator-datetime").select_option(label="Is more than … days ago")
    row.get_by_label(WINDOW).select_option(label="Between … and …")
    expect(row.locator("#filter-0-from")).to_be_visible()
    watched.expect(422)
    new.get_by_role("button", name="Create Segment").last.click()
    expect(row.locator("#filter-0-window-note")).to_have_text("Choose a date and a time")
    expect(row.locator("#filter-0-note")).to_have_text("Choose a value")
    look(new, "unfinished")
    accessible(new)
    row.get_by_label(WINDOW).select_option(label="Since …")
    row.locator("#filter-0-from").fill("2020-05-20T10:00")
    row.locator("#filter-0-value-count").fill("2")
    new.get_by_role("button", name="Create Segment").last.click()
    made = new.get_by_role("row").filter(has_text="Made of all questions")
    expect(made).to_contain_text("Last order completed since May 20, 2020, 10:00 is more than 2 days ago")


def test_options_that_arrive_when_their_input_offers_none_any_more_are_not_shown(new: Page) -> None:
    new.get_by_role("button", name="Add Activity").click()
    row = condition(new, 0)
    pick(new, row.get_by_label(ACTIVITY), "order", "Order completed")
    row.get_by_role("button", name="Add Property").click()
    fact = new.locator("#filter-0-0-0")
    pick(new, fact.get_by_label("Property"), "total", "Total")
    value = fact.get_by_label("Value")
    expect(value).to_have_role("combobox")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    new.route("**/properties/**/values?**", hold)
    with new.expect_request("**/properties/**/values?**"):
        value.press_sequentially("5")
    fact.get_by_label("Operator").select_option(label="Is at least")
    expect(value).not_to_have_attribute("data-picker", re.compile(""))
    for route in held:
        route.continue_()
    expect(value).to_have_value("5")
    expect(new.locator("#picker-list")).to_be_hidden()
    accessible(new)


def test_a_condition_that_was_saved_is_shown_in_inputs_and_a_wrong_one_as_json_with_the_place(
    page: Page, shop: Console
) -> None:
    asked = {
        "activity": "order_completed", "where": {"not": {"attribute": "gift", "operator": "is_set"}},
        "aggregate": "distinct", "of": "currency", "window": {"last_hours": 48}, "operator": "between", "value": [1, 2],
    }  # fmt: skip
    made = shop.segment("Buys in two currencies", [asked])
    page.goto(f"/console/segments/{made}/edit")
    row = condition(page, 0)
    expect(row.get_by_label(ACTIVITY)).to_have_value("Order completed")
    expect(row.get_by_label("How many hours")).to_have_value("48")
    expect(page.locator("#filter-0-0-match")).to_have_value("none")
    page.get_by_text("The filter as JSON").click()
    assert json.loads(page.get_by_label("As the API takes it").input_value()) == [asked]
    look(page, "saved")
    accessible(page)
    page.get_by_label("Paste a filter").fill(json.dumps([asked | {"activity": "nothing"}]))
    page.get_by_role("button", name="Use This Filter").click()
    written = row.get_by_role("textbox", name="Behaviour")
    expect(row.locator("#filter-0-note")).to_contain_text("No such activity; known: email_opened, order_completed")
    written.fill('{"activity": "order_completed"\n "aggregate": "count"}')
    expect(row.locator("#filter-0-note")).to_have_text(
        "Line 2, character 2: a comma is missing, or the closing bracket."
    )
    written.fill('{"activity": "order_completed", "aggregate": "count", "operator": "at_least", "value": 1}')
    expect(page.locator("#matches-count")).to_have_text("4 customers match now")
    page.get_by_role("button", name="Update Segment").last.click()
    expect(page.get_by_role("row").filter(has_text="Buys in two")).to_contain_text("Order completed at least once")


def test_templates_of_behaviour_are_there_where_orders_are_recorded(new: Page) -> None:
    new.get_by_role("button", name="Ordered 3 times in 30 days").click()
    expect(new.locator("#matches-count")).to_have_text("2 customers match now")
    expect(condition(new, 0).get_by_label("How many days")).to_have_value("30")


def test_behaviour_is_asked_without_scripts(plain: Page, shop: Console) -> None:
    plain.goto("/console/segments/new")
    plain.get_by_label("Segment Name").fill("Opened our letters")
    plain.get_by_role("switch", name="Dynamic Segment").check()
    plain.get_by_role("button", name="Add Activity").click()
    plain.locator("select[name=filter-0-attribute]").select_option(label="Email opened")
    plain.get_by_role("button", name="Update the inputs").click()
    plain.get_by_role("button", name="Add Property").click()
    plain.locator("select[name=filter-0-0-0-attribute]").select_option(label="Campaign")
    plain.get_by_label(WINDOW).select_option(label="In the last … hours")
    plain.get_by_role("button", name="Update the inputs").click()
    plain.locator("#filter-0-0-0").get_by_label("Value").fill("spring")
    plain.get_by_role("button", name="Create Segment").last.click()
    summary = "Email opened (where Campaign equals spring) at least once in the last 30 hours"
    expect(plain.get_by_role("row").filter(has_text="Opened our letters")).to_contain_text(summary)


def test_the_timeline_of_a_customer_shows_what_they_did_as_it_comes(page: Page, shop: Console) -> None:
    customer = shop.ok("GET", "/v1/customers/customer-3")
    shop.segment("Bought for a hundred", [{"activity": "order_completed", "aggregate": "sum", "of": "total",
                                           "operator": "at_least", "value": 100}])  # fmt: skip
    eventually(lambda: {each["members"]["state"] for each in shop.ok("GET", "/v1/segments")["data"]} == {"current"})
    page.goto(f"/console/customers/{customer['id']}?rows=10")
    # Without the joins that the making of segments caused, here and in other tests.
    entries = page.locator(".timeline > li").filter(has_not_text="The filter of this segment")
    expect(entries.locator("strong")).to_have_text(["New customer", "Order completed", "Order completed"])
    expect(entries.nth(1)).to_contain_text("GiftTrue")
    more = {"external_id": "customer-3", "name": "order_completed", "properties": {"total": 100.5, "currency": "EUR"}}
    shop.ok("POST", "/v1/activities", content=json.dumps(more))
    expect(entries.first).to_contain_text("Total100.5")
    expect(entries.first).to_contain_text("Joined Bought for a hundred")
    look(page, "timeline")
    accessible(page)
    for number in range(10):
        shop.ok("POST", "/v1/activities", content=json.dumps(more | {"name": "email_opened", "id": f"more-{number}"}))
    # With fewer of them the page is full already, and its link leads elsewhere.
    expect(entries.locator("strong")).to_have_text(["Email opened"] * 10)
    page.get_by_role("link", name="Next").click()
    expect(entries.locator("strong")).to_have_text(
        ["Order completed", "New customer", "Order completed", "Order completed"]
    )

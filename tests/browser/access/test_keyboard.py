"""A day without a mouse: creating, importing, adding 2,000 and freezing, by Tab, Enter, Space, arrows and typing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.support.browser.builder import condition
from tests.support.browser.console import Console
from tests.support.browser.keyboard import Typist
from tests.support.browser.sights import menu_of

MANY = 2_000
FILE = FilePayload(
    name="guests.csv", mimeType="text/csv", buffer=b"phone,name\n+351965000001,Gil\n+351965000002,Gina\n"
)


@pytest.fixture(scope="module")
def crowd(console: Console) -> Console:
    lines = "".join(f'{{"external_id":"k{n}","name":"Keyer {n}","phone":"93500{n:04}"}}\n' for n in range(MANY))
    console.ok("POST", "/v1/customers/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"})
    console.customer("Gold Keeper", attributes={"plan": "gold"})
    console.wait_until_visible()
    return console


def test_a_day_of_work_is_done_by_keyboard_alone(page: Page, crowd: Console) -> None:
    hands = Typist(page)
    main, dialog = page.get_by_role("main"), page.get_by_role("dialog")
    places = page.get_by_role("navigation", name="Main")
    page.goto("/console/overview")

    # A dynamic segment, in the builder.
    hands.press(places.get_by_role("link", name="Segments"))
    hands.press(main.get_by_role("link", name="Create Segment").first)
    hands.type(page.get_by_label("Segment Name"), "Gold by keyboard")
    hands.press(page.get_by_role("switch", name="Dynamic Segment"), "Space")
    row = condition(page, 0)
    hands.type(row.get_by_label("Attribute"), "plan")
    expect(page.locator("#picker-list [aria-selected=true]")).to_contain_text("Plan")
    page.keyboard.press("Enter")
    hands.type(row.get_by_label("Operator"), "Eq")
    hands.type(row.get_by_label("Value"), "gold", "Escape")
    expect(page.locator("#matches-count")).to_have_text("1 customer matches now")
    hands.press(page.get_by_role("button", name="Create Segment").last)
    expect(page.get_by_text("Gold by keyboard was created")).to_be_visible()

    # A static one, into which a file is imported.
    hands.press(main.get_by_role("link", name="Create Segment").first)
    hands.type(page.get_by_label("Segment Name"), "Guests by keyboard", "Enter")
    hands.press(page.get_by_role("button", name=menu_of("Guests by keyboard"), exact=True))
    item = page.locator(":popover-open :focus")
    expect(item).to_have_count(1)
    page.keyboard.type("man")
    expect(item).to_have_text("Manage Customers")
    page.keyboard.press("Enter")
    hands.press(page.get_by_role("link", name="Import CSV"))
    chosen = dialog.get_by_label("Choose a CSV file")
    hands.to(chosen)
    chosen.set_input_files(FILE)  # the window of the system, in which it is chosen, is not ours
    hands.press(dialog.get_by_role("button", name="Import CSV"))
    hands.press(dialog.get_by_role("button", name=re.compile("^Import .* lines?$")))
    expect(dialog.get_by_text("Done.")).to_be_visible()
    page.keyboard.press("Escape")

    # All who are found are added to it.
    hands.press(page.get_by_role("link", name="Add Customers"))
    hands.type(dialog.get_by_role("searchbox"), "keyer")
    expect(dialog.get_by_text("of 2,000")).to_be_visible()
    hands.press(dialog.get_by_label("Tick all on this page"), "Space")
    hands.press(dialog.get_by_role("button", name="Select all 2,000 that match"))
    hands.press(dialog.get_by_role("button", name="Add 2,000 Customers"))
    expect(page.locator(".notice")).to_contain_text("2,000 customers added to Guests by keyboard")
    expect(page.get_by_text("2,002 customers", exact=True)).to_be_visible()

    # A campaign for both, whose audience is frozen.
    hands.press(places.get_by_role("link", name="Campaigns"))
    hands.press(main.get_by_role("link", name="Create Campaign").first)
    hands.type(page.get_by_label("Campaign Name"), "Invitation")
    for name in ("Gold by keyboard", "Guests by keyboard"):
        hands.press(page.get_by_role("group", name="Segments").get_by_label(name), "Space")
    hands.press(page.get_by_role("button", name="Create Campaign"))
    hands.press(page.get_by_role("link", name="Freeze Audience"))
    hands.press(dialog.get_by_role("button", name="Freeze Audience"))
    expect(page.get_by_text("Frozen: 2,003 recipients")).to_be_visible()

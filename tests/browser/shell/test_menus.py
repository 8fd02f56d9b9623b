"""Menus by the keyboard: arrows, Home, End, and the first letters of an item."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.scenery import NEWSLETTER
from tests.support.browser.sights import menu_of


@pytest.mark.parametrize(
    ("keys", "item"),
    [
        (["ArrowDown"], "View Customers"),
        (["ArrowUp"], "Delete"),
        (["End", "ArrowDown"], "Manage Customers"),
        (["End"], "Delete"),
        (["End", "Home"], "Manage Customers"),
        (["h"], "History"),
        (["v", "i"], "View Customers"),
        (["e"], "Edit"),
        (["z"], "Manage Customers"),
    ],
)
def test_keys_lead_through_an_open_menu(page: Page, ids: dict[str, str], keys: list[str], item: str) -> None:
    page.goto("/console/segments")
    button = page.get_by_role("button", name=menu_of(NEWSLETTER), exact=True)
    button.press("Enter")
    expect(page.get_by_role("link", name="Manage Customers")).to_be_focused()
    for key in keys:
        page.keyboard.press(key)

    expect(page.get_by_role("link", name=item, exact=True).locator("visible=true")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_an_arrow_opens_a_menu(page: Page, ids: dict[str, str]) -> None:
    page.goto("/console/segments")
    page.get_by_role("button", name=menu_of(NEWSLETTER), exact=True).press("ArrowDown")

    expect(page.get_by_role("link", name="Manage Customers")).to_be_focused()

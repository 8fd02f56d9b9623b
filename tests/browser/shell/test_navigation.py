"""The bar of every page: the work on the left, the settings in a menu; on a phone, one button for all of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

PHONE: ViewportSize = {"width": 390, "height": 844}
SETTINGS = ("Attributes", "API keys", "People", "Webhooks", "Health")


def bar(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Main")


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_set_once_is_in_the_settings(page: Page, name: str) -> None:
    page.goto("/console/segments")
    expect(bar(page).get_by_role("link", name=name)).to_have_count(0)

    bar(page).get_by_role("button", name="Settings").click()
    bar(page).get_by_role("link", name=name).click()

    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(bar(page).get_by_role("button", name="Settings")).to_have_class("within")


def test_on_a_phone_the_bar_is_one_line_and_its_button_opens_everything(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/console/segments")
    assert page.locator("header.top").evaluate("bar => bar.offsetHeight") == 56

    page.get_by_role("button", name="Menu").press("Enter")
    for name in ("Segments", "Campaigns", *SETTINGS, "You"):
        expect(bar(page).get_by_role("link", name=name, exact=True)).to_be_in_viewport(ratio=1)
    bar(page).get_by_role("link", name="Campaigns").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
    expect(bar(page)).to_be_hidden()


def test_without_scripts_the_menus_open_beneath_their_buttons(plain: Page) -> None:
    plain.goto("/console/segments")
    button = bar(plain).get_by_role("button", name="Settings")
    button.click()

    there, opened = button.bounding_box(), bar(plain).get_by_role("link", name="Attributes").bounding_box()
    assert there is not None
    assert opened is not None
    assert abs(opened["x"] - there["x"]) < 24
    assert 0 < opened["y"] - there["y"] < 80


def test_the_bar_is_as_wide_as_the_window_on_short_pages_too(page: Page) -> None:
    page.goto("/console/keys")

    end = page.locator("header.top").evaluate("bar => bar.getBoundingClientRect().right")
    assert end == page.evaluate("document.documentElement.clientWidth")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollbarGutter") == "auto"

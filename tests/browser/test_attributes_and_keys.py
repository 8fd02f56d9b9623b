"""Attributes and API keys in the browser: declaring, naming, handing out, revoking."""

from __future__ import annotations

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.console import Console
from tests.support.browser.watching import Watched


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def status_with(console: Console, key: str) -> int:
    return httpx.get(f"{console.url}/v1/segments", headers={"Authorization": f"Bearer {key}"}).status_code


def test_an_attribute_is_declared_and_the_open_list_shows_it(page: Page, console: Console) -> None:
    page.goto("/console/attributes")
    page.get_by_role("link", name="New Attribute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Key").fill("shoe_size")
    dialog.get_by_label("Type").select_option("number")
    dialog.get_by_label("Label").fill("Shoe size")
    dialog.get_by_role("button", name="Add Attribute").click()
    expect(page.get_by_text("Shoe size was added")).to_be_visible()
    expect(row(page, "shoe_size")).to_contain_text("Number")
    expect(row(page, "shoe_size")).to_contain_text("No segment")
    console.segment("Big feet", [{"attribute": "shoe_size", "operator": "at_least", "value": 45}])
    expect(row(page, "shoe_size")).to_contain_text("Big feet")


def test_another_type_for_an_existing_attribute_is_refused_beside_the_field(page: Page, watched: Watched) -> None:
    watched.expect(422)
    page.goto("/console/attributes")
    page.get_by_role("link", name="New Attribute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Key").fill("plan")
    dialog.get_by_label("Type").select_option("date")
    dialog.get_by_role("button", name="Add Attribute").click()
    expect(dialog.locator("#type-error")).to_contain_text("plan is a text")
    expect(dialog.get_by_label("Key")).to_have_value("plan")
    dialog.get_by_label("Key").fill("plan_since")
    dialog.get_by_role("button", name="Add Attribute").click()
    expect(row(page, "plan_since")).to_contain_text("Date")


def test_a_label_is_changed(page: Page) -> None:
    page.goto("/console/attributes")
    page.get_by_role("link", name="Edit Premium customer").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Label").fill("Pays more")
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "premium_customer")).to_contain_text("Pays more")


def test_a_key_is_shown_once_copied_used_and_revoked(page: Page, console: Console) -> None:
    page.goto("/console/keys")
    page.get_by_role("link", name="Create API Key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("CRM sync")
    dialog.get_by_role("radio", name="Read everything, change nothing").check()
    dialog.get_by_role("button", name="Create API Key").click()
    expect(dialog).to_contain_text("You will not see it again.")
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    key = page.evaluate("navigator.clipboard.readText()")
    assert status_with(console, key) == 200
    dialog.get_by_role("button", name="Done").click()
    expect(row(page, "CRM sync")).to_contain_text("Read everything, change nothing")
    assert key not in page.content()
    page.get_by_role("link", name="Revoke CRM sync").click()
    expect(dialog).to_contain_text("stops working immediately")
    dialog.get_by_role("button", name="Revoke API Key").click()
    expect(page.get_by_text("CRM sync was revoked")).to_be_visible()
    expect(row(page, "CRM sync")).to_have_count(0)
    assert status_with(console, key) == 401

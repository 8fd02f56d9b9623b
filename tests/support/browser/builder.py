"""The filter builder as a person uses it: choosing in its pickers, and what stands beside a condition."""

from __future__ import annotations

from urllib.parse import quote_plus

from playwright.sync_api import Locator, Page, expect


def condition(page: Page, place: int | str) -> Locator:
    """A condition by its place: 1, or "1-0" within a group."""
    return page.locator(f"#filter-{place}")


def pick(page: Page, picker: Locator, typed: str, option: str | None = None) -> None:
    """Type into a picker and choose the option of that name, by the keyboard, once the last options are here."""
    picker.click()
    picker.fill("")
    with page.expect_response(lambda answer: f"search={quote_plus(typed)}" in answer.url):
        picker.press_sequentially(typed)
    wanted = page.locator("#picker-list [role=option]").filter(has=page.get_by_text(option or typed, exact=True)).first
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.get_attribute("aria-selected") == "true":
            break
        picker.press("ArrowDown")
    picker.press("Enter")


def choose(page: Page, place: int | str, attribute: str, operator: str | None = None) -> Locator:
    """Choose attribute and operator of a condition; the condition."""
    row = condition(page, place)
    pick(page, row.get_by_label("Attribute"), attribute)
    expect(row.get_by_label("Attribute")).to_have_value(attribute)
    expect(row.get_by_label("Operator")).to_be_visible()
    if operator is not None:
        row.get_by_label("Operator").select_option(label=operator)
    return row

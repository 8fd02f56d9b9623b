"""How the sentences of the product page are done in a browser: what `test_product_page*` have in common."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.support.browser.sights import menu_of

PREMIUM = [{"attribute": "premium_customer", "operator": "equals", "value": True}]


def row_of(page: Page, name: str) -> Locator:
    """The row of the segment, customer or campaign of that name."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader").filter(has_text=name))


def choose(page: Page, segment: str, item: str) -> None:
    """Open the ⋯ menu of a segment's row and choose from it."""
    page.goto("/console/segments")
    page.get_by_role("button", name=menu_of(segment), exact=True).click()
    page.get_by_role("link", name=item, exact=True).click()


def manage(page: Page, segment: str) -> None:
    """Open Manage Customers of a segment, and wait until it is loaded: before its scripts are, links open pages."""
    choose(page, segment, "Manage Customers")
    page.wait_for_url("**/manage")

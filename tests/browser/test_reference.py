"""The API reference works in a browser without a request to another site, which `watched` would note."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_reference_shows_every_endpoint_and_its_details(page: Page) -> None:
    page.goto("/docs/api")
    expect(page.get_by_role("heading", name="Rollcall")).to_be_visible()
    page.locator("[data-tag=segments]").click()
    summary = page.locator(".opblock-summary", has_text="/v1/segments/preview")
    summary.click()
    expect(page.locator(".opblock.is-open")).to_contain_text("application/json")


def test_a_document_links_to_the_others(page: Page) -> None:
    page.goto("/docs/")
    page.get_by_role("main").get_by_role("link", name="Filters").click()
    expect(page.get_by_role("heading", name="What a filter means")).to_be_visible()

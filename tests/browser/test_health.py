"""The Health page in the browser: it says what is wrong, and retries a dead letter."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser.console import Console


def test_a_dead_letter_appears_is_read_and_is_retried(page: Page, console: Console) -> None:
    page.goto("/console/health")
    expect(page.get_by_text("All is well")).to_be_visible()
    number = console.set_aside('{"name": "Yara <b>Young</b>"}', "it was not clear <why>")
    expect(page.get_by_text("1 record could not be accepted")).to_be_visible()
    expect(page.get_by_text("it was not clear <why>")).to_be_visible()
    page.get_by_role("link", name=f"Show record {number}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Value")).to_have_text('{"name": "Yara <b>Young</b>"}')
    dialog.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("The record was accepted")).to_be_visible()
    expect(page.get_by_text("Every record was accepted")).to_be_visible()
    found = console.ok("GET", "/v1/customers", params={"query": "Yara"})
    assert [each["name"] for each in found["data"]] == ["Yara <b>Young</b>"]


def test_a_dead_letter_that_fails_again_stays_and_says_so(page: Page, console: Console) -> None:
    number = console.set_aside('{"phone": "12"}', "phone is no number")
    page.goto("/console/health")
    page.get_by_role("button", name=f"Retry record {number}").click()
    expect(page.get_by_text("It failed again")).to_be_visible()
    expect(page.get_by_role("row").filter(has=page.get_by_role("link", name=f"Show record {number}"))).to_be_visible()


def test_a_recomputing_segment_and_the_log_are_followed_live(page: Page, console: Console) -> None:
    page.goto("/console/health")
    expect(page.get_by_text("Shown position")).to_be_visible()
    console.segment("Followed", [{"attribute": "plan", "operator": "is_set"}])
    ((head,),) = console.rows("SELECT log_head()")
    expect(page.get_by_text(f"{head:,}", exact=True).first).to_be_visible()
    expect(page.get_by_text("Everything is current")).to_be_visible()

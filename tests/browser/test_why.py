"""Asking in the browser why a customer is in a segment, or is not."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser.console import Console

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
KEEN = {"attribute": "score", "operator": "at_least", "value": 50}


def test_any_customer_is_found_while_typing_and_explained_in_a_dialog(page: Page, console: Console) -> None:
    console.customer("Ursula Uncommon", attributes={"plan": "gold", "score": 10})
    segment = console.segment("Keen and gold", [GOLD, KEEN])
    page.goto(f"/console/segments/{segment}/why")
    expect(page.get_by_text("Type a name or a phone number")).to_be_visible()
    page.get_by_label("Customer", exact=True).press_sequentially("ursula unc")
    page.get_by_role("link", name="Why? Ursula Uncommon").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("Why is Ursula Uncommon not in Keen and gold?")
    expect(dialog.get_by_role("listitem").filter(has_text="Plan equals gold").last).to_contain_text("Yes")
    expect(dialog.get_by_role("listitem").filter(has_text="Score is at least 50").last).to_contain_text("No")
    expect(dialog.get_by_text("“Score is at least 50” must be true; the value is: 10.")).to_be_visible()
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).not_to_be_visible()
    expect(page.get_by_label("Customer", exact=True)).to_have_value("ursula unc")


def test_the_answer_has_an_address_of_its_own_that_needs_no_javascript(plain: Page, console: Console) -> None:
    customer = console.customer("Vera Very", attributes={"plan": "gold", "score": 90})
    segment = console.segment("Very keen", [GOLD, KEEN])
    plain.goto(f"/console/segments/{segment}/why?query=vera")
    plain.get_by_role("link", name="Why? Vera Very").click()
    expect(plain).to_have_url(f"{console.url}/console/segments/{segment}/customers/{customer}/why")
    expect(plain.get_by_role("heading", level=1)).to_have_text("Why is Vera Very in Very keen?")

"""Signing in to the console, inviting a colleague and removing them again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.browser.looking import accessible
from tests.support.browser.watching import Watched

PASSWORD = "correct horse battery"


def test_a_colleague_is_invited_by_a_link_chooses_a_password_and_is_removed_again(page: Page, stranger: Page) -> None:
    page.goto("/console/people")
    page.get_by_role("link", name="Add Person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Bob")
    dialog.get_by_label("E-mail address").fill("bob@example.com")
    dialog.get_by_role("button", name="Add Person").click()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row").filter(has_text="bob@example.com")).to_be_visible()

    bob = stranger
    bob.goto(link)
    accessible(bob)
    bob.get_by_role("button", name="Sign in as Bob").click()
    expect(bob.get_by_role("heading", name="You", exact=True)).to_be_visible()
    bob.get_by_label("New password required").fill(PASSWORD)
    bob.get_by_label("New password again").fill(PASSWORD)
    bob.get_by_role("button", name="Set Password").click()
    expect(bob.get_by_text("Your password was set")).to_be_visible()
    bob.get_by_role("button", name="Bob").click()
    bob.get_by_role("button", name="Sign out").click()
    bob.get_by_label("E-mail address").fill("bob@example.com")
    bob.get_by_label("Password").fill(PASSWORD)
    bob.get_by_role("button", name="Sign in").click()
    expect(bob.get_by_role("heading", name="Overview", exact=True)).to_be_visible()

    page.get_by_role("button", name="Actions for Bob").click()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("row").filter(has_text="bob@example.com")).to_have_count(0)
    # The open page asks whether there is anything new, and leads to the sign-in page.
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_shown_beside_its_field_and_the_address_stays(stranger: Page, watched: Watched) -> None:
    watched.expect(422)
    stranger.goto("/console/segments?name=gold")
    stranger.get_by_label("E-mail address").fill("nobody@example.com")
    stranger.get_by_label("Password").fill("not the password")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.locator("#password-error")).to_contain_text("or the password is wrong")
    expect(stranger.get_by_label("E-mail address")).to_have_value("nobody@example.com")
    expect(stranger.get_by_label("Password")).to_have_value("")

"""A browser that runs no scripts: pages are read, a file is imported, a campaign and a customer are edited.

Segments are made and edited so in `tests/browser/filters`, lists in `test_members`, a campaign is made in `campaigns`.
"""

from __future__ import annotations

import re

from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.support.browser.console import Console
from tests.support.browser.sights import SIGHTS
from tests.support.full_size import FULL_SIZE

# What is shown once a script has asked for it: without one, it must say what to do instead.
WAITS_FOR_A_SCRIPT = """() => [...document.querySelectorAll("main :is([hx-get], [hx-post])[hx-trigger*=load]")]
  .filter(place => place.checkVisibility() && !/[^\\s…]/.test(place.innerText))
  .map(place => place.outerHTML.slice(0, 160))"""
NOT_READ = ("sign-in", "no-such-page", "segments-selected-none")


def test_pages_are_read(plain: Page, ids: dict[str, str]) -> None:
    for sight in SIGHTS if FULL_SIZE else SIGHTS[::3]:
        if sight.steps or sight.clicked or sight.status != 200 or sight.name.startswith(NOT_READ):
            continue
        answer = plain.goto(sight.address(ids))
        assert answer is not None
        assert answer.status == 200, plain.url
        assert plain.locator("h1").is_visible(), plain.url
        assert plain.evaluate(WAITS_FOR_A_SCRIPT) == [], plain.url


def test_a_file_is_imported_into_a_list(plain: Page, console: Console) -> None:
    plain.goto("/console/segments/new")
    plain.get_by_label("Segment Name").fill("Plain guests")
    plain.get_by_role("button", name="Create Segment").last.click()
    segment = console.ok("GET", "/v1/segments?name=Plain guests")["data"][0]["id"]
    plain.goto(f"/console/segments/{segment}/manage")
    plain.get_by_role("link", name="Import CSV").click()
    lines = b"telefone,nome,cidade\n+351966000001,Gil,Braga\n+351966000002,Gina,Faro\nnone,Zoe,\n"
    file = FilePayload(name="guests.csv", mimeType="text/csv", buffer=lines)
    plain.get_by_label("Choose a CSV file").set_input_files(file)
    plain.get_by_role("button", name="Import CSV").click()
    plain.get_by_role("button", name="See what will happen").click()
    go = plain.get_by_role("button", name=re.compile("^Import .* lines?$"))
    look_again_until(plain, go)
    go.click()
    look_again_until(plain, plain.get_by_text("Done."))
    plain.get_by_role("link", name="Manage Customers").click()
    expect(plain.get_by_role("rowheader")).to_have_count(2)


def look_again_until(plain: Page, seen: Locator) -> None:
    """Follow the link that shows how far it is, until something is seen."""
    on = plain.get_by_role("link", name="Show how far it is now")
    while on.or_(seen).first.text_content() and on.is_visible():
        on.click()
    expect(seen).to_be_visible()


def test_a_campaign_and_a_customer_are_edited(plain: Page, console: Console) -> None:
    customer = console.customer("Paula Plain", tags=["vip"], attributes={"plan": "free"})
    one, other = (console.segment(name, members=[customer]) for name in ("Plain one", "Plain other"))
    campaign = console.campaign("Plainly", one)
    plain.goto(f"/console/campaigns/{campaign}")
    plain.get_by_role("link", name="Edit").click()
    plain.get_by_label("Campaign Name").fill("Plainly changed")
    plain.get_by_role("group", name="Segments").get_by_label("Plain other").check()
    plain.get_by_role("button", name="Count the Recipients").click()
    expect(plain.get_by_role("complementary", name="Reaches now")).to_contain_text("1 recipient")
    plain.get_by_role("button", name="Save Campaign").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Plainly changed")
    assert console.ok("GET", f"/v1/campaigns/{campaign}")["segment_ids"] == [one, other]

    plain.goto("/console/customers")
    plain.get_by_role("searchbox").fill("paula")
    plain.get_by_role("button", name="Search").click()
    plain.get_by_role("link", name="Paula Plain", exact=True).click()
    plain.get_by_role("link", name="Edit").click()
    plain.get_by_label("Name", exact=True).fill("Paula Edited")
    plain.get_by_label("Tags").fill("vip\nsummer")
    plain.get_by_label("Plan").fill("gold")
    plain.get_by_role("button", name="Save").last.click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Paula Edited")
    changed = console.ok("GET", f"/v1/customers/{customer}")
    assert (set(changed["tags"]), changed["attributes"]["plan"]) == ({"vip", "summer"}, "gold")

"""The Segments page in the browser: who may see it, and what it lists."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.browser.console import Console
from tests.support.browser.delayed_scripts import scripts_delayed
from tests.support.browser.looking import accessible
from tests.support.browser.watching import Watched


def test_a_visitor_is_asked_to_sign_in_and_returns_to_the_page(stranger: Page, console: Console) -> None:
    stranger.goto("/console/segments")
    expect(stranger).to_have_url(re.compile(r"/console/sign-in\?next=%2Fconsole%2Fsegments$"))
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_sign_in_link_works_once(stranger: Page, console: Console, watched: Watched) -> None:
    watched.expect(410)
    stranger.goto(console.link)
    expect(stranger.get_by_role("heading", level=1)).not_to_have_text("Segments")


def test_the_segments_page_lists_what_the_api_made(page: Page, console: Console) -> None:
    name = "Premium customer list"
    console.segment(
        name, [{"attribute": "premium_customer", "operator": "equals", "value": True}], description="Who pays more"
    )
    page.goto("/console/segments")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("Who pays more")
    expect(row).to_contain_text("Dynamic")
    expect(row).to_contain_text("Premium customer")
    accessible(page)


def test_a_segment_made_meanwhile_shows_without_a_reload(page: Page, console: Console) -> None:
    page.goto("/console/segments")
    console.segment("Made meanwhile")
    expect(page.get_by_role("row").filter(has_text="Made meanwhile")).to_be_visible()


def test_a_search_typed_before_the_list_is_ready_takes_effect(page: Page, console: Console) -> None:
    console.segment("Typed early", [{"attribute": "premium_customer", "operator": "equals", "value": True}])
    console.segment("Typed early by hand")
    console.segment("Not looked for")
    names = page.locator("#list tbody th")
    with scripts_delayed(page, "/console/segments"):
        page.get_by_label("Name").fill("typed early")
    expect(names).to_have_text(["Typed early by hand", "Typed early"])
    with scripts_delayed(page, "/console/segments?name=typed+early"):
        page.get_by_label("Static").check()
    expect(names).to_have_text(["Typed early by hand"])


def test_rows_per_page_chosen_before_the_page_is_ready_take_effect_and_back_undoes_them(
    page: Page, console: Console
) -> None:
    for number in range(26):
        console.ok("POST", "/v1/segments", json={"name": f"One of many {number:02}", "type": "static"})
    console.wait_until_visible()
    rows = page.get_by_role("rowheader")
    with scripts_delayed(page, "/console/segments?name=one+of+many"):
        page.get_by_label("Rows per page").select_option("10")
    expect(rows).to_have_count(10)
    page.go_back()
    expect(rows).to_have_count(25)
    page.reload()
    expect(rows).to_have_count(25)
    expect(page.get_by_label("Rows per page")).to_have_value("25")

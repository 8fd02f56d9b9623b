"""A marketer's day with a long list: all added, some tagged, all taken back, the list emptied by a word."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.browser.console import Console


def many(console: Console, count: int, word: str) -> None:
    lines = "".join(f'{{"external_id":"{word}-{n}","name":"{word} {n}"}}\n' for n in range(count))
    console.http.post("/v1/customers/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"})


def test_all_who_match_are_added_and_all_are_taken_back(page: Page, console: Console) -> None:
    many(console, 130, "Bulka")
    segment = console.segment("Everyone by hand")
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("link", name="Add Customers").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("bulka")
    expect(dialog.get_by_text("of 130")).to_be_visible()
    dialog.get_by_role("checkbox", name="Tick all on this page").check()
    dialog.get_by_role("button", name="Select all 130 that match").click()
    dialog.get_by_role("button", name="Add 130 Customers").click()
    notice = page.locator(".notice")
    expect(notice).to_contain_text("130 customers added to Everyone by hand")
    expect(page.get_by_text("130 customers", exact=True)).to_be_visible()
    notice.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice")).to_contain_text("130 customers removed from Everyone by hand")
    expect(page.get_by_text("No customers in this segment yet")).to_be_visible()
    # Long after the notice is gone, the history offers the same.
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name=re.compile("Take back Bulka")).first.click()
    expect(dialog).to_contain_text("The change removed 130 customers from Everyone by hand")
    dialog.get_by_role("button", name="Take it back").click()
    expect(page.locator(".notice")).to_contain_text("130 customers added")


def test_a_selection_ends_with_the_search_and_can_be_tagged(page: Page, console: Console) -> None:
    many(console, 60, "Tagga")
    many(console, 5, "Other")
    segment = console.segment("Half of them", members=[])
    console.ok("POST", "/v1/jobs", json={"action": "add", "segment_id": segment, "customers": {"text": "tagga"}})
    page.goto(f"/console/segments/{segment}/manage")
    expect(page.get_by_text("of 60")).to_be_visible()
    page.get_by_role("checkbox", name="Tick all on this page").check()
    page.get_by_role("button", name="Select all 60").click()
    expect(page.get_by_role("button", name="Remove 60 Customers")).to_be_enabled()
    page.get_by_role("searchbox").fill("tagga 1")
    expect(page.get_by_text("of 11")).to_be_visible()
    expect(page.get_by_role("button", name="Remove Customers")).to_be_disabled()
    page.get_by_role("checkbox", name="Tick all on this page").check()
    page.get_by_role("button", name="Tag…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tag", exact=False).first.fill("spring")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".notice")).to_contain_text("11 customers tagged spring")
    expect(page.get_by_role("row").filter(has_text="spring")).to_have_count(11)
    console.segment("Spring guests")
    page.get_by_role("checkbox", name="Tick all on this page").check()
    page.get_by_role("button", name="Add to list…").click()
    dialog.get_by_role("combobox", name="Static segment").press_sequentially("spring g")
    expect(dialog.get_by_role("option")).to_have_text([re.compile("Spring guests")])
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Add 11 Customers").click()
    expect(page.locator(".notice", has_text="11 customers added to Spring guests")).to_be_visible()


def test_a_list_is_emptied_only_by_writing_so(page: Page, console: Console) -> None:
    people = [console.customer(f"Emptied {number}") for number in range(3)]
    segment = console.segment("To be emptied", members=people)
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("button", name="More for To be emptied").click()
    page.get_by_role("link", name="Empty the list…").click()
    dialog = page.get_by_role("dialog")
    word = dialog.get_by_label(re.compile("Write “empty” to confirm"))
    word.fill("empty")
    word.press("Enter")
    expect(page.locator(".notice")).to_contain_text("3 customers removed from To be emptied")
    page.locator(".notice").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("rowheader", name=re.compile("Emptied"))).to_have_count(3)


def test_without_scripts_all_are_tagged_from_the_menu_and_the_progress_has_a_page(
    plain: Page, console: Console
) -> None:
    segment = console.segment("Plainly", members=[console.customer("Plain One"), console.customer("Plain Two")])
    plain.goto(f"/console/selected?do=tag&all=1&in={segment}&back=/console/segments/{segment}/manage")
    plain.get_by_label("Tag", exact=False).first.fill("plain")
    plain.get_by_role("button", name="Save").click()
    expect(plain.locator(".notice")).to_contain_text("2 customers tagged plain")
    expect(plain).to_have_url(re.compile(f"/console/segments/{segment}/manage$"))

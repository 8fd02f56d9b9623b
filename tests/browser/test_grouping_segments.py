"""A day with many segments: label them, keep some at hand, put one away, copy one, and go back to a filter."""

from __future__ import annotations

import re

from playwright.sync_api import APIResponse, Page, Route, expect

from tests.support.browser.console import Console
from tests.support.browser.looking import accessible
from tests.support.browser.watching import Watched


def test_segments_are_labelled_and_labels_made_on_the_way(page: Page, console: Console) -> None:
    for name in ("Grouped one", "Grouped two", "Grouped three"):
        console.segment(name)
    page.goto("/console/segments?name=grouped")
    page.get_by_role("link", name="Manage labels").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the new label").fill("Spring plans")
    dialog.get_by_label("Colour of the new label").select_option("green")
    dialog.get_by_role("button", name="Create Label").click()
    expect(dialog.get_by_role("status").filter(has_text="Spring plans was saved")).to_be_visible()
    expect(dialog.get_by_label("Name of the new label")).to_be_focused()
    dialog.locator(".form-end").get_by_role("button", name="Close").click()
    expect(dialog).not_to_be_visible()

    page.get_by_role("checkbox", name="Tick Grouped one").check()
    page.get_by_role("checkbox", name="Tick Grouped two").check()
    console.segment("Grouped four")
    expect(page.get_by_role("row").filter(has_text="Grouped four")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Tick Grouped one")).to_be_checked()
    bulk = page.get_by_role("button", name="Label 2 segments")
    bulk.click()
    expect(dialog.get_by_role("heading", name="Labels of 2 segments")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(bulk).to_be_focused()
    bulk.press("Enter")
    dialog.get_by_label("Label Spring plans").select_option("on")
    dialog.get_by_label("Name of the new label").fill("Made on the way")
    dialog.get_by_label("Name of the new label").press("Enter")
    expect(dialog.get_by_label("Label Made on the way")).to_have_value("on")
    expect(dialog.get_by_label("Label Spring plans")).to_have_value("on")
    accessible(page)
    dialog.get_by_role("button", name="Save Labels").click()
    expect(page.locator("#list .label", has_text="Spring plans")).to_have_count(2)
    expect(page.locator("#list .label", has_text="Made on the way")).to_have_count(2)
    expect(page.get_by_role("button", name=re.compile("^Label"))).not_to_be_visible()
    accessible(page)


def test_a_label_is_deleted_from_the_labels_of_ticked_segments_and_they_stay_ticked(
    page: Page, console: Console
) -> None:
    label = console.ok("POST", "/v1/labels", json={"name": "To be deleted", "colour": "red"})["id"]
    for name in ("Ticked one", "Ticked two"):
        console.ok("PATCH", f"/v1/segments/{console.segment(name)}", json={"label_ids": [label]})
    console.wait_until_visible()
    page.goto("/console/segments?name=ticked")
    dialog = page.get_by_role("dialog")
    page.get_by_role("checkbox", name="Tick Ticked one").check()
    page.get_by_role("button", name="Label 1 segment").click()
    dialog.get_by_role("link", name="Change labels").click()
    dialog.get_by_role("link", name="Delete… To be deleted").click()
    expect(dialog).to_contain_text("2 segments have this label and lose it.")
    dialog.get_by_role("button", name="Delete Label").click()
    expect(dialog.get_by_label("Name of To be deleted")).to_have_count(0)
    dialog.locator(".form-end").get_by_role("button", name="Close").click()
    expect(dialog.get_by_role("heading", name="Labels of Ticked one")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("checkbox", name="Tick Ticked one")).to_be_checked()


def test_segments_are_kept_at_hand_and_put_away(page: Page, console: Console) -> None:
    for name in ("Kept one", "Kept two", "Kept three", "Kept four"):
        console.segment(name)
    page.goto("/console/segments?name=kept")
    dialog = page.get_by_role("dialog")
    star = page.get_by_role("button", name="Favourite: Kept two")
    star.press("Enter")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    names = page.locator("#list tbody th > a")
    page.get_by_label("Show").select_option("favourites")
    expect(names).to_have_text(["Kept two"])
    page.get_by_label("Show").select_option("")
    page.get_by_label("Sort by").select_option("name")
    expect(names).to_have_text(["Kept four", "Kept one", "Kept three", "Kept two"])

    page.get_by_role("button", name="Actions for Kept three").click()
    page.get_by_role("link", name="Archive", exact=True).click()
    expect(dialog).to_contain_text("can be restored at any time")
    dialog.get_by_role("button", name="Archive").click()
    expect(names).to_have_text(["Kept four", "Kept one", "Kept two"])
    page.get_by_label("Show").select_option("archived")
    expect(names).to_have_text(["Kept three"])


def test_a_filter_is_copied_changed_and_taken_back_with_its_impact_first(page: Page, console: Console) -> None:
    console.customer("Of the old filter", attributes={"plan": "versions old"})
    console.segment("With versions", [{"attribute": "plan", "operator": "equals", "value": "versions old"}])
    page.goto("/console/segments?name=with+versions")
    page.get_by_role("button", name="Actions for With versions").click()
    page.get_by_role("link", name="Duplicate").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Segment Name")).to_be_focused()
    dialog.get_by_label("Segment Name").fill("With versions")
    expect(dialog.locator("#copy-name-taken")).to_contain_text("Another segment has this name")
    dialog.get_by_label("Segment Name").fill("With versions, then")
    expect(dialog.locator("#copy-name-taken")).to_be_empty()
    dialog.get_by_role("radio", name="Static: a fixed list of the customer").check()
    dialog.get_by_role("button", name="Duplicate").click()
    copied = page.get_by_role("row").filter(has_text="With versions, then")
    expect(copied).to_contain_text("Static")
    expect(copied.locator(".members strong")).to_have_text("1")

    page.get_by_role("button", name="Actions for With versions", exact=True).click()
    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.locator("#name-taken")).to_have_attribute("data-htmx-powered", "true")
    page.get_by_label("Segment Name").fill("With versions, then")
    expect(page.locator("#name-taken")).to_contain_text("Another segment has this name")
    page.get_by_label("Segment Name").fill("With versions")
    expect(page.locator("#name-taken")).to_be_empty()
    page.locator('[name="filter-0-value"]').fill("versions new")
    page.get_by_role("button", name="Update Segment").click()

    page.goto("/console/segments?name=with+versions")
    page.get_by_role("button", name="Actions for With versions", exact=True).click()
    page.get_by_role("link", name="Versions", exact=True).click()
    expect(page.locator(".changes")).to_contain_text("Plan equals versions old")
    page.get_by_role("link", name="Go back to these filters…").click()
    expect(page.get_by_text("Nothing changes until you save")).to_be_visible()
    expect(page.locator("#matches")).to_contain_text("adds 1 customer")
    page.get_by_role("button", name="Update Segment").click()
    expect(page.get_by_role("row").filter(has_text="With versions").filter(has_text="versions old")).to_have_count(1)


def test_a_page_about_something_that_was_deleted_says_so_and_asks_no_more(
    page: Page, console: Console, watched: Watched
) -> None:
    watched.expect(404)
    segment = console.segment("Deleted elsewhere", members=[console.customer("Left behind")])
    page.goto(f"/console/segments/{segment}/history")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url) if answer.status == 404 else None)
    console.ok("DELETE", f"/v1/segments/{segment}")
    message = page.get_by_role("alert").filter(has_text="This segment was deleted.")
    expect(message).to_have_count(1)
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.locator(".htmx-request")).to_have_count(0)  # what was asked before the answer has one too
    first = len(asked)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.evaluate("document.querySelectorAll('.htmx-request').length") == 0
    assert len(asked) == first <= 3
    message.get_by_role("link", name="Back to the segments").click()
    expect(page).to_have_url(f"{console.url}/console/segments")


def test_news_of_what_a_list_showed_before_do_not_replace_what_it_shows_now(page: Page, console: Console) -> None:
    first = console.segment("Late one")
    page.goto("/console/segments?name=late")
    names = page.locator("#list tbody th > a")
    expect(names).to_have_text(["Late one"])
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        answer = route.fetch()
        if held or answer.status != 200 or "show=archived" in route.request.url:
            route.fulfill(response=answer)
        else:
            held.append((route, answer))

    page.route("**/console/segments?**", hold)
    console.segment("Late two")
    for _ in range(400):
        page.wait_for_timeout(0 if held else 50)
    assert held, "the list asks for news once a second"
    page.get_by_label("Show").select_option("archived")
    expect(names).to_have_count(0)
    for route, answer in held:
        route.fulfill(response=answer)
    console.ok("PATCH", f"/v1/segments/{first}", json={"archived": True})
    expect(names).to_have_text(["Late one"])

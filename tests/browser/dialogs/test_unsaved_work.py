"""Work that is not saved: leaving it in any way asks once, and only where something was entered or ticked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from tests.support.browser.console import Console
from tests.support.browser.product_page import choose


@pytest.fixture
def question(page: Page) -> Locator:
    return page.get_by_role("alertdialog", name="Leave without saving?")


@pytest.fixture
def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def keep(question: Locator) -> None:
    question.get_by_role("button", name="Keep editing").click()
    expect(question).to_be_hidden()


def discard(question: Locator) -> None:
    question.get_by_role("button", name="Leave without saving").click()
    expect(question).to_be_hidden()


def open_edit(page: Page, console: Console, name: str, segment: str) -> Locator:
    """The dialog Edit Customer, above that of the segment's customers; returns the field of the name."""
    console.segment(segment, members=[console.customer(name)])
    choose(page, segment, "View Customers")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name=f"Edit {name}").click()
    expect(dialog.get_by_role("heading", level=2).first).to_have_text("Edit Customer")
    return dialog.get_by_label("Name", exact=True)


LEAVING: dict[str, Callable[[Page], object]] = {
    "escape": lambda page: page.keyboard.press("Escape"),
    "backdrop": lambda page: page.mouse.click(5, 5),
    "close": lambda page: page.get_by_role("dialog").get_by_role("button", name="Close").first.click(),
    "cancel": lambda page: page.get_by_role("dialog").get_by_role("button", name="Cancel").click(),
    "back": lambda page: page.evaluate("history.back()"),
}


@pytest.mark.parametrize("way", LEAVING)
def test_a_dialog_with_typed_work_asks_once_before_it_is_left(
    page: Page, console: Console, dialog: Locator, question: Locator, way: str
) -> None:
    name = open_edit(page, console, f"Tia {way}", f"Typed {way}")
    name.fill("Tia Typed")
    address = page.url
    LEAVING[way](page)
    expect(question.get_by_role("button", name="Keep editing")).to_be_focused()
    keep(question)
    expect(name).to_have_value("Tia Typed")
    assert page.url == address
    LEAVING[way](page)
    discard(question)
    expect(name).to_be_hidden()
    if dialog.is_visible():
        expect(dialog.get_by_role("heading", level=2).first).to_have_text("View Customers")
        page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile("/console/segments$"))
    expect(page.get_by_role("button", name=f"Actions for Typed {way}", exact=True)).to_be_focused()


@pytest.mark.parametrize("way", LEAVING)
def test_a_dialog_in_which_nothing_was_changed_asks_nothing(
    page: Page, console: Console, question: Locator, way: str
) -> None:
    name = open_edit(page, console, f"Una {way}", f"Unchanged {way}")
    name.fill("Una Other")
    name.fill(f"Una {way}")
    LEAVING[way](page)
    expect(name).to_be_hidden()
    expect(question).to_be_hidden()


def test_saved_work_asks_nothing(page: Page, console: Console, dialog: Locator, question: Locator) -> None:
    name = open_edit(page, console, "Sara Saved", "Saved")
    name.fill("Sara Changed")
    dialog.get_by_role("button", name="Save").last.click()
    expect(dialog.get_by_role("heading", level=2).first).to_have_text("View Customers")
    expect(question).to_be_hidden()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(question).to_be_hidden()


def test_what_is_shown_again_with_a_mistake_is_still_not_saved(
    page: Page, console: Console, dialog: Locator, question: Locator
) -> None:
    console.segment("Shown again", members=[console.customer("Rita Again")])
    choose(page, "Shown again", "View Customers")
    dialog.get_by_role("link", name="Edit Rita Again").click()
    dialog.get_by_label("Attribute to add").select_option("Score")
    dialog.get_by_role("button", name="Add Attribute").click()
    expect(dialog.get_by_label("Score", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_be_visible()
    page.keyboard.press("Escape")  # of the question: go on
    expect(question).to_be_hidden()
    expect(dialog.get_by_label("Score", exact=True)).to_be_visible()


def test_tick_all_is_work(page: Page, console: Console, dialog: Locator, question: Locator) -> None:
    for number in range(3):
        console.customer(f"Tick Me {number}")
    segment = console.segment("To be ticked")
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("link", name="Add Customers").first.click()
    dialog.get_by_role("checkbox", name="Tick all on this page").check()
    for way in ("backdrop", "escape"):
        LEAVING[way](page)
        keep(question)
    expect(dialog.get_by_role("checkbox", name="Tick all on this page")).to_be_checked()
    dialog.get_by_role("checkbox", name="Tick all on this page").uncheck()
    LEAVING["backdrop"](page)
    expect(dialog).to_be_hidden()
    expect(question).to_be_hidden()


def test_the_question_whether_to_remove_customers_is_no_input(
    page: Page, console: Console, dialog: Locator, question: Locator
) -> None:
    segment = console.segment("Not removed", members=[console.customer("Nora Not Removed")])
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("link", name="Remove Nora Not Removed").click()
    expect(dialog.get_by_role("heading", name="Remove Nora Not Removed?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(question).to_be_hidden()


def test_values_that_a_field_cannot_show_as_they_are_are_no_input(
    page: Page, console: Console, dialog: Locator, question: Locator
) -> None:
    odd = console.customer(
        "Odd Values", tags=["a, b", " c"], attributes={"plan": "one\ntwo", "last_order": "2026-05-20T10:00:00.125Z"}
    )
    console.segment("Odd ones", members=[odd])
    choose(page, "Odd ones", "View Customers")
    dialog.get_by_role("link", name="Edit Odd Values").click()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Odd Values")
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("heading", level=2).first).to_have_text("View Customers")
    expect(question).to_be_hidden()


def test_a_page_with_typed_work_asks_before_a_link_is_followed(page: Page, question: Locator) -> None:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").fill("Half made")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
    keep(question)
    expect(page.get_by_label("Segment Name")).to_have_value("Half made")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
    discard(question)
    expect(page).to_have_url(re.compile("/console/campaigns$"))


@pytest.mark.parametrize("way", ["back", "reload"])
def test_back_and_closing_ask_with_the_browser_s_own_question(page: Page, way: str) -> None:
    page.goto("/console/segments")
    page.goto("/console/segments/new")
    page.get_by_label("Dynamic Segment").check()
    page.get_by_label("Segment Name").press("a")  # a browser asks only after something was really typed
    assert asks_once(page, way) == "beforeunload"
    expect(page.get_by_label("Segment Name")).to_have_value("a")


def asks_once(page: Page, way: str) -> str:
    """Go back, or load the page again; stay when the browser asks. How it asks."""
    page.once("dialog", lambda shown: shown.dismiss())
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => history.back())" if way == "back" else "setTimeout(() => location.reload())")
    return str(asked.value.type)


def test_a_form_that_was_sent_and_stopped_and_a_condition_just_removed_are_not_saved_either(page: Page) -> None:
    def give_up(route: Route) -> None:
        # As where a person stops what takes too long: the page stays.
        if route.request.method == "POST":
            route.fulfill(status=204)
        else:
            route.continue_()

    page.route("**/segments/new", give_up)
    page.goto("/console/segments")
    page.goto("/console/segments/new")
    page.get_by_label("Dynamic Segment").check()
    page.get_by_role("button", name="Remove Filter 1").click()
    page.evaluate("document.getElementById('dynamic').checked = false")  # what is left is what the builder was asked
    assert asks_once(page, "back") == "beforeunload"
    page.get_by_label("Segment Name").press("a")
    page.get_by_role("button", name="Create Segment").last.click()
    page.get_by_role("heading", level=1).click()
    assert asks_once(page, "back") == "beforeunload"
    expect(page.get_by_label("Segment Name")).to_have_value("a")


@pytest.fixture
def asked(page: Page) -> Iterator[list[str]]:
    """The questions that the browser itself asked; each is answered with leaving."""
    shown: list[str] = []

    def leave(dialog: Dialog) -> None:
        shown.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    yield shown
    page.remove_listener("dialog", leave)


def test_a_segment_that_is_saved_asks_nothing(page: Page, question: Locator, asked: list[str]) -> None:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").press_sequentially("Wholly made")
    page.get_by_role("button", name="Create Segment").last.click()
    expect(page).not_to_have_url(re.compile("/new$"))
    expect(question).to_be_hidden()
    assert asked == []


def test_saving_filters_that_were_built_asks_nothing(page: Page, question: Locator, asked: list[str]) -> None:
    page.goto("/console/segments/new")
    page.get_by_label("Segment Name").press_sequentially("Built")
    page.get_by_label("Dynamic Segment").check()
    page.get_by_role("button", name="Remove Filter 1").click()
    expect(page.get_by_text("No filters here yet: no customer matches.")).to_be_visible()
    page.get_by_role("button", name="Create Segment").last.click()
    expect(page).not_to_have_url(re.compile("/new$"))
    expect(question).to_be_hidden()
    assert asked == []


def test_ticks_are_work_after_a_search_among_them(page: Page, console: Console, question: Locator) -> None:
    console.segment("Ticked one")
    page.goto("/console/campaigns/new")
    segments = page.get_by_role("group", name="Segments")
    segments.get_by_label("Ticked one").check()
    with page.expect_response("**/choices/segments"):
        segments.get_by_role("searchbox").fill("no such name")
    expect(segments.get_by_role("checkbox")).to_have_count(1)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Segments").click()
    keep(question)
    expect(segments.get_by_label("Ticked one")).to_be_checked()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Segments").click()
    discard(question)
    expect(page).to_have_url(re.compile("/console/segments$"))


def test_three_imports_and_three_times_escape_lead_back_to_the_page(
    page: Page, console: Console, dialog: Locator, tmp_path: Path
) -> None:
    segment = console.segment("Three imports")
    page.goto(f"/console/segments/{segment}/manage")
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="Import CSV").click()
    for number in range(3):
        file = tmp_path / f"file{number}.csv"
        file.write_text(f"phone,name\n+35196400000{number},Import {number}\n")
        page.get_by_label("Choose a CSV file").set_input_files(file)
        dialog.get_by_role("button", name="Import CSV").click()
        dialog.get_by_role("button", name="Import 1 line").click()
        expect(
            dialog.get_by_text("1 customer was added to Three imports: 1 new customer, 0 that existed.")
        ).to_be_visible()
        if number < 2:
            dialog.get_by_role("link", name="Import another file").click()
    for shown in ("file1.csv", "file0.csv"):
        page.keyboard.press("Escape")
        expect(dialog).to_contain_text(shown)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Import CSV")).to_be_focused()
    assert page.evaluate("window.isSamePage"), "the page was not loaded again"
    expect(page).to_have_url(re.compile("/manage$"))

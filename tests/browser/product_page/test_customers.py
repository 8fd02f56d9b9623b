"""The product page, sentence by sentence, in the browser: viewing and managing the customers of a segment.

Each test is named after its sentence.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.console import Console
from tests.support.browser.product_page import PREMIUM, choose, manage, row_of
from tests.support.browser.watching import Watched

MEGABYTE = 1 << 20


# View Customers


def test_view_customers_opens_a_modal_listing_everyone_with_opt_out_attributes_tags_and_join_date(
    page: Page, console: Console
) -> None:
    ana = console.customer("Ana Seen", attributes={"plan": "gold", "score": 7}, tags=["vip"], opted_out=True)
    others = [console.customer(f"Somebody {number}") for number in range(3)]
    segment = console.segment("Everyone is listed", members=[ana, *others])
    choose(page, "Everyone is listed", "View Customers")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("rowheader")).to_have_count(4)
    assert dialog.evaluate("dialog => dialog.matches(':modal')")
    row = dialog.get_by_role("row").filter(has_text="Ana Seen")
    for text in ("Opted out", "Plan", "gold", "Score", "7", "vip"):
        expect(row).to_contain_text(text)
    expect(dialog.get_by_role("row").filter(has_text="Somebody 1")).to_contain_text("Opted in")
    members = console.ok("GET", f"/v1/segments/{segment}/members", params={"query": "Ana Seen"})["data"]
    assert row.locator("time").get_attribute("datetime") == members[0]["joined_at"]


def test_click_the_pencil_on_any_row_to_open_edit_customer_and_assign_attributes_and_tags(
    page: Page, console: Console
) -> None:
    """... without leaving the segment: it is there again afterwards, with the new values."""
    rui = console.customer("Rui Edited", attributes={"plan": "free"})
    console.segment("Edited from within", members=[rui])
    choose(page, "Edited from within", "View Customers")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("link", name="Edit Rui Edited").click()
    expect(dialog.get_by_role("heading", name="Edit Customer")).to_be_visible()
    dialog.get_by_label("Plan", exact=True).fill("gold")
    dialog.get_by_label("Tags", exact=True).fill("patron")
    dialog.get_by_label("Tags", exact=True).press("Enter")
    dialog.get_by_label("Attribute to add").select_option(label="Birthdate")
    dialog.get_by_role("button", name="Add Attribute").click()
    dialog.get_by_label("Birthdate", exact=True).fill("1990-05-20")
    dialog.get_by_role("button", name="Save", exact=True).last.click()
    expect(dialog.get_by_role("heading", name="View Customers")).to_be_visible()
    row = dialog.get_by_role("row").filter(has_text="Rui Edited")
    for text in ("gold", "patron", "Birthdate"):
        expect(row).to_contain_text(text)
    customer = console.ok("GET", f"/v1/customers/{rui}")
    assert customer["attributes"] == {"plan": "gold", "birthdate": "1990-05-20"}
    assert customer["tags"] == ["patron"]


# Manage Customers


def test_manage_customers_opens_a_full_page_for_the_segments_membership(page: Page, console: Console) -> None:
    segment = console.segment("A page of its own", members=[console.customer("Eva Managed")])
    manage(page, "A page of its own")
    expect(page).to_have_url(f"{console.url}/console/segments/{segment}/manage")
    expect(page.get_by_role("heading", level=1)).to_have_text("A page of its own")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(row_of(page, "Eva Managed")).to_be_visible()


def test_for_a_dynamic_segment_the_page_is_read_only_because_the_filters_control_membership(
    page: Page, console: Console
) -> None:
    console.customer("Gil Computed", attributes={"premium_customer": True})
    segment = console.segment("Driven by its filters", PREMIUM)
    manage(page, "Driven by its filters")
    expect(row_of(page, "Gil Computed")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Membership is controlled by the filters")
    for name in ("Add Customers", "Import CSV", "Remove"):
        expect(page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name))).to_have_count(0)
    expect(page.get_by_role("link", name="change its filters")).to_have_attribute(
        "href", f"/console/segments/{segment}/edit"
    )


@pytest.mark.parametrize("place", ["add", "import", "remove"])
def test_you_cannot_add_or_remove_individual_customers_of_a_dynamic_segment(
    page: Page, console: Console, watched: Watched, place: str
) -> None:
    segment = console.segment("Computed", PREMIUM)
    watched.expect(409)
    answer = page.goto(f"/console/segments/{segment}/{place}")
    assert answer is not None
    assert answer.status == 409
    expect(page.get_by_role("main")).to_contain_text("filters")


def test_for_a_static_segment_you_control_the_list_with_add_customers_and_import_csv(
    page: Page, console: Console
) -> None:
    console.segment("Kept by hand")
    manage(page, "Kept by hand")
    for name in ("Add Customers", "Import CSV"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("heading", name=name)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()


# Import customers from CSV


def test_drag_in_a_file_with_a_phone_number_column_to_bulk_add_members(page: Page, console: Console) -> None:
    console.segment("Filled from a file")
    manage(page, "Filled from a file")
    page.get_by_role("link", name="Import CSV").click()
    lines = "phone,name\n" + "".join(f"+35192{number:07d},Dropped {number}\n" for number in range(40))
    data = page.evaluate_handle(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "list.csv", {type: "text/csv"}));
            return data;
        }""",
        lines,
    )
    zone = page.get_by_role("dialog").locator("[data-drop]")
    for kind in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(kind, {"dataTransfer": data})
    upload(page)
    expect(page.get_by_role("dialog")).to_contain_text("40")
    page.keyboard.press("Escape")
    expect(page.locator("#standing")).to_contain_text("40 customers")


def test_a_name_column_is_optional(page: Page, console: Console, tmp_path: Path) -> None:
    segment = console.segment("Numbers only")
    path = tmp_path / "numbers.csv"
    path.write_text("phone\n+351930000001\n+351930000002\n")
    choose_file(page, "Numbers only", path)
    upload(page)
    page.keyboard.press("Escape")
    expect(page.locator("#standing")).to_contain_text("2 customers")
    assert [row["name"] for row in console.pages(f"/v1/segments/{segment}/members")] == [None, None]


@pytest.mark.parametrize(("size", "taken"), [(10 * MEGABYTE, True), (10 * MEGABYTE + 1, False)])
def test_a_file_may_have_up_to_10_mb(page: Page, console: Console, tmp_path: Path, size: int, taken: bool) -> None:
    name = f"A file of {size} bytes"
    console.segment(name)
    path = tmp_path / "large.csv"
    line = f"+351931000001,{'Ana' * 1000}\n".encode()
    path.write_bytes((b"phone,name\n" + line * (size // len(line))).ljust(size, b"\n"))
    assert path.stat().st_size == size
    choose_file(page, name, path)
    if taken:
        upload(page)
    else:
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("10")


def test_use_download_sample_csv_to_get_the_expected_format(page: Page, console: Console) -> None:
    segment = console.segment("Needs a sample")
    page.goto(f"/console/segments/{segment}/import")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download sample CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert (lines[0], len(lines)) == ("phone,name", 3)


def choose_file(page: Page, segment: str, path: Path) -> None:
    manage(page, segment)
    page.get_by_role("link", name="Import CSV").click()
    page.get_by_role("dialog").locator("input[type=file]").set_input_files(path)


def upload(page: Page) -> None:
    """Send the chosen file, import it once it is said what will happen, and wait for the result."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Import CSV").click()
    dialog.get_by_role("button", name=re.compile("^Import .* lines?$")).click()
    expect(page.get_by_role("dialog")).to_contain_text("Import another file")


# Add existing customers


def test_add_customers_picks_from_customers_of_your_account_not_already_in_the_segment(
    page: Page, console: Console
) -> None:
    """... search by name or phone number, tick the customers to add, and confirm with Add … Customers."""
    found = [console.customer(f"Picked {number}", phone=f"+35196000000{number}") for number in range(5)]
    segment = console.segment("Picked by hand", members=found[:2])
    manage(page, "Picked by hand")
    page.get_by_role("link", name="Add Customers").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").press_sequentially("picked")
    expect(dialog.get_by_role("rowheader")).to_have_text([re.compile(f"Picked {number}") for number in (4, 3, 2)])
    for number in (2, 3):
        dialog.get_by_role("row").filter(has_text=f"Picked {number}").get_by_role("checkbox").check()
    expect(dialog.get_by_role("button", name="Add 2 Customers")).to_be_enabled()
    dialog.get_by_role("searchbox").fill("+351960000004")
    expect(dialog.get_by_role("rowheader")).to_have_text([re.compile("Picked 4")])
    dialog.get_by_role("row").filter(has_text="Picked 4").get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Add 3 Customers").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("rowheader")).to_have_count(5)
    assert len(list(console.pages(f"/v1/segments/{segment}/members"))) == 5

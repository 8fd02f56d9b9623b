"""Import CSV in the browser: a file dragged in or chosen, its upload, its progress, and the result of each line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.support.browser.console import Console
from tests.support.full_size import FULL_SIZE

MB = 1 << 20
# Lines enough that the import still runs while the dialog is closed and opened again.
MANY = 25_000 if FULL_SIZE else 12_000
DROP = """([name, text]) => {
  const moved = new DataTransfer();
  moved.items.add(new File([text], name, {type: "text/csv"}));
  const zone = document.querySelector("[data-drop]");
  for (const type of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, {dataTransfer: moved, bubbles: true, cancelable: true}));
  }
}"""


@pytest.fixture
def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def open_import(page: Page, console: Console, name: str) -> str:
    """Manage Customers of a new static segment, with the dialog of Import CSV open."""
    segment = console.segment(name)
    page.goto(f"/console/segments/{segment}/manage")
    page.get_by_role("link", name="Import CSV").click()
    # The hint is there once files can be dropped.
    expect(page.get_by_text("or drag it in here")).to_be_visible()
    return segment


def send(dialog: Locator) -> None:
    dialog.get_by_role("button", name="Import CSV").click()


def confirm(dialog: Locator) -> None:
    """Leave the columns as they are proposed, where that is asked, and import what is said to happen."""
    ask = dialog.get_by_role("button", name="See what will happen")
    go = dialog.get_by_role("button", name=re.compile("^Import .* lines?$"))
    expect(ask.or_(go)).to_be_visible(timeout=60_000)
    if ask.is_visible():
        ask.click()
    go.click(timeout=60_000)


def begin(dialog: Locator) -> None:
    send(dialog)
    confirm(dialog)


def sums(dialog: Locator) -> dict[str, int]:
    """The number of lines by result, once the import is done."""
    expect(dialog.get_by_text("Done.")).to_be_visible(timeout=60_000)
    rows = dialog.get_by_role("row").filter(has=dialog.page.get_by_role("rowheader")).all()
    counted = {}
    for row in rows:
        title = row.get_by_role("rowheader").inner_text().splitlines()[0]
        counted[title] = int(row.get_by_role("cell").inner_text().replace(",", ""))
    assert counted.pop("All lines") == sum(counted.values())
    return {title: number for title, number in counted.items() if number}


def test_the_first_row_of_a_file_without_a_header_is_a_customer(page: Page, dialog: Locator, console: Console) -> None:
    open_import(page, console, "Headless")
    page.evaluate(DROP, ["headless.csv", "Hedda,+351962000041\nHelge,+351962000042\n"])
    send(dialog)
    expect(dialog.get_by_label("A customer already")).to_be_checked()
    expect(dialog.get_by_label("Column B holds")).to_have_value("phone")
    dialog.get_by_label("Column A holds").select_option("Name")
    dialog.get_by_label("The names of the columns").check()
    expect(dialog.get_by_label("+351962000041 holds")).to_have_value("phone")
    dialog.get_by_label("A customer already").check()
    expect(dialog.get_by_label("Column A holds")).to_have_value("name")
    confirm(dialog)
    assert sums(dialog) == {"New customers": 2}


def test_a_file_is_dragged_in_and_its_customers_are_in_the_segment(
    page: Page, dialog: Locator, console: Console
) -> None:
    open_import(page, console, "Dragged in")
    page.evaluate(
        DROP, ["dragged.csv", "phone,name\n+351962000001,Drago\n+351962000002,Dragana\n+351962000001,Again\n"]
    )
    begin(dialog)
    assert sums(dialog) == {"New customers": 2, "Duplicates": 1}
    expect(dialog).to_contain_text("dragged.csv into Dragged in")
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("rowheader", name=re.compile("Drag"))).to_have_count(2)
    expect(page.get_by_role("link", name="Import CSV")).to_be_focused()


def test_a_large_file_shows_how_far_its_upload_is(
    page: Page, dialog: Locator, console: Console, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    lines = (f"+35196{number:07},Name {number},{'note ' * 400}" for number in range(2_700))
    large.write_text("phone,name,notes\n" + "\n".join(lines) + "\n")
    assert large.stat().st_size > 5 * MB
    open_import(page, console, "A large file")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 3 * MB}
    network.send("Network.emulateNetworkConditions", slow)
    page.get_by_label("Choose a CSV file").set_input_files(large)
    send(dialog)
    page.wait_for_function("0 < document.querySelector('dialog progress').value < 100")
    expect(dialog.get_by_role("button", name="Import CSV")).to_be_disabled()
    network.detach()
    confirm(dialog)
    assert sum(sums(dialog).values()) == 2_700
    assert re.search(r"/imports/[0-9a-f-]{36}$", page.url)


def test_closing_the_dialog_while_an_import_runs_loses_nothing(
    page: Page, dialog: Locator, console: Console, tmp_path: Path
) -> None:
    many = tmp_path / "many.csv"
    many.write_text("phone,name\n" + "".join(f"+35193{number:07},Many {number}\n" for number in range(MANY)))
    open_import(page, console, "Many at once")
    page.get_by_label("Choose a CSV file").set_input_files(many)
    begin(dialog)
    expect(dialog.get_by_text("lines so far")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text(re.compile("Importing many.csv… [0-9]+ %"))).to_be_visible()
    page.get_by_role("link", name="Show").click()
    assert sums(dialog) == {"New customers": MANY}
    page.reload()  # its address is a page as well
    expect(page.get_by_role("main").get_by_text("Done.")).to_be_visible()
    page.get_by_role("link", name="Manage Customers").click()
    expect(page.get_by_text(f"{MANY:,} customers")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Importing")).to_be_hidden()


def test_the_error_file_is_downloaded_fixed_and_imported(
    page: Page, dialog: Locator, console: Console, tmp_path: Path
) -> None:
    open_import(page, console, "With mistakes")
    faulty = {
        "name": "faulty.csv",
        "mimeType": "text/csv",
        "buffer": b"phone,name\n+351963000001,Good\n12,Short\n,None\n",
    }
    page.get_by_label("Choose a CSV file").set_input_files(faulty)  # type: ignore[arg-type]
    begin(dialog)
    assert sums(dialog) == {"New customers": 1, "Invalid lines": 2}
    with page.expect_download() as coming:
        dialog.get_by_role("link", name="Download error file").click()
    assert coming.value.suggested_filename == "errors.csv"
    mended = tmp_path / "errors.csv"
    errors = Path(coming.value.path()).read_text()
    mended.write_text(errors.replace("12,Short", "+351963000002,Short").replace("\n,None", "\n+351963000003,None"))
    dialog.get_by_role("link", name="Import another file").click()
    page.get_by_label("Choose a CSV file").set_input_files(mended)
    begin(dialog)
    assert sums(dialog) == {"New customers": 2}
    expect(dialog.get_by_role("link", name="Download error file")).to_be_hidden()


def test_a_file_over_ten_megabytes_is_refused_before_it_is_sent(
    page: Page, dialog: Locator, console: Console, tmp_path: Path
) -> None:
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    large = tmp_path / "too-large.csv"
    large.write_bytes(b"phone,name\n" + b"\n" * (10 * MB - 10))
    open_import(page, console, "Too large")
    chosen = page.get_by_label("Choose a CSV file")
    chosen.set_input_files(large)
    expect(dialog.get_by_role("alert")).to_have_text(re.compile("The file is too large: at most 10 MB"))
    expect(chosen).to_have_accessible_description(re.compile("too large"))
    send(dialog)
    expect(dialog.get_by_text("Uploading")).to_be_hidden()
    page.remove_listener("request", note)
    assert sent == []


def test_the_sample_is_downloaded(page: Page, dialog: Locator, console: Console) -> None:
    open_import(page, console, "From the sample")
    with page.expect_download() as coming:
        dialog.get_by_role("link", name="Download sample CSV").click()
    assert Path(coming.value.path()).read_text().splitlines()[0] == "phone,name"

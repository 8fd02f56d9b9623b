"""Import CSV in the console: the form, the progress, the result of each line, and the file of invalid lines."""

from __future__ import annotations

import csv
import re
from io import StringIO
from uuid import UUID

import pytest
from httpx import Client, Response

from domain.segment import SegmentDraft
from tests.support.console.forms import fields_of, said
from tests.support.installation import Installation

MB = 1 << 20
MIXED = "phone,name,opted_out\n912000001,Ana,true\n912000002,Rui\n912000001,Ana again\n,\n12,Short\n3.51912E+11,Sci\n"


@pytest.fixture
def base(installation: Installation, account_id: UUID, console: Client) -> str:
    made = installation.rollcall.segments.create(account_id, SegmentDraft("By hand", "", "static", None))
    installation.catch_up()
    return f"/console/segments/{made.id}"


def upload(console: Client, base: str, content: str | bytes, name: str = "list.csv", **headers: str) -> Response:
    return console.post(f"{base}/import", files={"file": (name, content)}, headers=headers)


def begun(installation: Installation, console: Client, base: str, content: str | bytes, name: str = "list.csv") -> str:
    """Upload a file, leave its columns as they are proposed, and start the import; the path of its progress."""
    progress = str(upload(console, base, content, name).headers["location"])
    page = console.get(progress).text
    if "What do the columns hold?" in page:
        console.post(f"{progress}/columns", data=fields_of(page))
    installation.run_imports()
    assert console.post(f"{progress}/start").headers["location"] == progress
    return progress


def sums(page: str) -> dict[str, int]:
    """Returns the table with the results of the lines."""
    rows = re.findall(r'<th scope="row">([^<]+).*?<td class="number">([\d,]+)</td>', page, re.S)
    return {title: int(number.replace(",", "")) for title, number in rows}


def test_each_line_has_one_result_and_the_results_sum_to_all_lines(
    installation: Installation, console: Client, base: str
) -> None:
    assert "Up to 10 MB" in said(console.get(f"{base}/import").text)
    progress = begun(installation, console, base, MIXED)
    assert re.fullmatch(rf"{base}/imports/[0-9a-f-]{{36}}", progress)
    running = said(console.get(progress).text)
    assert "Importing… 0 %, 0 lines so far" in running
    assert "list.csv into By hand" in running
    installation.run_imports()
    installation.catch_up()
    page = console.get(progress).text
    assert "Not imported: 1 column (opted_out)" in said(page)
    results = sums(page)
    assert results.pop("All lines") == sum(results.values())
    assert results == {
        "Existing customers": 0,
        "New customers": 2,
        "Already members": 0,
        "Duplicates": 1,
        "Blank lines": 1,
        "Invalid lines": 2,
    }
    assert "2 customers were added to By hand: 2 new customers, 0 that existed." in said(page)


def test_an_open_page_gets_the_progress_of_an_import_and_204_when_nothing_changed(
    installation: Installation, console: Client, base: str
) -> None:
    progress = begun(installation, console, base, MIXED)
    found = re.search(r'"Rollcall-Seen": "([^"]+)"', console.get(progress).text)
    assert found is not None
    seen = {"Rollcall-Seen": found.group(1)}
    assert console.get(progress, headers=seen).status_code == 204
    installation.run_imports()
    assert sums(console.get(progress, headers=seen).text)["All lines"] == 6


def test_manage_customers_shows_the_running_imports_of_the_segment(
    installation: Installation, account_id: UUID, console: Client, base: str
) -> None:
    other = installation.rollcall.segments.create(account_id, SegmentDraft("Other", "", "static", None))
    installation.catch_up()
    progress = begun(installation, console, base, MIXED, "my <b>list</b>.csv")
    page = console.get(f"{base}/manage").text
    assert "Importing my &lt;b&gt;list&lt;/b&gt;.csv… 0 %" in page
    assert f'href="{progress}"' in page
    assert "Importing" not in console.get(f"/console/segments/{other.id}/manage").text
    installation.run_imports()
    assert "Importing" not in console.get(f"{base}/manage").text


def test_invalid_lines_are_downloaded_fixed_and_imported_again(
    installation: Installation, console: Client, base: str
) -> None:
    progress = begun(installation, console, base, MIXED)
    installation.run_imports()
    assert f'href="{progress}/errors.csv"' in console.get(progress).text
    errors = console.get(f"{progress}/errors.csv")
    assert errors.headers["content-disposition"] == 'attachment; filename="errors.csv"'
    rows = list(csv.DictReader(StringIO(errors.text)))
    assert [row["name"] for row in rows] == ["Short", "Sci"]
    mended = errors.text.replace("12,Short", "912000003,Short").replace("3.51912E+11", "912000004")
    again = begun(installation, console, base, mended, "errors.csv")
    installation.run_imports()
    results = sums(console.get(again).text)
    assert (results["New customers"], results["Invalid lines"], results["All lines"]) == (2, 0, 2)
    assert "errors.csv" not in console.get(again).text.replace("errors.csv into", "")


def test_ten_megabytes_are_accepted_and_one_byte_more_is_refused_with_a_sentence(
    installation: Installation, console: Client, base: str
) -> None:
    line = b"912000001,Ana\n"
    most = (b"phone,name\n" + line * MB)[: 10 * MB]
    assert upload(console, base, most).status_code == 303
    for too_large in (most + b"\n", most + b"\n" * MB):
        answer = upload(console, base, too_large)
        assert answer.status_code == 413
        assert "The file is too large: at most 10 MB. Split it and import the parts." in answer.text
        assert 'type="file"' in answer.text


def test_a_form_without_a_file_says_so(console: Client, base: str) -> None:
    for empty in (upload(console, base, b"", ""), console.post(f"{base}/import", files={"other": ("", b"")})):
        assert empty.status_code == 422
        assert "Choose a CSV file first." in empty.text


def test_a_file_that_is_no_csv_of_phone_numbers_fails_with_the_reason(
    installation: Installation, console: Client, base: str
) -> None:
    progress = upload(console, base, b"PK\x03\x04 a workbook", "list.xlsx").headers["location"]
    installation.run_imports()
    page = said(console.get(progress).text)
    assert "The import failed." in page
    assert "Excel" in page


def test_scripts_get_the_address_of_the_progress_page(console: Client, base: str) -> None:
    answer = upload(console, base, MIXED, **{"Rollcall-Upload": "1"})
    assert answer.status_code == 201
    assert answer.headers["location"].startswith(f"{base}/imports/")


def test_the_sample_file_can_be_imported_unchanged(installation: Installation, console: Client, base: str) -> None:
    assert f'href="{base}/import-sample.csv"' in console.get(f"{base}/import").text
    sample = console.get(f"{base}/import-sample.csv")
    assert sample.text.startswith("phone,name\r\n")
    progress = upload(console, base, sample.content).headers["location"]
    installation.run_imports()
    assert sums(console.get(progress).text)["New customers"] == 2


def test_a_dynamic_segment_accepts_no_file(
    installation: Installation, account_id: UUID, console: Client, base: str
) -> None:
    dynamic = installation.rollcall.segments.create(account_id, SegmentDraft("Gold", "", "dynamic", []))
    installation.catch_up()
    address = f"/console/segments/{dynamic.id}"
    assert console.get(f"{address}/import").status_code == 409
    assert upload(console, address, MIXED).status_code == 409


def test_an_import_is_found_only_under_its_own_segment_and_account(
    installation: Installation, account_id: UUID, console: Client, base: str
) -> None:
    other = installation.rollcall.segments.create(account_id, SegmentDraft("Other", "", "static", None))
    installation.catch_up()
    import_id = upload(console, base, MIXED).headers["location"].rpartition("/")[2]
    for ending in ("", "/errors.csv"):
        assert console.get(f"/console/segments/{other.id}/imports/{import_id}{ending}").status_code == 404
        assert console.get(f"{base}/imports/{other.id}{ending}").status_code == 404
    with installation.open_console(installation.account("theirs")) as theirs:
        assert theirs.get(f"{base}/imports/{import_id}").status_code == 404
        assert theirs.get(f"{base}/imports/{import_id}/errors.csv").status_code == 404
        assert upload(theirs, base, MIXED).status_code == 404


def test_an_upload_without_a_session_is_refused(installation: Installation, base: str) -> None:
    with installation.open_api() as stranger:
        answer = stranger.post(
            f"{base}/import", files={"file": ("list.csv", MIXED)}, headers={"Sec-Fetch-Site": "same-origin"}
        )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")
    with installation.owner() as owner:
        assert owner.execute("SELECT count(*) FROM imports").fetchone() == (0,)

"""A CSV as a marketer imports it, through the real command: size limit, progress, fixing rows, uploading again.

FULL_SIZE=1 in the environment imports 40,000 lines instead of 16,000.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from httpx import Response

from tests.support.full_size import FULL_SIZE
from tests.support.running_product import RunningProduct, eventually

LARGEST = 10 * 2**20
LINES = 40_000 if FULL_SIZE else 16_000
CLASSES = ("added", "already_members", "created_customers", "duplicates_in_file", "blank", "invalid")
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="list.csv"\r\nContent-Type: text/csv\r\n\r\n'
TAIL = b"\r\n--x--\r\n"


@pytest.fixture(scope="module")
def rollcall(product: RunningProduct) -> Iterator[RunningProduct]:
    with product.in_new_account("import") as made:
        yield made


@pytest.fixture
def into(rollcall: RunningProduct) -> str:
    return str(rollcall.ok("POST", "/v1/segments", json={"name": "List", "type": "static"})["id"])


def a_file(size: int) -> bytes:
    """A CSV of exactly so many bytes, most of them notes."""
    lines = [b"phone,name,notes\n"]
    left = size - len(lines[0])
    while left:
        start = b"91%07d,n%d," % (len(lines), len(lines))
        notes = min(30_000, left - len(start) - 1)
        # What remains after this line must suffice for another one.
        notes -= 100 if 0 < left - len(start) - 1 - notes < 100 else 0
        lines.append(start + b"x" * notes + b"\n")
        left -= len(lines[-1])
    return b"".join(lines)


def send(rollcall: RunningProduct, into: str, content: bytes) -> Response:
    return rollcall.http.post(f"/v1/segments/{into}/imports", files={"file": ("list.csv", content)})


def stream(rollcall: RunningProduct, into: str, content: bytes) -> Response:
    """Sends the file without a Content-Length."""
    body = HEAD + content + TAIL
    pieces = iter([body[start : start + 50_000] for start in range(0, len(body), 50_000)])
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return rollcall.http.post(f"/v1/segments/{into}/imports", content=pieces, headers=headers)


def finished(rollcall: RunningProduct, sent: Response) -> dict[str, Any]:
    """The import after it ended, with its members visible."""
    assert sent.status_code == 202, sent.text
    address = sent.headers["Location"]
    found: dict[str, Any] = eventually(lambda: (r := rollcall.ok("GET", address))["state"] != "running" and r, 300)
    assert found["lines"] == sum(found[each] for each in CLASSES)
    eventually(rollcall.is_up_to_date, 120)
    return found


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {each: found[each] for each in CLASSES if found[each]}


@pytest.mark.parametrize("way", [send, stream])
def test_ten_megabytes_are_accepted_and_one_byte_more_is_refused(rollcall: RunningProduct, into: str, way: Any) -> None:
    for size in (LARGEST + 1, LARGEST + 100_000, 2 * LARGEST):
        answered = way(rollcall, into, b"phone\n".ljust(size, b"\n"))
        assert answered.status_code == 413, answered.text
        problem = answered.json()
        assert (problem["code"], problem["title"]) == ("file_too_large", "The body is too large")
        assert problem["detail"] == "at most 10,485,760 bytes in a file (10 MB); split it"
    assert rollcall.rows("SELECT count(*) FROM imports WHERE segment_id = %s", into) == [(0,)]
    content = a_file(LARGEST)
    assert len(content) == LARGEST
    found = finished(rollcall, way(rollcall, into, content))
    assert found["state"] == "done"
    assert found["lines"] == content.count(b"\n") - 1 == found["created_customers"] + found["added"]


def test_an_import_shows_its_progress_and_a_second_one_changes_nothing(rollcall: RunningProduct, into: str) -> None:
    content = "phone,name\n" + "".join(f"+35192{n:07},n{n}\n" for n in range(LINES))
    sent = send(rollcall, into, content.encode())
    address = sent.headers["Location"]
    shown, steps = [rollcall.ok("GET", address)], []
    while shown[-1]["state"] == "running":  # an answer may take longer than a step on a busy machine
        ((rows_done,),) = rollcall.rows("SELECT rows_done FROM imports WHERE import_id = %s", address.split("/")[-1])
        if rows_done not in steps:
            steps.append(rows_done)
            shown.append(rollcall.ok("GET", address))
        elif rows_done == LINES:
            shown.append(rollcall.ok("GET", address))
    assert len(steps) > 4, f"it did not advance step by step: {steps}"
    assert counts(finished(rollcall, sent)) == {"created_customers": LINES}
    for name in ("lines", "percent", "created_customers", "position"):
        values = [each[name] for each in shown]
        assert values == sorted(values), f"{name} went back"
    assert shown[-1]["percent"] == 100
    assert rollcall.ok("GET", f"/v1/segments/{into}")["members"]["count"] == LINES
    (head,) = rollcall.rows("SELECT rollcall.log_head()")
    assert counts(finished(rollcall, send(rollcall, into, content.encode()))) == {"already_members": LINES}
    assert rollcall.rows("SELECT rollcall.log_head()") == [head], "the same file again added to the log"


def test_invalid_rows_are_fixed_and_uploaded_again(rollcall: RunningProduct, into: str) -> None:
    content = "Name;Telemóvel\nAna;931000001\nRui;3.51912E+11\nEva;93\n\n".encode("cp1252")
    first = finished(rollcall, send(rollcall, into, content))
    assert counts(first) == {"created_customers": 1, "invalid": 2, "blank": 1}
    errors = rollcall.http.get(f"/v1/imports/{first['id']}/errors.csv").text
    rows = list(csv.DictReader(StringIO(errors)))
    assert [(row["row_number"], row["error_code"]) for row in rows] == [
        ("3", "phone_in_scientific_notation"), ("4", "invalid_phone"),
    ]  # fmt: skip
    mended = errors.replace("3.51912E+11", "931000002").replace("Eva,93,", "Eva,931000003,")
    second = finished(rollcall, send(rollcall, into, mended.encode()))
    assert counts(second) == {"created_customers": 2}
    members = rollcall.ok("GET", f"/v1/segments/{into}/members")["data"]
    assert {(each["phone"], each["name"]) for each in members} == {
        ("+351931000001", "Ana"), ("+351931000002", "Rui"), ("+351931000003", "Eva"),
    }  # fmt: skip

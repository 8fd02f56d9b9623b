"""The Health page: each fact with its verdict, dead letters and retrying them, imports, segments, and time."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from httpx import Client

from api.console.account.health_verdicts import verdict_on_log
from domain.customer import CustomerChange, CustomerData, DeadLetter
from domain.segment import SegmentDraft
from domain.texts.language import ENGLISH
from projections.read.position import InstallationStatus
from tests.support.clock import Clock
from tests.support.installation import Installation

pytestmark = pytest.mark.starts_at(datetime(2026, 11, 3, 14, tzinfo=UTC))
HEADERS: list[tuple[str, bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"rollcall.customer.changed.v1"),
    ("ce_source", b"/crm"),
    ("ce_id", b"a-1"),
    ("ce_subject", b"crm-1"),
    ("ce_time", b"2026-05-20T10:00:00Z"),
]
RECENT = [{"attribute": "last_order", "operator": "in_last_days", "value": 30}]


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    account_id = installation.account()
    installation.project()
    return account_id


@pytest.fixture
def console(installation: Installation, account_id: UUID) -> Iterator[Client]:
    with installation.open_console(account_id) as client:
        yield client


def a_letter(offset: int, value: bytes, message: str = "no") -> DeadLetter:
    failed = datetime(2026, 5, 20, 10, tzinfo=UTC)
    return DeadLetter("customers", 3, offset, 1_779_271_200_123, b"crm-1", value, HEADERS, "bad", message, failed)


def said(console: Client) -> str:
    page = console.get("/console/health").text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_an_installation_without_problems_is_well(installation: Installation, console: Client) -> None:
    page = said(console)
    for verdict in (
        "All is well",
        "Everything is current",
        "No segments yet",
        "No filter depends on time",
        "None is running",
        "Every record was accepted",
        "Rollcall 0.0.0",
    ):
        assert verdict in page


def test_the_backlog_is_shown_in_events_and_seconds(
    installation: Installation, account_id: UUID, console: Client, clock: Clock
) -> None:
    for number in range(3):
        installation.rollcall.segments.create(account_id, SegmentDraft(f"S {number}", "", "static", None))
    assert "Everything is current" in said(console)
    clock.at += timedelta(seconds=5)
    assert "Behind by 3 events, 5 s" in said(console)
    assert "All is well; some work is in progress" in said(console)
    clock.at += timedelta(minutes=4)
    page = said(console)
    assert "Behind by 3 events, 4 minutes: what is shown is out of date." in page
    assert "One thing needs attention" in page
    installation.project()
    page = said(console)
    assert "Everything is current" in page
    assert "All 3 are current" in page


def test_large_numbers_have_thousands_separators() -> None:
    now = datetime(2026, 11, 3, tzinfo=UTC)
    behind = InstallationStatus(2_000, 796, now - timedelta(seconds=3), 0, 0, 0, 0)
    assert verdict_on_log(ENGLISH, behind, now).text == "Behind by 1,204 events, 3 s"


def test_the_next_change_by_time_is_shown_and_whether_it_is_overdue(
    installation: Installation, account_id: UUID, console: Client, clock: Clock
) -> None:
    installation.rollcall.attributes.declare(account_id, "last_order", "datetime", None)
    installation.rollcall.segments.create(account_id, SegmentDraft("Recent", "", "dynamic", RECENT))
    data = CustomerData(attributes={"last_order": "2026-10-05T09:30:00Z"})
    installation.rollcall.customers.change(account_id, [CustomerChange("a", "changed", clock.at, data)])
    installation.project()
    page = said(console)
    assert "On time" in page
    assert "Nov 4, 2026, 09:30:00" in page
    clock.at = datetime(2026, 11, 4, 9, 31, tzinfo=UTC)
    installation.sign_in(console, account_id)
    page = said(console)
    assert "Overdue by 60 s" in page
    assert "Was due Nov 4, 2026, 09:30:00" in page
    with installation.worker() as worker:
        while worker.step():
            continue
    page = said(console)
    assert "Overdue" not in page
    assert "On time" in page or "No filter depends on time" in page


def test_a_day_that_begins_without_changing_a_membership_is_not_overdue(
    installation: Installation, account_id: UUID, console: Client, clock: Clock
) -> None:
    installation.rollcall.attributes.declare(account_id, "birthdate", "date", None)
    born = [{"attribute": "birthdate", "operator": "anniversary_in_period", "value": "today"}]
    installation.rollcall.segments.create(account_id, SegmentDraft("Born today", "", "dynamic", born))
    installation.project()
    assert "Nov 4, 2026, 00:00:00" in said(console)
    clock.at += timedelta(hours=11)
    installation.sign_in(console, account_id)
    page = said(console)
    assert "On time" in page
    assert "Nov 5, 2026, 00:00:00" in page


def test_a_record_that_could_not_be_accepted_is_shown_fixed_and_retried(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    letters = [a_letter(1, b'{"phone": "12"}', "<b>bad</b> phone"), a_letter(2, b'{"name": "<i>Ana</i>"}')]
    installation.rollcall.customers.change(account_id, [], dead_letters=letters)
    page = console.get("/console/health").text
    assert "2 records could not be accepted" in page
    assert "&lt;b&gt;bad&lt;/b&gt; phone" in page
    assert "Ana" not in page
    newest, oldest = re.findall(r'action="(/console/health/dead-letters/\d+)/retry"', page)
    shown = console.get(newest).text
    assert "{&#34;name&#34;: &#34;&lt;i&gt;Ana&lt;/i&gt;&#34;}" in shown
    assert "ce_subject: crm-1" in shown
    answer = console.post(f"{oldest}/retry")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/health")
    assert "It failed again" in console.get("/console/health").text
    console.post(f"{newest}/retry")
    page = console.get("/console/health").text
    assert "The record was accepted" in page
    assert "1 record could not be accepted" in page
    assert newest not in page
    assert console.get(newest).status_code == 404
    assert console.post(f"{newest}/retry").status_code == 404


def test_a_record_that_is_not_text_is_shown_as_base64(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    installation.rollcall.customers.change(account_id, [], dead_letters=[a_letter(1, b"\xff\x00")])
    found = re.search(r'action="(/console/health/dead-letters/\d+)/retry"', console.get("/console/health").text)
    assert found is not None
    shown = console.get(found.group(1)).text
    assert "base64" in shown
    assert "/wA=" in shown


def test_a_running_import_and_a_segment_that_failed_are_named(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    listed = installation.rollcall.segments.create(account_id, SegmentDraft("List", "", "static", None)).id
    installation.project()
    with installation.owner() as owner:
        owner.execute(
            "INSERT INTO imports (import_id, account_id, segment_id, file_name, started_at, position, percent,"
            " rows_done, added) VALUES (%s, %s, %s, 'list & co.csv', now(), 1, 40, 1204, 1204)",
            [uuid4(), account_id, listed],
        )
        owner.execute("UPDATE segments SET failure = '/filter/0: unknown operator'")
    page = said(console)
    assert "1 import running" in page
    assert "list & co.csv into List: 1,204 lines so far" in page
    assert "1 segment cannot be evaluated and keeps its last valid members" in page
    assert "List : /filter/0: unknown operator" in page


def test_an_open_page_gets_only_what_changed_and_nothing_of_other_accounts(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    other = installation.account("theirs")
    installation.rollcall.customers.change(other, [], dead_letters=[a_letter(1, b"theirs", "their secret")])
    installation.project()
    page = console.get("/console/health").text
    assert "their secret" not in page
    assert "Every record was accepted" in page
    seen = re.search(r'"Rollcall-Seen": "(\w+)"', page)
    assert seen is not None
    assert console.get("/console/health", headers={"Rollcall-Seen": seen.group(1)}).status_code == 204
    installation.rollcall.customers.change(account_id, [], dead_letters=[a_letter(1, b"ours")])
    assert console.get("/console/health", headers={"Rollcall-Seen": seen.group(1)}).status_code == 200
    with installation.owner() as owner:
        rows = owner.execute("SELECT dead_letter_id FROM dead_letters WHERE account_id = %s", [other]).fetchall()
    for (number,) in rows:
        assert console.get(f"/console/health/dead-letters/{number}").status_code == 404
        assert console.post(f"/console/health/dead-letters/{number}/retry").status_code == 404


def test_what_sdks_sent_is_counted_with_what_was_left_out_of_it(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    assert "Analytics SDKs" not in said(console)
    with installation.open_api() as sdk:
        traits = {"plan": "gold", "年齢": 5, "<b>": [[]]}
        batch = {"batch": [{"type": "identify", "userId": "ana", "traits": traits}, {"type": "page", "userId": "ana"}]}
        sdk.post("/v1/batch", json=batch, auth=(installation.key(account_id, "sdk"), "")).raise_for_status()
    page = said(console)
    assert "Analytics SDKs" in page
    assert "identify created 1" in page
    assert "page counted 1" in page
    assert "年齢 unmappable_name 1" in page
    assert "<b> invalid_value 1" in page

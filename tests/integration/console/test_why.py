"""Why a customer is in a segment or is not, as the console explains it."""

from __future__ import annotations

import html
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from tests.support.clock import Clock
from tests.support.installation import Installation

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
ADULT = {"attribute": "age", "operator": "at_least", "value": 18}
RECENT = {"attribute": "last_order", "operator": "in_last_days", "value": 30}
TYPES = {"plan": "text", "age": "number", "last_order": "datetime", "premium": "boolean"}
pytestmark = [pytest.mark.starts_at(datetime(2026, 11, 3, 14, 2, tzinfo=UTC)), pytest.mark.attributes(**TYPES)]


@pytest.fixture
def ana(installation: Installation, account_id: UUID) -> UUID:
    return store_change(installation, account_id, "ana", name="Ana Sá", plan="silver", age=20)


def store_change(
    installation: Installation,
    account_id: UUID,
    external_id: str,
    *,
    source: tuple[str, str] | None = None,
    name: str | None = None,
    phone: str | None = None,
    **attributes: Any,
) -> UUID:
    given = {"name": name, "phone": phone, "attributes": attributes}
    data = CustomerData.model_validate({key: value for key, value in given.items() if value is not None})
    change = CustomerChange(external_id, "changed", installation.now(), data, *(source or ()))
    found = installation.rollcall.customers.change(account_id, [change]).outcomes[0].customer_id
    assert found is not None
    return found


def create(installation: Installation, account_id: UUID, raw: Any, name: str = "Premium customers") -> UUID:
    return installation.rollcall.segments.create(
        account_id, SegmentDraft(name, "", "static" if raw is None else "dynamic", raw)
    ).id


def said(installation: Installation, console: Client, segment: UUID, customer: UUID) -> str:
    """Returns the page's text without its markup."""
    wait_until_visible(installation)
    answer = console.get(f"/console/segments/{segment}/customers/{customer}/why")
    assert answer.status_code == 200, answer.text
    return text_of(answer.text.partition("<main")[2].partition("</main>")[0])


def wait_until_visible(installation: Installation) -> None:
    """Waits until the read model includes everything in the log, new filters too."""
    deadline = time.monotonic() + 30
    building: Any = True
    with installation.owner() as owner:
        while building:
            assert time.monotonic() < deadline, "a segment is not recomputed"
            installation.catch_up()
            building = owner.execute("SELECT 1 FROM segments WHERE building IS NOT NULL").fetchone()


def later(clock: Clock, span: timedelta, installation: Installation, console: Client, account_id: UUID) -> None:
    """Lets time pass, and signs in again if the session has ended."""
    clock.at += span
    installation.sign_in(console, account_id)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))).replace(" ,", ",").replace(" .", ".")


def test_for_a_member_the_page_says_since_when_why_and_from_which_source(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    segment = create(installation, account_id, [GOLD, ADULT])
    store_change(installation, account_id, "ana", source=("/crm", "a-1"), plan="gold")
    page = said(installation, console, segment, ana)
    assert (
        "Ana Sá has been in Premium customers since Nov 3, 2026, 14:02, "
        "because Plan changed to gold (change a-1 from /crm)."
    ) in page
    assert "Yes Plan equals gold value: gold" in page
    assert "Yes Age is at least 18 value: 20" in page
    assert "What is missing" not in page


def test_for_a_non_member_the_page_says_in_words_what_is_missing(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    no_premium = {"not": {"attribute": "plan", "operator": "equals", "value": "silver"}}
    segment = create(installation, account_id, [{"any": [GOLD, RECENT]}, ADULT, no_premium])
    page = said(installation, console, segment, ana)
    assert "Ana Sá is not in Premium customers, and never has been." in page
    assert "“Plan equals gold” must be true; the value is: silver." in page
    assert "“Last order is in the last 30 days” must be true; the value is: no value." in page
    assert "“Plan equals silver” must not be true; the value is: silver." in page
    assert "“Age is at least 18”" not in page
    assert "one of them is enough" in page


def test_for_a_former_member_the_page_says_when_and_why_they_left(
    installation: Installation, account_id: UUID, console: Client, ana: UUID, clock: Clock
) -> None:
    segment = create(installation, account_id, [{"attribute": "plan", "operator": "equals", "value": "silver"}])
    assert "all conditions were already true when the segment was created" in said(installation, console, segment, ana)
    later(clock, timedelta(days=1), installation, console, account_id)
    store_change(installation, account_id, "ana", plan=None)
    page = said(installation, console, segment, ana)
    assert "Ana Sá is not in Premium customers. Left on Nov 4, 2026, 14:02, because Plan was removed." in page


def test_a_change_by_time_is_explained_by_the_time_that_passed(
    installation: Installation, account_id: UUID, console: Client, ana: UUID, clock: Clock
) -> None:
    segment = create(installation, account_id, [RECENT])
    store_change(installation, account_id, "ana", last_order="2026-11-03T14:00:00Z")
    assert "because Last order changed to Nov 3, 2026, 14:00" in said(installation, console, segment, ana)
    later(clock, timedelta(days=31), installation, console, account_id)
    for _ in range(400):
        page = said(installation, console, segment, ana)
        if "is not in" in page:
            break
    assert "Left on Dec 3, 2026, 14:00, because 30 days passed since Last order (Nov 3, 2026, 14:00)." in page


def test_members_of_a_static_segment_were_added_by_hand_or_by_an_import(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    segment = create(installation, account_id, None, "By hand")
    assert "Ana Sá is not in By hand, and never has been." in said(installation, console, segment, ana)
    installation.rollcall.members.add(account_id, segment, [ana])
    page = said(installation, console, segment, ana)
    assert "Ana Sá has been in By hand since Nov 3, 2026, 14:02 (Added by hand)." in page
    assert "static segment" in page
    installation.rollcall.members.remove_one(account_id, segment, ana)
    assert "Removed by hand" in said(installation, console, segment, ana)


def test_a_condition_on_other_segments_names_them(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    inner = create(installation, account_id, [ADULT], "Adults <b>")
    outer = create(installation, account_id, [{"attribute": "segment", "operator": "in", "value": [str(inner)]}])
    page = said(installation, console, outer, ana)
    assert "Yes Segment is in Adults <b> value: in Adults <b>" in page


def test_an_edit_is_a_cause_and_names_are_escaped(
    installation: Installation, account_id: UUID, console: Client, clock: Clock
) -> None:
    hacker = store_change(installation, account_id, "x", name="<script>alert(1)</script>", plan="silver")
    segment = create(installation, account_id, [GOLD])
    wait_until_visible(installation)
    clock.at += timedelta(hours=1)
    installation.rollcall.segments.edit(account_id, segment, SegmentEdit(filter=[GOLD | {"value": "silver"}]), None)
    page = said(installation, console, segment, hacker)
    assert "since Nov 3, 2026, 15:02, because the filter was edited" in page
    assert "<script>alert" not in console.get(f"/console/segments/{segment}/customers/{hacker}/why").text


def test_any_customer_can_be_found_by_name_or_phone_and_explained(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    rui = store_change(installation, account_id, "rui", name="Rui Costa", phone="+351912345678")
    segment = create(installation, account_id, [GOLD])
    installation.catch_up()
    for query in ("rui", "912 345"):
        page = console.get(f"/console/segments/{segment}/why", params={"query": query}).text
        assert f"/console/segments/{segment}/customers/{rui}/why" in page
        assert str(ana) not in page
    assert "No customer matches" in console.get(f"/console/segments/{segment}/why?query=zebra").text
    assert "Type a name" in console.get(f"/console/segments/{segment}/why").text


def test_a_customer_of_another_account_is_not_explained(
    installation: Installation, account_id: UUID, console: Client, ana: UUID
) -> None:
    other = installation.account("theirs")
    theirs = store_change(installation, other, "t", name="Their Customer")
    segment = create(installation, account_id, None, "Ours")
    their_segment = create(installation, other, None, "Their segment")
    installation.catch_up()
    for address in (
        f"{segment}/customers/{theirs}/why",
        f"{their_segment}/customers/{ana}/why",
        f"{their_segment}/why",
        f"{segment}/customers/{uuid4()}/why",
        f"{segment}/customers/nobody/why",
    ):
        answer = console.get(f"/console/segments/{address}")
        assert answer.status_code == 404
        assert "Their" not in answer.text
    assert "Their" not in console.get(f"/console/segments/{segment}/why?query=their").text

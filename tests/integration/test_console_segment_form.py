"""Create Segment and Edit: the form, its builder without scripts, what an edit would do, and two people at once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from httpx import Client, Response

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft, SegmentEdit
from domain.values import AttributeType
from projections.read import segments
from projections.read.segments import SegmentRow
from tests.installation import Installation

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}
PREMIUM = {"attribute": "premium_customer", "operator": "equals", "value": True}
NEW = "/console/segments/new"


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    account_id = installation.account()
    types: dict[str, AttributeType] = {
        "plan": "text", "premium_customer": "boolean", "birthdate": "date", "score": "number",
    }  # fmt: skip
    for key, kind in types.items():
        installation.rollcall.declare_attribute(account_id, key, kind, None)
    return account_id


@pytest.fixture
def console(installation: Installation, account_id: UUID) -> Iterator[Client]:
    with installation.projecting(), installation.open_console(account_id) as client:
        yield client


def customers(installation: Installation, account_id: UUID, **plans: str) -> None:
    now = installation.rollcall.now()
    changes = [
        CustomerChange(name, "changed", now, CustomerData(name=name.title(), attributes={"plan": plan}), "/crm", name)
        for name, plan in plans.items()
    ]
    installation.rollcall.change_customers(account_id, changes)
    installation.catch_up()


def create(installation: Installation, account_id: UUID, name: str, *nodes: Any) -> UUID:
    draft = SegmentDraft(name, "", "dynamic", list(nodes)) if nodes else SegmentDraft(name)
    segment_id = installation.rollcall.create_segment(account_id, draft).id
    installation.catch_up()
    return segment_id


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the page's form, one text for each name."""
    form = page[page.index('<form class="segment-form"') :]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        kind, name, value = (
            unescape(found.group(1)) if (found := re.search(rf'\b{attribute}="([^"]*)"', tag)) else ""
            for attribute in ("type", "name", "value")
        )
        if name and (kind not in ("checkbox", "radio") or " checked" in tag):
            sent[name] = value
    for name, options in re.findall(r'<select[^>]*\bname="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = unescape(chosen.group(1)) if chosen else ""
    for name, text in re.findall(r'<textarea[^>]*\bname="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.S):
        sent[name] = unescape(text)
    return sent


def posted(console: Client, address: str, **fields: str) -> Response:
    return console.post(address, data={name.replace("__", "-"): text for name, text in fields.items()})


def stored(installation: Installation, account_id: UUID, name: str) -> SegmentRow:
    deadline = time.monotonic() + 30
    while True:
        installation.catch_up()
        with installation.database.transaction(account_id) as connection:
            (row,) = segments.page(connection, account_id, name=name, kind=None, before=None, limit=9)
        if row.building is None:
            return row
        assert time.monotonic() < deadline, "the segment is never computed"


def test_a_static_segment_is_created_with_a_name_and_a_notice_and_stands_on_top_of_the_list(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    create(installation, account_id, "Older")
    page = fields_of(console.get(NEW).text)
    answer = console.post(NEW, data=page | {"name": "  Newsletter Subscribers ", "description": "who reads"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/segments")
    shown = console.get("/console/segments").text
    assert "Newsletter Subscribers was created" in shown
    assert shown.index("Newsletter Subscribers") < shown.index(">Older<")
    row = stored(installation, account_id, "Newsletter")
    assert (row.name, row.description, row.type, row.filter) == (
        "Newsletter Subscribers", "who reads", "static", None,
    )  # fmt: skip


def test_a_form_that_is_sent_twice_creates_one_segment_and_a_changed_one_another(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    page = fields_of(console.get(NEW).text)
    for name in ("Twice", "Twice", "Changed"):
        assert console.post(NEW, data=page | {"name": name}).status_code == 303
    installation.catch_up()
    with installation.database.transaction(account_id) as connection:
        assert sorted(segments.names(connection, account_id).values()) == ["Changed", "Twice"]


def test_a_dynamic_segment_is_built_without_scripts_by_the_buttons_of_the_page(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    page = fields_of(console.get(NEW).text) | {"name": "May 20", "dynamic": "on"}
    page |= {"filter-0-attribute": "birthdate"}
    page = fields_of(console.post(NEW, data=page | {"action": "refresh"}).text)
    assert page["filter-0-operator"] == "equals"
    page |= {"filter-0-value": "2026-05-20"}
    page = fields_of(console.post(NEW, data=page | {"action": "add:filter"}).text)
    page |= {"filter-1-attribute": "premium_customer"}
    page = fields_of(console.post(NEW, data=page | {"action": "refresh"}).text) | {"filter-1-value": "true"}
    assert console.post(NEW, data=page | {"action": "save"}).status_code == 303
    assert stored(installation, account_id, "May 20").filter == [
        {"attribute": "birthdate", "operator": "equals", "value": "2026-05-20"}, PREMIUM,
    ]  # fmt: skip


def test_what_is_missing_or_wrong_is_said_beside_its_field_and_everything_typed_is_kept(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    wrong = {"filter-0-attribute": "score", "filter-0-operator": "between", "filter-0-low": "9", "filter-0-high": "1"}
    answer = console.post(NEW, data=wrong | {"dynamic": "on", "name": " ", "description": "kept <b>"})
    assert answer.status_code == 422
    assert '<a href="#name">Give the segment a name.</a>' in answer.text
    assert "Score: The first value is greater than the second; swap them." in answer.text
    again = fields_of(answer.text)
    assert {name: again[name] for name in wrong} == wrong
    assert again["description"] == "kept <b>"
    unfinished = posted(console, NEW, name="X", dynamic="on", filter__0__attribute="plan", filter__1__attribute="")
    assert "Plan: Choose a value" in unfinished.text
    assert "Filter: Choose an attribute" in unfinished.text
    ghost = posted(console, NEW, name="X", dynamic="on", filter__0__attribute="ghost", filter__0__operator="equals")
    assert ghost.status_code == 422
    assert "no such attribute" in ghost.text.lower()
    with installation.database.transaction(account_id) as connection:
        assert segments.names(connection, account_id) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"filter-0-attribute=plan&filter-0-value=%00&dynamic=on&name=x",
        b"name=%ff%fe&dynamic=on&filter-0-attribute=plan&filter-0-operator=in&filter-0-item=%22\\ud800%22",
        b"dynamic=on&name=x&filter-0-attribute=score&filter-0-value=" + b"9" * 400,
        b"dynamic=on&name=x&filter-match=nonsense&" + b"&".join(b"filter-%d-match=any" % each for each in range(150)),
        b"dynamic=on&name=x&filter-0-0-0-0-0-0-0-match=any&filter-0-match=all&filter-0-0-match=all&filter-0-0-0-match=all"
        b"&filter-0-0-0-0-match=all&filter-0-0-0-0-0-match=all&filter-0-0-0-0-0-0-match=all",
        b"&".join(b"filter-%d-attribute=plan" % each for each in range(2_500)),
        b"%%%===&&&\xff\x00",
        b"",
        b"dynamic=on&name=x&filter-0-attribute=birthdate&filter-0-operator=equals&filter-0-value=2026-02-31",
        b"dynamic=on&name=x&filter-0-attribute=created_at&filter-0-operator=before&filter-0-value=9999-12-31T23:59"
        b"&filter-0-exact=[[[",
        b"dynamic=on&name=x&filter-0-attribute=segment&filter-0-operator=in&filter-0-item=%22x%22&filter-0-item=7",
    ],
)
def test_no_form_however_odd_is_our_own_mistake(
    installation: Installation, account_id: UUID, console: Client, body: bytes
) -> None:
    segment_id = create(installation, account_id, "Gold", GOLD)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for address in (NEW, f"{NEW}/matches", f"/console/segments/{segment_id}/edit"):
        for action in (b"", b"&action=refresh", b"&action=add:filter", b"&action=compare", b"&action=keep"):
            answer = console.post(address, content=body + action, headers=headers)
            assert answer.status_code in (200, 303, 412, 413, 422), (address, action, answer.text)
    assert console.post(f"/console/segments/{segment_id}/matches", content=body, headers=headers).status_code < 500


def test_while_she_types_it_says_how_many_match_and_who_is_newest_and_what_is_still_missing(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    customers(installation, account_id, ana="gold", bea="gold", cid="free")
    text = posted(console, f"{NEW}/matches", filter__0__attribute="plan", filter__0__value="gold").text
    assert '<strong class="big">2</strong> customers match now' in text
    assert text.index("Bea") < text.index("Ana")
    assert "Cid" not in text
    unfinished = posted(console, f"{NEW}/matches", filter__0__attribute="plan").text
    assert "Complete the filters" in unfinished
    assert re.search(r'id="filter-0-note"[^>]*>Choose a value<', unfinished)
    assert "nobody matches" in posted(console, f"{NEW}/matches").text


def test_counting_that_takes_too_long_is_told_calmly(
    installation: Installation, account_id: UUID, console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    from projections.read import preview

    def canceled(*_: Any) -> Any:
        raise psycopg.errors.QueryCanceled

    monkeypatch.setattr(preview, "row_of", canceled)
    customers(installation, account_id, ana="gold")
    answer = posted(console, f"{NEW}/matches", filter__0__attribute="plan", filter__0__value="gold")
    assert answer.status_code == 200
    assert "You can save without the count" in answer.text


def test_before_an_edit_is_saved_it_says_who_would_join_and_leave_and_which_campaigns_and_segments_are_concerned(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    customers(installation, account_id, ana="gold", bea="gold", cid="free", dan="free", eve="free")
    gold = create(installation, account_id, "Gold", GOLD)
    create(installation, account_id, "Uses gold", {"attribute": "segment", "operator": "in", "value": [str(gold)]})
    installation.rollcall.create_campaign(account_id, CampaignDraft("Summer sale", [gold], []))
    installation.catch_up()
    page = console.get(f"/console/segments/{gold}/edit").text
    assert "Summer sale" in page
    assert "Uses gold" in page
    matches = f"/console/segments/{gold}/matches"
    edited = fields_of(page)
    assert "nobody’s membership" in console.post(matches, data=edited).text
    text = console.post(matches, data=edited | {"filter-0-value": "free"}).text
    assert "Saving adds <strong>3 customers</strong> and removes <strong>2</strong> of the 2" in text


def test_an_edit_changes_what_was_edited_and_a_filter_that_says_the_same_is_not_computed_anew(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    address = f"/console/segments/{gold}/edit"
    before = stored(installation, account_id, "Gold")
    page = fields_of(console.get(address).text)
    assert console.post(address, data=page | {"name": "Golden"}).headers["location"] == "/console/segments"
    renamed = stored(installation, account_id, "Golden")
    assert (renamed.version, renamed.serving, renamed.filter) == (before.version + 1, before.serving, [GOLD])
    page = fields_of(console.get(address).text)
    assert console.post(address, data=page | {"filter-0-value": "silver"}).status_code == 303
    assert stored(installation, account_id, "Golden").filter == [GOLD | {"value": "silver"}]
    assert "Golden was updated" in console.get("/console/segments").text


def test_a_filter_stored_in_another_form_is_not_computed_anew_either(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    raw = {"all": [GOLD, {"not": {"not": PREMIUM}}, {"attribute": "score", "operator": "in", "value": [1.5, 20]}]}
    segment_id = installation.rollcall.create_segment(account_id, SegmentDraft("Odd", "", "dynamic", raw)).id
    installation.catch_up()
    before = stored(installation, account_id, "Odd")
    page = console.get(f"/console/segments/{segment_id}/edit").text
    items = [("filter-2-item", unescape(item)) for item in re.findall(r'name="filter-2-item" value="([^"]*)"', page)]
    fields = [*(pair for pair in fields_of(page).items() if pair[0] != "filter-2-item"), *items]
    body = urlencode([(name, "Even" if name == "name" else text) for name, text in fields])
    answer = console.post(
        f"/console/segments/{segment_id}/edit",
        content=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 303
    after = stored(installation, account_id, "Even")
    assert (after.filter, after.serving) == (before.filter, before.serving)


def test_a_static_segment_has_no_filters_to_edit_and_the_type_cannot_change(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    segment_id = create(installation, account_id, "By hand")
    page = console.get(f"/console/segments/{segment_id}/edit").text
    assert "Add Attribute" not in page
    assert 'name="dynamic"' not in page
    answer = console.post(
        f"/console/segments/{segment_id}/edit",
        data=fields_of(page) | {"name": "List", "dynamic": "on", "filter-0-attribute": "plan", "filter-0-value": "x"},
    )
    assert answer.status_code == 303
    assert stored(installation, account_id, "List").type == "static"


def test_a_segment_that_would_contain_itself_is_refused_beside_the_filter_that_says_so(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    outer = create(installation, account_id, "Outer", {"attribute": "segment", "operator": "in", "value": [str(gold)]})
    page = fields_of(console.get(f"/console/segments/{gold}/edit").text)
    cycle = {"filter-0-attribute": "segment", "filter-0-operator": "in", "filter-0-more": str(outer)}
    answer = console.post(f"/console/segments/{gold}/edit", data=page | cycle)
    assert answer.status_code == 422
    assert re.search(r'id="filter-0-note" class="note error">Segments may not contain each other: ', answer.text)


def test_who_comes_second_sees_both_keeps_what_she_typed_and_decides(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    address = f"/console/segments/{gold}/edit"
    page = fields_of(console.get(address).text) | {"name": "Mine", "filter-0-value": "silver"}
    theirs = SegmentEdit(name="Theirs", filter=[PREMIUM])
    installation.rollcall.edit_segment(account_id, gold, theirs, None)
    installation.catch_up()
    answer = console.post(address, data=page)
    assert answer.status_code == 412
    for told in ("Mine", "Theirs", "Plan equals silver", "Premium customer is True", "Keep mine", "Take theirs"):
        assert told in answer.text
    assert stored(installation, account_id, "").name == "Theirs"
    hers = fields_of(answer.text)
    assert (hers["name"], hers["filter-0-value"]) == ("Mine", "silver")
    assert console.post(address, data=hers).status_code == 412
    installation.rollcall.edit_segment(account_id, gold, SegmentEdit(name="Third"), None)
    installation.catch_up()
    again = console.post(address, data=hers | {"action": "keep"})
    assert again.status_code == 412
    assert "Third" in again.text
    assert console.post(address, data=fields_of(again.text) | {"action": "keep"}).status_code == 303
    kept = stored(installation, account_id, "Mine")
    assert kept.filter == [GOLD | {"value": "silver"}]


def test_an_open_form_is_told_that_somebody_saved_or_deleted_the_segment(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    address = f"/console/segments/{gold}/newer?version=1"
    assert console.get(address).status_code == 204
    installation.rollcall.edit_segment(account_id, gold, SegmentEdit(name="Theirs"), None)
    installation.catch_up()
    told = console.get(address)
    assert "Somebody changed this segment" in told.text
    seen = re.search(r'"Rollcall-Seen": "([^"]+)"', told.text)
    assert seen
    assert console.get(address, headers={"Rollcall-Seen": seen.group(1)}).status_code == 204
    page = fields_of(console.get(f"/console/segments/{gold}/edit").text) | {"version": "1", "name": "Mine"}
    compared = console.post(f"/console/segments/{gold}/edit", data=page | {"action": "compare"})
    assert compared.status_code == 200
    assert fields_of(compared.text)["newest"] == "2"
    assert "newer?version=2" in compared.text
    installation.rollcall.delete_segment(account_id, gold, None)
    installation.catch_up()
    assert "Somebody deleted this segment" in console.get(address).text


def test_another_accounts_segment_cannot_be_read_edited_or_named(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    other = installation.account("theirs")
    installation.rollcall.declare_attribute(other, "plan", "text", None)
    theirs = create(installation, other, "Theirs", GOLD)
    for path in ("edit", "matches", "newer?version=1"):
        get = console.get if path != "matches" else console.post
        answer = get(f"/console/segments/{theirs}/{path}")
        assert "Theirs" not in answer.text
        assert answer.status_code in (200, 404)
    assert console.post(f"/console/segments/{theirs}/edit", data={"name": "x", "version": "1"}).status_code == 404
    named = {"filter-0-attribute": "segment", "filter-0-operator": "in", "filter-0-more": str(theirs)}
    answer = console.post(NEW, data=named | {"name": "x", "dynamic": "on"})
    assert answer.status_code == 422
    assert "Theirs" not in answer.text

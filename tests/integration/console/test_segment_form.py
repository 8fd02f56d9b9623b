"""Create Segment and Edit: the form, its builder without scripts, errors beside their fields."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import pytest
from httpx import Client

from domain.segment import SegmentDraft
from projections.read import segments
from tests.support.console.segment_forms import GOLD, NEW, PREMIUM, create, declared, fields_of, posted, stored
from tests.support.installation import Installation


@pytest.fixture
def account_id(installation: Installation) -> UUID:
    return declared(installation)


def test_a_static_segment_is_created_with_a_notice_and_is_first_in_the_list(
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
        "Newsletter Subscribers",
        "who reads",
        "static",
        None,
    )


def stored_names(installation: Installation, account_id: UUID) -> list[str]:
    with installation.database.transaction(account_id) as connection:
        rows = segments.page(connection, account_id, name=None, kind=None, before=None, limit=100)
    return sorted(row.name for row in rows)


def test_the_same_form_sent_twice_creates_one_segment_and_a_changed_one_another(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    page = fields_of(console.get(NEW).text)
    for name in ("Twice", "Twice", "Changed"):
        assert console.post(NEW, data=page | {"name": name}).status_code == 303
    installation.catch_up()
    assert stored_names(installation, account_id) == ["Changed", "Twice"]


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
        {"attribute": "birthdate", "operator": "equals", "value": "2026-05-20"},
        PREMIUM,
    ]


def test_missing_and_wrong_input_is_reported_beside_its_field_and_all_input_is_kept(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    wrong = {"filter-0-attribute": "score", "filter-0-operator": "between", "filter-0-low": "9", "filter-0-high": "1"}
    answer = console.post(NEW, data=wrong | {"dynamic": "on", "name": " ", "description": "kept <b>"})
    assert answer.status_code == 422
    assert '<a href="#name">Enter a name for the segment.</a>' in answer.text
    assert "Score: The first value is greater than the second; swap them." in answer.text
    again = fields_of(answer.text)
    assert {name: again[name] for name in wrong} == wrong
    assert again["description"] == "kept <b>"
    unfinished = posted(console, NEW, name="X", dynamic="on", filter__0__attribute="plan", filter__1__attribute="")
    assert "Plan: Choose a value" in unfinished.text
    assert "Filter: Choose an attribute" in unfinished.text
    console.headers["Accept-Language"] = "pt-PT"
    translated = posted(console, NEW, name="", dynamic="on", filter__0__attribute="plan").text
    assert "Plan: Escolha um valor" in translated
    assert "Escreva um nome para o segmento." in translated
    del console.headers["Accept-Language"]
    ghost = posted(console, NEW, name="X", dynamic="on", filter__0__attribute="ghost", filter__0__operator="equals")
    assert ghost.status_code == 422
    assert "no such attribute" in ghost.text.lower()
    assert stored_names(installation, account_id) == []


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
def test_no_malformed_form_causes_an_internal_error(
    installation: Installation, account_id: UUID, console: Client, body: bytes
) -> None:
    segment_id = create(installation, account_id, "Gold", GOLD)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for address in (NEW, f"{NEW}/matches", f"/console/segments/{segment_id}/edit"):
        for action in (b"", b"&action=refresh", b"&action=add:filter", b"&action=compare", b"&action=keep"):
            answer = console.post(address, content=body + action, headers=headers)
            assert answer.status_code in (200, 303, 412, 413, 422), (address, action, answer.text)
    assert console.post(f"/console/segments/{segment_id}/matches", content=body, headers=headers).status_code < 500


def test_an_edit_writes_what_changed_and_an_equal_filter_is_not_evaluated_anew(
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


def test_an_equal_filter_stored_in_another_form_is_not_evaluated_anew(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    raw = {"all": [GOLD, {"not": {"not": PREMIUM}}, {"attribute": "score", "operator": "in", "value": [1.5, 20]}]}
    segment_id = installation.rollcall.segments.create(account_id, SegmentDraft("Odd", "", "dynamic", raw)).id
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


def test_a_segment_that_would_contain_itself_is_refused_beside_that_filter(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    gold = create(installation, account_id, "Gold", GOLD)
    outer = create(installation, account_id, "Outer", {"attribute": "segment", "operator": "in", "value": [str(gold)]})
    page = fields_of(console.get(f"/console/segments/{gold}/edit").text)
    cycle = {"filter-0-attribute": "segment", "filter-0-kind": "segment", "filter-0-more": str(outer)}
    answer = console.post(f"/console/segments/{gold}/edit", data=page | cycle)
    assert answer.status_code == 422
    assert re.search(r'id="filter-0-note" class="note error">Segments may not contain each other: ', answer.text)


def test_a_segment_of_another_account_cannot_be_read_edited_or_used(
    installation: Installation, account_id: UUID, console: Client
) -> None:
    other = installation.account("theirs")
    installation.rollcall.attributes.declare(other, "plan", "text", None)
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

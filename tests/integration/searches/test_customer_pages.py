"""Customers and a customer's page, without scripts: finding, filtering, saving as a segment, reading, erasing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pytest
from httpx import Client

from api.console.web.paging import AT_ONCE
from domain.segment import SegmentDraft
from projections.postgres import limits
from projections.read import segments
from tests.support.installation import Installation

GOLD = {"attribute": "plan", "operator": "equals", "value": "gold"}


class Shop(NamedTuple):
    """An account with three customers, and a client that is signed in to its console."""

    installation: Installation
    account_id: UUID
    client: Client


@pytest.fixture
def shop(installation: Installation) -> Iterator[Shop]:
    account_id = installation.account()
    installation.rollcall.attributes.declare(account_id, "plan", "text", "Plan")
    with installation.projecting(), installation.open_console(account_id) as client:
        made = Shop(installation, account_id, client)
        key = installation.key(account_id)
        with installation.open_api(key) as api:
            for number, (name, city, plan) in enumerate(
                (("Ana Sá", "Braga", "gold"), ("Rui Braga", "Porto", "gold"), ("Zoë", "Braga", "silver"))
            ):
                body = {
                    "name": name,
                    "attributes": {"city": city, "plan": plan},
                    "tags": ["vip"] if number == 1 else [],
                }
                api.put(f"/v1/customers/crm-{number}", json=body).raise_for_status()
        yield made


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.text[-1_500:])
    return unescape(answer.text)


def names(text: str) -> list[str]:
    return re.findall(r'<th scope="row">\s*<a href="/console/customers/[^"]+">([^<]+)</a>', text)


def test_words_find_people_by_anything(shop: Shop) -> None:
    assert names(page(shop.client, "/console/customers")) == ["Zoë", "Rui Braga", "Ana Sá"]
    assert names(page(shop.client, "/console/customers?query=braga")) == ["Zoë", "Rui Braga", "Ana Sá"]
    assert names(page(shop.client, "/console/customers?query=vip")) == ["Rui Braga"]
    nothing = page(shop.client, "/console/customers?query=zebra")
    assert "No customer matches" in nothing
    assert "0 customers match" in nothing


def test_what_was_typed_is_offered_as_a_filter(shop: Shop) -> None:
    text = page(shop.client, "/console/customers?query=braga")
    (address,) = re.findall(r'class="tag" href="([^"]+)"', text)
    assert names(page(shop.client, address)) == ["Zoë", "Ana Sá"]
    assert "can't be saved as a segment" in text


def test_a_filter_is_made_without_scripts_and_saved_as_a_segment(shop: Shop) -> None:
    form = {"filter-match": "all", "filter-0-attribute": "plan", "query": "", "columns": "plan", "rows": "10"}
    builder = shop.client.post("/console/customers/filter", data=form | {"action": "refresh"})
    assert 'name="filter-0-value"' in builder.text
    unfinished = shop.client.post("/console/customers/filter", data=form | {"filter-0-operator": "equals"})
    assert (unfinished.status_code, "Choose a value" in unfinished.text) == (422, True)
    done = form | {"filter-0-operator": "equals", "filter-0-value": "gold", "filter-0-kind": "text", "action": "apply"}
    found = shop.client.post("/console/customers/filter", data=done)
    assert found.status_code == 303
    address = found.headers["location"]
    assert json.loads(parse_qs(urlsplit(address).query)["filter"][0]) == [GOLD]
    text = page(shop.client, address)
    assert names(text) == ["Rui Braga", "Ana Sá"]
    assert "Plan equals gold" in text
    (save,) = re.findall(r'href="(/console/segments/new\?[^"]+)"', text)
    segment_form = page(shop.client, save)
    assert re.search(r'id="dynamic"[^>]* checked', segment_form)
    assert 'value="gold"' in segment_form


def test_an_empty_filter_form_means_no_filter(shop: Shop) -> None:
    form = {"filter-match": "all", "filter-0-attribute": "", "query": "zoe", "action": "apply"}
    found = shop.client.post("/console/customers/filter", data=form)
    assert found.headers["location"] == "/console/customers?query=zoe"


@pytest.mark.parametrize("bad", ["{", "7", '[{"attribute":"shoe","operator":"is_set"}]'])
def test_an_address_with_a_broken_filter_says_so(shop: Shop, bad: str) -> None:
    answer = shop.client.get("/console/customers", params={"filter": bad})
    assert answer.status_code in (400, 422), answer.text
    assert "<h1>" in answer.text


def test_chosen_columns_stand_in_the_address_and_are_remembered_for_the_person_who_chose(shop: Shop) -> None:
    def shown(client: Client, address: str) -> list[str]:
        return re.findall(r'<th scope="col">([^<]+)</th>', page(client, address))[1:]

    usual = shown(shop.client, "/console/customers")
    form = {"query": "vip", "columns": ["city", "created_at"], "rows": "25"}
    chosen = shop.client.post("/console/customers/columns", data=form).headers["location"]
    assert chosen == "/console/customers?query=vip&columns=city%2Ccreated_at&rows=25"
    for address in (chosen, "/console/customers"):
        assert shown(shop.client, address) == ["City", "Created"]
    assert shown(shop.client, "/console/customers?columns=plan") == ["Plan"], "a colleague's address shows its own"
    assert shown(shop.client, "/console/customers") == ["City", "Created"]
    ticked = re.findall(r'name="field" value="([^"]+)" checked', page(shop.client, "/console/customers/export"))
    assert ticked == ["phone", "name", "external_id", "created_at", "attributes.city"]
    with shop.installation.open_console(shop.installation.account("other")) as colleague:
        colleague.cookies.update({name: value for name, value in shop.client.cookies.items() if "columns" in name})
        assert "City" not in shown(colleague, "/console/customers")
    shop.client.post("/console/customers/columns", data=form | {"usual": "1"})
    assert shown(shop.client, "/console/customers") == usual


def test_how_many_match_is_asked_for_where_the_page_does_not_show_them_all(shop: Shop) -> None:
    text = page(shop.client, "/console/customers?rows=10")
    assert "3 customers" in text
    assert "3 customers match" in page(shop.client, "/console/customers/count?query=braga")


def test_a_list_that_is_not_found_at_once_comes_after_its_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.installation.open_api(shop.installation.key(shop.account_id)) as api:
        listed = api.post("/v1/segments", json={"name": "Listed", "type": "static"}).json()["id"]
        gold = api.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": [GOLD]}).json()["id"]
    monkeypatch.setattr(limits, "within", lambda _, span, work: None if span == AT_ONCE else work())
    filtered = f"/console/customers?{urlencode({'filter': json.dumps([GOLD])})}"
    for address, found in (
        ("/console/customers?query=braga&rows=10", ["Zoë", "Rui Braga", "Ana Sá"]),
        (filtered, ["Rui Braga", "Ana Sá"]),
        (f"/console/segments/{gold}/manage?query=rui", ["Rui Braga"]),
        (f"/console/segments/{gold}/customers?query=rui", ["Rui Braga"]),
        (f"/console/segments/{listed}/add?query=zoe", ["Zoë"]),
        (f"/console/segments/{gold}/why?query=zoe", ["Zoë"]),
    ):
        text = page(shop.client, address)
        assert names(text) == []
        assert "No customer" not in text
        assert "of many" not in text
        (later,) = re.findall(r'<noscript><a href="([^"]+)">Wait for it</a>', text)
        assert f'hx-get="{later}" hx-trigger="load"' in text
        whole = page(shop.client, later)
        assert [name for name in ("Zoë", "Rui Braga", "Ana Sá") if name in whole] == found
        assert "Wait for it" not in whole


def test_a_list_that_takes_too_long_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "within", lambda *_: None)
    assert "took too long" in page(shop.client, "/console/customers?query=braga&whole=true")


def test_a_customers_page_shows_values_segments_and_what_happened(shop: Shop) -> None:
    with shop.installation.open_api(shop.installation.key(shop.account_id)) as api:
        segment = api.post("/v1/segments", json={"name": "Gold", "type": "dynamic", "filter": [GOLD]}).json()
        api.put("/v1/customers/crm-2", json={"attributes": {"plan": "gold"}}).raise_for_status()
        customer = api.get("/v1/customers/crm-2").json()["id"]
    text = page(shop.client, f"/console/customers/{customer}")
    assert "<h1>Zoë</h1>" in text
    assert f"/console/segments/{segment['id']}/customers/{customer}/why" in text
    assert re.search(r"<del>silver</del> → <ins>gold</ins>", text)
    assert "over the API" in text
    assert text.index("<strong>Changed</strong>") < text.index("<strong>New customer</strong>")


def test_those_found_are_exported_with_the_columns_shown_safe_for_spreadsheets(shop: Shop) -> None:
    with shop.installation.open_api(shop.installation.key(shop.account_id)) as api:
        api.put("/v1/customers/crm-1", json={"name": "=Braga"}).raise_for_status()
    asked = {"query": "braga", "filter": json.dumps([GOLD]), "columns": "city,tags"}
    text = page(shop.client, "/console/customers?" + urlencode(asked))
    (address,) = dict.fromkeys(re.findall(r'href="(/console/customers/export[^"]+)"', text))
    dialog = page(shop.client, address)
    assert "The customers who match “braga” and this filter: Plan equals gold." in dialog
    ticked = re.findall(r'name="field" value="([^"]+)" checked', dialog)
    assert ticked == ["phone", "name", "external_id", "tags", "attributes.city"]
    (action,) = re.findall(r'method="get" action="([^"]+)" data-unguarded', dialog)
    file = shop.client.get(action, params=asked | {"field": ticked[1:]})
    assert file.headers["content-disposition"].startswith('attachment; filename="customers.csv"')
    assert file.text.splitlines() == ["name,external_id,tags,City", "Ana Sá,crm-0,[],Braga",
                                      "'=Braga,crm-1,\"[\"\"vip\"\"]\",Porto"]  # fmt: skip


def test_those_found_go_into_a_list_by_its_name_or_into_a_new_one_without_scripts(shop: Shop) -> None:
    rollcall = shop.installation.rollcall
    for name, raw in (("Walkers", None), ("Runners", None), ("Runners", [GOLD])):
        draft = SegmentDraft(name, "", "dynamic" if raw else "static", raw)
        rollcall.segments.create(shop.account_id, draft)
    shop.installation.catch_up()
    asked = {"all": "1", "query": "braga", "back": "/console/customers"}
    dialog = page(shop.client, "/console/selected?" + urlencode(asked | {"do": "add"}))
    (identity,) = re.findall(r'name="identity" value="([^"]+)"', dialog)
    for into in ({"into": "existing", "list": "runners"}, {"into": "new", "name": "On the spot", "identity": identity}):
        answers = [shop.client.post("/console/selected/add", data=asked | into) for _ in range(2)]
        assert {answer.status_code for answer in answers} == {303}
    for wrong in ({"into": "existing", "list": "nothing"}, {"into": "new", "name": " "}):
        assert shop.client.post("/console/selected/add", data=asked | wrong).status_code == 422
    shop.installation.run_jobs()
    shop.installation.catch_up()
    with shop.installation.database.transaction(shop.account_id) as connection:
        rows = segments.page(connection, shop.account_id, name=None, kind="static", before=None, limit=9)
    assert {row.name: row.members for row in rows} == {"Walkers": 0, "Runners": 3, "On the spot": 3}


def test_erasing_says_what_it_means_and_does_it(shop: Shop) -> None:
    with shop.installation.open_api(shop.installation.key(shop.account_id)) as api:
        customer = api.get("/v1/customers/crm-2").json()["id"]
    assert "cannot be undone" in page(shop.client, f"/console/customers/{customer}/erase")
    erased = shop.client.post(f"/console/customers/{customer}/erase")
    assert erased.headers["location"] == "/console/customers"
    assert "Zoë was erased" in page(shop.client, "/console/customers")
    assert names(page(shop.client, "/console/customers")) == ["Rui Braga", "Ana Sá"]
    page(shop.client, f"/console/customers/{customer}", 404)

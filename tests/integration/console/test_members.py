"""View Customers, Edit Customer, Manage Customers and Add Customers, as plain pages and forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from httpx import Client, Response

from domain.customer import Customer, CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft
from domain.values import AttributeType
from tests.support.console.forms import fields_of, said
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
TYPES: dict[str, AttributeType] = {
    "plan": "text", "score": "number", "active": "boolean", "born": "date", "last_order": "datetime", "likes": "list",
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "plan": "gold", "score": Decimal("12345678901234567890.123456789"), "active": True, "born": "1990-05-20",
    "last_order": "2026-07-01T10:00:00.123456Z", "likes": ["tea", "coffee, black"],
}  # fmt: skip


class Shop:
    """An account with a static and a dynamic segment, and a console onto it."""

    def __init__(self, installation: Installation, account_id: UUID, console: Client) -> None:
        self.installation, self.account_id, self.console = installation, account_id, console
        create = installation.rollcall.segments.create
        self.by_hand = create(account_id, SegmentDraft("By hand", "", "static", None)).id
        gold = create(account_id, SegmentDraft("Gold", "", "dynamic", GOLD))
        self.gold = gold.id
        installation.computed(account_id, gold)

    def customer(self, external_id: str, **data: Any) -> UUID:
        change = CustomerChange(external_id, "changed", self.installation.now(), CustomerData(**data))
        (outcome,) = self.installation.rollcall.customers.change(self.account_id, [change]).outcomes
        assert outcome.customer is not None, outcome.errors
        return outcome.customer_id

    def put_in(self, *customers: UUID) -> None:
        self.installation.rollcall.members.add(self.account_id, self.by_hand, customers)

    def page(self, address: str) -> str:
        """A page that shows everything that is in the log."""
        self.installation.catch_up()
        answer = self.console.get(f"/console/{address}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def stored(self, customer: UUID) -> Customer:
        """A customer as the write side knows her."""
        states = self.installation.rollcall.log.store.customer_states(self.account_id, [customer])
        return states[customer].seen()

    def values(self, customer: UUID) -> dict[str, Any]:
        return self.stored(customer).values

    def edit(self, customer: UUID, **typed: str) -> Response:
        """Open Edit Customer, type, save."""
        address = f"customers/{customer}/edit?from=/console/segments/{self.gold}/customers"
        fields = fields_of(self.page(address))
        for name in [name for name, text in typed.items() if name == "opted_out" and not text]:
            fields.pop(name, None)
            typed.pop(name)
        return self.console.post(f"/console/{address}", data={**fields, **typed})


@pytest.fixture
def shop(installation: Installation) -> Iterator[Shop]:
    account_id = installation.account()
    for key, kind in TYPES.items():
        installation.rollcall.attributes.declare(account_id, key, kind, "Plan" if key == "plan" else None)
    with installation.projecting(), installation.open_console(account_id) as client:
        yield Shop(installation, account_id, client)


def names_in(page: str) -> list[str]:
    return [said(found) for found in re.findall(r'<th scope="row">(?:<label[^>]*>)?(.*?)<span class="desc', page, re.S)]


def test_view_customers_lists_opt_out_status_attributes_tags_and_join_date(shop: Shop) -> None:
    shop.customer("crm-1", name="Ana <i>Sá</i>", phone="912345678", tags=["vip", "a&b"], attributes=EVERYTHING)
    shop.customer("crm-2", attributes={"plan": "GOLD"}, opted_out=True)
    shop.customer("crm-3", name="Not in it", attributes={"plan": "free"})
    page = shop.page(f"segments/{shop.gold}/customers")
    assert names_in(page) == ["No name", "Ana <i>Sá</i>"]
    text = said(page)
    for shown in (
        "+351912345678", "crm-1", "Opted in", "Opted out", "vip", "a&b", "Plan gold", "Born May 20, 1990",
        "Active True", "and 3 more", "Score 12345678901234567890.123456789", "Likes coffee, black and tea",
        "Last order Jul 1, 2026, 11:00",
    ):  # fmt: skip
        assert shown in text
    assert "<i>" not in page
    assert re.search(r'data-label="Joined"><time datetime="[^"]+Z"', page)


def test_customers_are_found_by_name_or_phone_and_long_lists_have_pages(shop: Shop) -> None:
    for number in range(12):
        name = f"Rui {number:02}" if number % 2 else f"Ana {number:02}"
        shop.put_in(shop.customer(f"c{number}", name=name, phone=f"9120000{number:02}"))
    base = f"segments/{shop.by_hand}/customers"
    assert names_in(shop.page(f"{base}?query=ana+06")) == ["Ana 06"]
    assert names_in(shop.page(f"{base}?query=912000007")) == ["Rui 07"]
    assert "Nobody in this segment matches" in shop.page(f"{base}?query=zoe")
    first = shop.page(f"{base}?rows=10")
    following = re.search(r'href="/console/([^"]+)" rel="next"', first)
    assert following is not None
    second = shop.page(following.group(1).replace("&amp;", "&"))
    assert names_in(first) + names_in(second) == [
        f"{'Rui' if number % 2 else 'Ana'} {number:02}" for number in reversed(range(12))
    ]
    assert "11–12 of 12" in second


def test_saving_without_a_change_writes_nothing_whatever_the_values_are(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", tags=["vip"], attributes={**EVERYTHING, "plan": "two\r\nlines"})
    before = shop.stored(ana)
    answer = shop.edit(ana)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/segments/{shop.gold}/customers")
    assert shop.stored(ana) == before
    assert "Nothing was changed" in shop.page(f"segments/{shop.gold}/customers")


def test_only_what_was_changed_is_sent(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", phone="912345678", tags=["vip"], attributes=EVERYTHING)
    before = fields_of(shop.page(f"customers/{ana}/edit"))
    shop.customer("crm-1", attributes={"score": 7})  # told by somebody else while the form is open
    answer = shop.console.post(f"/console/customers/{ana}/edit", data={**before, "attribute-plan": "free"})
    assert answer.status_code == 303
    after = shop.values(ana)
    assert (after["plan"], after["score"]) == ("free", 7)
    untouched = ("name", "phone", "tags", "active", "born", "last_order", "likes")
    assert [after[key] for key in untouched] == [
        "Ana", "+351912345678", ("vip",), True, "1990-05-20", "2026-07-01T10:00:00.123456Z", ("coffee, black", "tea"),
    ]  # fmt: skip


def test_every_type_of_attribute_is_edited_and_an_emptied_one_is_taken_away(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes=EVERYTHING)
    shop.edit(
        ana,
        **{
            "name": "Ana Sá", "opted_out": "yes", "tags": "vip\r\nbeta\r\n",
            "attribute-plan": "  silver ", "attribute-score": "98765432109876543210.5", "attribute-active": "false",
            "attribute-born": "1991-01-31", "attribute-last_order": "2026-12-24T18:00", "attribute-likes": "",
        },
    )  # fmt: skip
    assert shop.values(ana) == {
        "external_id": "crm-1", "name": "Ana Sá", "opted_out": True, "tags": ("beta", "vip"), "plan": "silver",
        "score": Decimal("98765432109876543210.5"), "active": False, "born": "1991-01-31",
        "last_order": "2026-12-24T18:00:00.000000Z",
    }  # fmt: skip
    shop.edit(ana, opted_out="", **{"attribute-active": "", "attribute-last_order": "2026-07-01T12:00:30"})
    after = shop.values(ana)
    assert "active" not in after
    assert (after["opted_out"], after["last_order"]) == (False, "2026-07-01T11:00:30.000000Z")


def test_an_attribute_that_she_does_not_have_yet_is_added(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana")
    address = f"/console/customers/{ana}/edit"
    fields = fields_of(shop.page(f"customers/{ana}/edit"))
    assert "attribute-score" not in fields
    typed = {**fields, "name": "Typed already", "add": "score", "action": "add"}
    with_score = fields_of(shop.console.post(address, data=typed).text)
    assert (with_score["attribute-score"], with_score["name"]) == ("", "Typed already")
    shop.console.post(address, data={**with_score, "attribute-score": "5"})
    assert (shop.values(ana)["score"], shop.values(ana)["name"]) == (5, "Typed already")


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("attribute-score", "a lot", "Write a number such as 1204 or 19.90"),
        ("attribute-score", "1" * 39, "More than 38 digits; round it"),
        ("attribute-born", "2026-02-30", "2026-02-30 is not a day of the calendar"),
        ("attribute-last_order", "yesterday", "Choose a day and a time"),
        ("name", "x" * 4_097, "Text of 4,097 characters"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_is_lost(
    shop: Shop, field: str, typed: str, told: str
) -> None:  # fmt: skip
    ana = shop.customer("crm-1", name="Ana", attributes=EVERYTHING)
    answer = shop.edit(ana, **{field: typed, "tags": "kept"})
    assert answer.status_code == 422
    assert re.search(rf'<p class="error" id="customer-{field}-error">{re.escape(told)}', answer.text)
    assert re.search(rf'<a href="#customer-{field}">[A-Z][a-z ]+: {re.escape(told)}', answer.text)
    again = fields_of(answer.text)
    assert (again[field], again["tags"].strip()) == (typed, "kept")
    assert "tags" not in shop.values(ana)


def test_after_an_edit_that_makes_her_leave_she_is_gone_when_one_is_back(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes={"plan": "gold"})
    assert names_in(shop.page(f"segments/{shop.gold}/customers")) == ["Ana"]
    back = shop.edit(ana, **{"attribute-plan": "free"}).headers["location"]
    shown = shop.console.get(back).text
    assert "Nobody is in this segment" in shown
    assert "Ana was saved" in shown


def test_who_was_erased_meanwhile_does_not_come_back_by_an_edit(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes={"plan": "gold"})
    fields = fields_of(shop.page(f"customers/{ana}/edit"))
    shop.installation.rollcall.customers.erase(shop.account_id, [ana])
    answer = shop.console.post(f"/console/customers/{ana}/edit", data={**fields, "name": "Back"})
    assert answer.status_code == 404
    shop.installation.catch_up()
    assert shop.console.get(f"/console/customers/{ana}/edit").status_code == 404


def test_somebody_of_another_account_is_not_found(shop: Shop) -> None:
    theirs = shop.installation.account("theirs")
    change = CustomerChange("crm-1", "changed", datetime.now(UTC), CustomerData(name="Theirs"))
    shop.installation.rollcall.customers.change(theirs, [change])
    shop.installation.catch_up()
    nobody = customer_id_of(theirs, "crm-1")
    fields = fields_of(shop.page(f"customers/{shop.customer('mine', name='Mine')}/edit"))
    assert shop.console.get(f"/console/customers/{nobody}/edit").status_code == 404
    assert shop.console.post(f"/console/customers/{nobody}/edit", data={**fields, "name": "Mine"}).status_code == 404


def test_after_saving_one_never_lands_on_another_site(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana")
    fields = fields_of(shop.page(f"customers/{ana}/edit"))
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example"):
        answer = shop.console.post(f"/console/customers/{ana}/edit", params={"from": elsewhere}, data=fields)
        assert answer.headers["location"].startswith("/console/")


def test_a_dynamic_segment_is_read_only_and_says_why(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes={"plan": "gold"})
    page = shop.page(f"segments/{shop.gold}/manage")
    assert "Membership is controlled by the filters: Plan equals gold ." in said(page)
    assert f'href="/console/segments/{shop.gold}/edit">change its filters' in page
    for action in ("Add Customers", "Import CSV", "Remove"):
        assert action not in page
    assert "Why?" in page
    base = f"/console/segments/{shop.gold}"
    assert shop.console.get(f"{base}/add").status_code == 409
    for what in ("add", "remove"):
        refused = shop.console.post(f"{base}/{what}", data={"customer_id": str(ana), "confirmed": "yes"})
        assert refused.status_code == 409
        assert "filters" in refused.text


def test_only_customers_not_already_in_the_segment_are_shown_and_those_ticked_are_added(shop: Shop) -> None:
    ana, rui, eva = (shop.customer(name, name=name) for name in ("Ana", "Rui", "Eva"))
    shop.put_in(ana)
    address = f"segments/{shop.by_hand}/add"
    assert names_in(shop.page(address)) == ["Eva", "Rui"]
    assert names_in(shop.page(f"{address}?query=rui")) == ["Rui"]
    nobody = shop.console.post(f"/console/{address}", data={"ticked": ""})
    assert nobody.status_code == 422
    assert "Tick at least one customer" in nobody.text
    # One by its box, one kept while searching, one who is in it already.
    answer = shop.console.post(f"/console/{address}", data={"customer_id": str(eva), "ticked": f"{rui} {ana} {eva}"})
    assert answer.headers["location"] == f"/console/segments/{shop.by_hand}/manage"
    page = shop.page(f"segments/{shop.by_hand}/manage")
    assert sorted(names_in(page)) == ["Ana", "Eva", "Rui"]
    assert "2 customers added to By hand; 1 was in it already" in page
    assert "Nobody is left to add" in shop.page(address)


def test_more_than_a_thousand_customers_are_added_and_removed_at_once(shop: Shop) -> None:
    now = shop.installation.now()
    changes = [CustomerChange(f"c{number}", "changed", now, CustomerData(name="Many")) for number in range(1_203)]
    outcomes = shop.installation.rollcall.customers.change(shop.account_id, changes).outcomes
    everyone = " ".join(str(outcome.customer_id) for outcome in outcomes)
    base = f"segments/{shop.by_hand}"
    shop.console.post(f"/console/{base}/add", data={"ticked": everyone})
    assert "1,203 customers" in said(shop.page(f"{base}/manage"))
    asked = shop.console.post(f"/console/{base}/remove", data={"ticked": everyone})
    assert "Remove 1,203 Customers" in asked.text
    assert "and 1193 more" in said(asked.text)
    answer = shop.console.post(f"/console/{base}/remove", data=fields_of(asked.text))
    assert answer.status_code == 303
    assert "Nobody is in this segment yet" in shop.page(f"{base}/manage")


def test_removing_asks_first_and_deletes_nobody(shop: Shop) -> None:
    ana, rui = (shop.customer(name, name=name) for name in ("Ana", "Rui"))
    shop.put_in(ana, rui)
    base = f"segments/{shop.by_hand}"
    asked = shop.page(f"{base}/remove?customer_id={ana}")
    assert "Remove Ana?" in asked
    assert names_in(shop.page(f"{base}/manage")) == ["Rui", "Ana"]
    shop.console.post(f"/console/{base}/remove", data=fields_of(asked))
    page = shop.page(f"{base}/manage")
    assert names_in(page) == ["Rui"]
    assert "1 customer removed from By hand" in page
    assert shop.values(ana)["name"] == "Ana"
    # A second time, from a page that was open all along, it does no harm.
    shop.console.post(f"/console/{base}/remove", data=fields_of(asked))
    assert "0 customers removed" in shop.page(f"{base}/manage")


def test_who_is_nobodys_id_is_refused(shop: Shop) -> None:
    for what in ("add", "remove"):
        answer = shop.console.post(f"/console/segments/{shop.by_hand}/{what}", data={"ticked": "nobody"})
        assert answer.status_code == 404

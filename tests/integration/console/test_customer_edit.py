"""Edit Customer, as a plain page and form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.customer import CustomerChange, CustomerData, customer_id_of
from tests.support.console.forms import fields_of
from tests.support.console.shop import EVERYTHING, Shop, names_in


def test_saving_without_a_change_writes_nothing_for_any_values(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", tags=["vip"], attributes={**EVERYTHING, "plan": "two\r\nlines"})
    before = shop.stored(ana)
    answer = shop.edit(ana)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/console/segments/{shop.gold}/customers")
    assert shop.stored(ana) == before
    assert "Nothing was changed" in shop.page(f"segments/{shop.gold}/customers")


def test_only_what_was_changed_is_sent(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", phone="912345678", tags=["vip"], attributes=EVERYTHING)
    before = fields_of(shop.page(f"customers/{ana}/edit"))
    shop.customer("crm-1", attributes={"score": 7})  # changed elsewhere while the form is open
    answer = shop.console.post(f"/console/customers/{ana}/edit", data={**before, "attribute-plan": "free"})
    assert answer.status_code == 303
    after = shop.values(ana)
    assert (after["plan"], after["score"]) == ("free", 7)
    untouched = ("name", "phone", "tags", "active", "born", "last_order", "likes")
    assert [after[key] for key in untouched] == [
        "Ana",
        "+351912345678",
        ("vip",),
        True,
        "1990-05-20",
        "2026-07-01T10:00:00.123456Z",
        ("coffee, black", "tea"),
    ]


def test_every_type_of_attribute_is_edited_and_an_emptied_one_is_removed(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes=EVERYTHING)
    shop.edit(
        ana,
        **{
            "name": "Ana Sá",
            "opted_out": "yes",
            "tags": "vip\r\nbeta\r\n",
            "attribute-plan": "  silver ",
            "attribute-score": "98765432109876543210.5",
            "attribute-active": "false",
            "attribute-born": "1991-01-31",
            "attribute-last_order": "2026-12-24T18:00",
            "attribute-likes": "",
        },
    )
    assert shop.values(ana) == {
        "external_id": "crm-1",
        "name": "Ana Sá",
        "opted_out": True,
        "tags": ("beta", "vip"),
        "plan": "silver",
        "score": Decimal("98765432109876543210.5"),
        "active": False,
        "born": "1991-01-31",
        "last_order": "2026-12-24T18:00:00.000000Z",
    }
    shop.edit(ana, opted_out="", **{"attribute-active": "", "attribute-last_order": "2026-07-01T12:00:30"})
    after = shop.values(ana)
    assert "active" not in after
    assert (after["opted_out"], after["last_order"]) == (False, "2026-07-01T11:00:30.000000Z")


def test_an_attribute_that_the_customer_lacks_is_added(shop: Shop) -> None:
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
    ("field", "typed", "error"),
    [
        ("attribute-score", "a lot", "Write a number such as 1204 or 19.90"),
        ("attribute-score", "1" * 39, "More than 38 digits; round it"),
        ("attribute-born", "2026-02-30", "2026-02-30 is not a day of the calendar"),
        ("attribute-last_order", "yesterday", "Choose a day and a time"),
        ("name", "x" * 4_097, "Text of 4,097 characters"),
    ],
)
def test_an_error_is_shown_beside_its_field_and_no_input_is_lost(
    shop: Shop, field: str, typed: str, error: str
) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes=EVERYTHING)
    answer = shop.edit(ana, **{field: typed, "tags": "kept"})
    assert answer.status_code == 422
    assert re.search(rf'<p class="error" id="customer-{field}-error">{re.escape(error)}', answer.text)
    assert re.search(rf'<a href="#customer-{field}">[A-Z][a-z ]+: {re.escape(error)}', answer.text)
    again = fields_of(answer.text)
    assert (again[field], again["tags"].strip()) == (typed, "kept")
    assert "tags" not in shop.values(ana)


def test_after_an_edit_that_ends_a_membership_the_list_no_longer_shows_the_customer(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes={"plan": "gold"})
    assert names_in(shop.page(f"segments/{shop.gold}/customers")) == ["Ana"]
    back = shop.edit(ana, **{"attribute-plan": "free"}).headers["location"]
    shown = shop.console.get(back).text
    assert "No customers in this segment" in shown
    assert "Ana was saved" in shown


def test_an_edit_does_not_create_an_erased_customer_again(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana", attributes={"plan": "gold"})
    fields = fields_of(shop.page(f"customers/{ana}/edit"))
    shop.installation.rollcall.customers.erase(shop.account_id, [ana])
    answer = shop.console.post(f"/console/customers/{ana}/edit", data={**fields, "name": "Back"})
    assert answer.status_code == 404
    shop.installation.catch_up()
    assert shop.console.get(f"/console/customers/{ana}/edit").status_code == 404


def test_a_customer_of_another_account_is_not_found(shop: Shop) -> None:
    theirs = shop.installation.account("theirs")
    change = CustomerChange("crm-1", "changed", datetime.now(UTC), CustomerData(name="Theirs"))
    shop.installation.rollcall.customers.change(theirs, [change])
    shop.installation.catch_up()
    other = customer_id_of(theirs, "crm-1")
    fields = fields_of(shop.page(f"customers/{shop.customer('mine', name='Mine')}/edit"))
    assert shop.console.get(f"/console/customers/{other}/edit").status_code == 404
    assert shop.console.post(f"/console/customers/{other}/edit", data={**fields, "name": "Mine"}).status_code == 404


def test_saving_never_leads_to_another_site(shop: Shop) -> None:
    ana = shop.customer("crm-1", name="Ana")
    fields = fields_of(shop.page(f"customers/{ana}/edit"))
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example"):
        answer = shop.console.post(f"/console/customers/{ana}/edit", params={"from": elsewhere}, data=fields)
        assert answer.headers["location"].startswith("/console/")

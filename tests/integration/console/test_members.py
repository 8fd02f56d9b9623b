"""View Customers, Manage Customers, Add Customers and Remove Customers, as plain pages and forms."""

from __future__ import annotations

import re

from domain.customer import CustomerChange, CustomerData
from tests.support.console.forms import fields_of, said
from tests.support.console.shop import EVERYTHING, Shop, names_in


def test_view_customers_lists_opt_out_status_attributes_tags_and_join_date(shop: Shop) -> None:
    shop.customer("crm-1", name="Ana <i>Sá</i>", phone="912345678", tags=["vip", "a&b"], attributes=EVERYTHING)
    shop.customer("crm-2", attributes={"plan": "GOLD"}, opted_out=True)
    shop.customer("crm-3", name="Not in it", attributes={"plan": "free"})
    page = shop.page(f"segments/{shop.gold}/customers")
    assert names_in(page) == ["No name", "Ana <i>Sá</i>"]
    text = said(page)
    for shown in (
        "+351912345678",
        "crm-1",
        "Opted in",
        "Opted out",
        "vip",
        "a&b",
        "Plan gold",
        "Born May 20, 1990",
        "Active True",
        "and 3 more",
        "Score 12345678901234567890.123456789",
        "Likes coffee, black and tea",
        "Last order Jul 1, 2026, 11:00",
    ):
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
    assert "No customer in this segment matches" in shop.page(f"{base}?query=zoe")
    first = shop.page(f"{base}?rows=10")
    following = re.search(r'href="/console/([^"]+)" rel="next"', first)
    assert following is not None
    second = shop.page(following.group(1).replace("&amp;", "&"))
    assert names_in(first) + names_in(second) == [
        f"{'Rui' if number % 2 else 'Ana'} {number:02}" for number in reversed(range(12))
    ]
    assert "11–12 of 12" in second


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
    answer = shop.console.post(f"/console/{address}", data={"ticked": ""})
    assert answer.status_code == 422
    assert "Tick at least one customer" in answer.text
    # One by its checkbox, one kept while searching, one already in the segment.
    answer = shop.console.post(f"/console/{address}", data={"customer_id": str(eva), "ticked": f"{rui} {ana} {eva}"})
    assert answer.headers["location"] == f"/console/segments/{shop.by_hand}/manage"
    page = shop.page(f"segments/{shop.by_hand}/manage")
    assert sorted(names_in(page)) == ["Ana", "Eva", "Rui"]
    assert "2 customers added to By hand; 1 was already in it" in page
    assert "No customers left to add" in shop.page(address)


def test_more_than_a_thousand_ticked_customers_are_added_and_all_who_match_removed_by_jobs(shop: Shop) -> None:
    now = shop.installation.now()
    changes = [CustomerChange(f"c{number}", "changed", now, CustomerData(name="Many")) for number in range(1_203)]
    outcomes = shop.installation.rollcall.customers.change(shop.account_id, changes).outcomes
    everyone = " ".join(str(outcome.customer_id) for outcome in outcomes)
    base = f"segments/{shop.by_hand}"
    progress = shop.console.post(f"/console/{base}/add", data={"ticked": everyone}).headers["location"]
    shop.installation.run_jobs()
    assert "Added 1,203" in said(shop.console.get(progress).text)
    assert "1,203 customers" in said(shop.page(f"{base}/manage"))
    asked = shop.console.post("/console/selected", data={
        "do": "remove", "segment": str(shop.by_hand), "all": "1", "in": str(shop.by_hand), "query": "man"
    })  # fmt: skip
    assert "Remove 1,203 Customers" in asked.text
    progress = shop.console.post(f"/console/{base}/remove", data=fields_of(asked.text)).headers["location"]
    shop.installation.run_jobs()
    assert "1,203 customers removed from By hand" in said(shop.console.get(progress).text)
    assert "No customers in this segment yet" in shop.page(f"{base}/manage")


def test_removing_asks_first_and_deletes_no_customer(shop: Shop) -> None:
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
    # A second time, from a page that was left open, it does nothing.
    shop.console.post(f"/console/{base}/remove", data=fields_of(asked))
    assert "0 customers removed" in shop.page(f"{base}/manage")


def test_an_id_of_no_customer_is_refused(shop: Shop) -> None:
    for what in ("add", "remove"):
        answer = shop.console.post(f"/console/segments/{shop.by_hand}/{what}", data={"ticked": "nobody"})
        assert answer.status_code == 404

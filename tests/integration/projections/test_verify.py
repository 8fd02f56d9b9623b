"""`rollcall verify` finds every member who should not be one, and everyone who should and is not."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.campaign import CampaignDraft
from domain.customer import CustomerChange, CustomerData, customer_id_of
from domain.segment import SegmentDraft
from projections.worker.verify import verify
from tests.support.installation import Installation

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


@pytest.fixture
def account(installation: Installation) -> UUID:
    """Four customers, one of which was deleted and created again."""
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    for name in ("a", "b", "c", "again"):
        change(installation, account, name)
    return account


def change(installation: Installation, account: UUID, name: str) -> None:
    data = CustomerData(attributes={"plan": "gold" if name == "a" else "silver"})
    installation.rollcall.customers.change(account, [CustomerChange(name, "changed", installation.now(), data)])


def static_segment(installation: Installation, account: UUID) -> UUID:
    """A static segment with a and again; again was deleted since, and c was added and removed."""
    rollcall = installation.rollcall
    segment = rollcall.segments.create(account, SegmentDraft("list")).id
    ids = {name: customer_id_of(account, name) for name in ("a", "c", "again")}
    rollcall.members.add(account, segment, list(ids.values()))
    rollcall.members.remove_one(account, segment, ids["c"])
    rollcall.customers.change(account, [CustomerChange(None, "deleted", installation.now(), customer_id=ids["again"])])
    change(installation, account, "again")
    installation.project()
    return segment


def corrupt(installation: Installation, statement: str, segment: UUID, name: str, account: UUID) -> None:
    """Change the read model without an event, and keep its counts consistent."""
    terms = {"segment": segment, "customer": customer_id_of(account, name)}
    with installation.owner() as owner:
        assert owner.execute(statement, terms).rowcount == 1
        owner.execute(
            "UPDATE segment_versions v SET members = (SELECT count(*) FROM members m WHERE m.version_no = v.version_no)"
        )


ADD = """INSERT INTO members (version_no, customer_no, joined_at, position, account_id)
         SELECT s.serving, c.customer_no, now(), 1, c.account_id FROM segments s, customers c
         WHERE s.segment_id = %(segment)s AND c.customer_id = %(customer)s"""
REMOVE = """DELETE FROM members m USING segments s, customers c
            WHERE m.version_no = s.serving AND m.customer_no = c.customer_no
              AND s.segment_id = %(segment)s AND c.customer_id = %(customer)s"""


def test_a_static_segment_as_in_the_log_has_no_difference(installation: Installation, account: UUID) -> None:
    static_segment(installation, account)
    assert list(verify(installation.url)) == []


@pytest.mark.parametrize("name", ["b", "c", "again"])
def test_a_wrongly_added_member_of_a_static_segment_is_found(
    installation: Installation, account: UUID, name: str
) -> None:
    """One that was never in it, one that was removed, and one that was deleted and created again."""
    segment = static_segment(installation, account)
    corrupt(installation, ADD, segment, name, account)
    who = customer_id_of(account, name)
    assert list(verify(installation.url)) == [
        f"segment {segment}: customer {who} is a member but was not added, or taken out since"
    ]


def test_a_missing_member_of_a_static_segment_is_found(installation: Installation, account: UUID) -> None:
    segment = static_segment(installation, account)
    corrupt(installation, REMOVE, segment, "a", account)
    who = customer_id_of(account, "a")
    assert list(verify(installation.url)) == [f"segment {segment}: customer {who} is no member but was added"]


@pytest.mark.parametrize(
    ("statement", "name", "relation"),
    [(ADD, "b", "is a member but does not match"), (REMOVE, "a", "is no member but matches")],
)
def test_a_wrong_member_of_a_dynamic_segment_is_found(
    installation: Installation, account: UUID, statement: str, name: str, relation: str
) -> None:
    segment = installation.rollcall.segments.create(account, SegmentDraft("gold", "", "dynamic", GOLD)).id
    installation.project()
    corrupt(installation, statement, segment, name, account)
    who = customer_id_of(account, name)
    assert list(verify(installation.url)) == [f"segment {segment}: customer {who} {relation}"]


def test_a_wrong_count_is_found(installation: Installation, account: UUID) -> None:
    segment = static_segment(installation, account)
    with installation.owner() as owner:
        owner.execute("UPDATE segment_versions SET members = 7")
    assert list(verify(installation.url)) == [f"segment {segment}: counted 7 members, has 1"]


@pytest.mark.parametrize("statement", ["UPDATE segment_days SET joins = joins + 1", "DELETE FROM segment_days"])
def test_a_day_that_counts_wrongly_is_found(installation: Installation, account: UUID, statement: str) -> None:
    segment = static_segment(installation, account)
    with installation.owner() as owner:
        assert owner.execute(statement).rowcount == 1
    (found,) = verify(installation.url)
    assert found.startswith(f"segment {segment}: the joins and leaves counted of ")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reach SET shared = true WHERE customer_id = %s",
        "UPDATE reach SET opted_out = true WHERE customer_id = %s",
        "DELETE FROM reach WHERE customer_id = %s",
    ],
)
def test_a_customer_whom_campaigns_would_read_wrongly_is_found(
    installation: Installation, account: UUID, statement: str
) -> None:
    installation.project()
    customer = customer_id_of(account, "a")
    with installation.owner() as owner:
        assert owner.execute(statement, [customer]).rowcount == 1
    assert list(verify(installation.url)) == [
        f"customer {customer}: what campaigns read of them differs from their own row"
    ]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM audience_blocks", "counted 1 recipients, holds 0, 0 of them customers"),
        ("UPDATE audience_blocks SET bits = ~bits", "counted 1 recipients, holds 511, 3 of them customers"),
        ("UPDATE audiences SET copied = 2", "counted 2 recipients, holds 1, 1 of them customers"),
    ],
)
def test_an_audience_that_counts_wrongly_is_found(
    installation: Installation, account: UUID, statement: str, found: str
) -> None:
    segment = static_segment(installation, account)
    data = CustomerData(phone="+351912345678")
    installation.rollcall.customers.change(account, [CustomerChange("a", "changed", installation.now(), data)])
    campaign = installation.rollcall.campaigns.create(account, CampaignDraft("Sale", [segment])).id
    audience = installation.rollcall.campaigns.freeze(account, campaign).id
    installation.project()
    assert list(verify(installation.url)) == []
    with installation.owner() as owner:
        assert owner.execute(statement).rowcount == 1
    assert list(verify(installation.url)) == [f"audience {audience}: {found}"]

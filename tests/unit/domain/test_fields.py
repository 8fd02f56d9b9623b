"""Chosen fields: what may be named, what is said of a name that there is not, and what a record then holds."""

from __future__ import annotations

import pytest

from domain.errors import Invalid
from domain.formats.fields import MOST, OF_CHANGE, OF_CUSTOMER, OF_MEMBER, Fields, parse_change_fields, parse_fields

KNOWN = ["plan", "last_order"]
VALUES = {"external_id": "c-1", "phone": "+351912345678", "plan": "gold", "opted_out": True}


def parsed(text: str, offered: tuple[str, ...] = OF_CUSTOMER) -> tuple[str, ...]:
    return parse_fields(text, offered, KNOWN, "/query/fields").names


def test_fields_are_named_by_commas_each_once() -> None:
    assert parsed("phone, name,phone") == ("phone", "name")
    assert parsed("attributes.plan,attributes,tags") == ("attributes", "tags"), "all attributes hold each of them"
    assert parsed("joined_at", OF_MEMBER) == ("joined_at",)


@pytest.mark.parametrize(
    ("text", "offered", "nearest"),
    [
        ("phnoe", OF_CUSTOMER, "phone"),
        ("plan", OF_CUSTOMER, "attributes.plan"),
        ("attributes.plam", OF_CUSTOMER, "attributes.plan"),
        ("attributes.", OF_CUSTOMER, "attributes"),
        ("id", OF_CHANGE, "external_id"),
        ("Phone", OF_CUSTOMER, "phone"),
        ("x" * 5_000, OF_CUSTOMER, "updated_at"),
    ],
)
def test_a_field_that_there_is_not_is_named_with_the_nearest(text: str, offered: tuple[str, ...], nearest: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(f"name,{text}", offered)
    (error,) = refused.value.errors
    assert (error.pointer, error.code) == ("/query/fields", "unknown_field")
    assert text[:50] in error.detail
    assert f"did you mean {nearest}?" in error.detail
    assert len(error.detail) < 500


@pytest.mark.parametrize("text", ["", ",", "name,", " "])
def test_a_field_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="a field without a name"):
        parsed(text)


def test_so_many_fields_are_refused() -> None:
    with pytest.raises(Invalid, match="too_many_fields"):
        parse_fields(",".join(f"attributes.a{n}" for n in range(MOST + 1)), OF_CUSTOMER, None, "")


def test_where_no_account_is_known_any_key_is_an_attribute() -> None:
    assert parse_fields("attributes.anything", OF_CUSTOMER, None, "").names == ("attributes.anything",)
    with pytest.raises(Invalid):
        parse_fields("attributes.Any Thing", OF_CUSTOMER, None, "")


def test_change_records_always_name_the_customer() -> None:
    assert parse_change_fields("phone,external_id", KNOWN, "").names == ("external_id", "phone")


def test_a_record_has_every_chosen_field_in_order_and_null_where_there_is_no_value() -> None:
    fields = Fields(("id", "name", "attributes.plan", "phone", "attributes.last_order", "tags", "opted_out"))
    shown = fields.of(VALUES, id="1")
    assert shown == {
        "id": "1", "name": None, "attributes": {"plan": "gold", "last_order": None}, "phone": "+351912345678",
        "tags": [], "opted_out": True,
    }  # fmt: skip
    assert list(shown) == ["id", "name", "attributes", "phone", "tags", "opted_out"]
    assert Fields(("attributes",)).of(VALUES) == {"attributes": {"plan": "gold"}}


def test_of_an_erased_customer_every_field_is_null() -> None:
    shown = Fields((*OF_CHANGE, "joined_at")).of(None, joined_at=7, created_at=None)
    assert shown == dict.fromkeys(OF_CHANGE) | {"joined_at": 7}
    assert Fields(("attributes.plan",)).of(None) == {"attributes": {"plan": None}}

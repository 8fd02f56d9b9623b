"""Foreign names and values as attributes: the table of the documentation, and what becomes of each kind of value."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.customer import CustomerData
from domain.formats.names import attribute_key, map_fields

PAGE = (Path(__file__).resolve().parents[3] / "deploy/docs/names.md").read_text()
TABLE = PAGE.partition("## Names\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \|$", TABLE, re.MULTILINE)


def left_out(fields: dict[str, Any]) -> dict[str, str]:
    return {each.name: each.code for each in map_fields(fields).left_out}


@pytest.mark.parametrize(("sent", "becomes"), ROWS)
def test_every_row_of_the_documented_table_holds(sent: str, becomes: str) -> None:
    name, _, inside = sent.partition(": ")
    value = json.loads(inside.replace("…", "1")) if inside else 1
    mapped = map_fields({name: value})
    if becomes.startswith("left out: "):
        assert [f"left out: `{each.code}`" for each in mapped.left_out] == [becomes]
        assert mapped.data == CustomerData()
    else:
        assert mapped == (CustomerData(attributes={becomes.strip("`"): 1}), [])


def test_the_table_is_read() -> None:
    assert len(ROWS) > 15


def test_the_documented_reasons_exist() -> None:
    source = (Path(__file__).resolve().parents[3] / "domain/formats/names.py").read_text()
    ours = set(re.findall(r'leave_out\([^"]*"(\w+)"', source))
    assert len(ours) == 5
    assert ours | {"opt_in_refused"} == set(re.findall(r"^\| `(\w+)` \| ", PAGE.partition("| code |")[2], re.MULTILINE))


def test_fields_of_the_customer_s_own() -> None:
    fields = {"Phone": 351912345678, "name": "Ana", "Tags": ["vip", 7], "optedOut": True, "email": "a@b.c"}
    assert map_fields(fields) == (
        CustomerData(
            phone="351912345678", name="Ana", tags=["vip", "7"], opted_out=True, attributes={"email": "a@b.c"}
        ),
        [],
    )
    assert map_fields({"phone": None, "name": None, "tags": None}).data == CustomerData(
        phone=None, name=None, tags=None
    )
    wrong = {"phone": True, "name": 5, "tags": "vip", "opted_out": "yes"}
    assert left_out(wrong) == dict.fromkeys(wrong, "invalid_value")


def test_a_first_and_a_last_name_are_the_name_where_there_is_no_other() -> None:
    assert map_fields({"firstName": " Ana ", "last_name": "Sá"}).data.name == "Ana Sá"
    for fields in ({"firstName": "Ana"}, {"firstName": "Ana", "lastName": " "}, {"firstName": "Ana", "lastName": 5}):
        assert "name" not in map_fields(fields).data.model_fields_set
    assert map_fields({"firstName": "Ana", "lastName": "Sá", "name": None}).data.name is None


def test_values_keep_their_type() -> None:
    fields = {"a": "42", "b": 42, "c": Decimal("1.50"), "d": True, "e": None, "f": ["x", 1, True, None, Decimal("2.5")]}
    assert map_fields(fields).data.attributes == fields | {"f": ["x", "1", "true", "2.5"]}
    assert left_out({"a": [{"b": 1}], "c": [["d"]]}) == {"a": "invalid_value", "c": "invalid_value"}
    assert map_fields({"a": {}, "b": {"c": {}}}) == (CustomerData(), [])


def test_of_two_names_with_one_key_the_exact_one_is_taken_or_else_the_first() -> None:
    for fields in ({"planName": 1, "plan_name": 2}, {"plan_name": 2, "planName": 1}):
        assert map_fields(fields).data.attributes == {"plan_name": 2}
        assert left_out(fields) == {"planName": "same_key"}
    assert map_fields({"planName": 1, "PlanName": 2}).data.attributes == {"plan_name": 1}
    assert left_out({"a.b": 1, "a": {"b": 2}}) == {"a.b": "same_key"}


def test_a_change_has_at_most_so_many_attributes() -> None:
    mapped = map_fields({f"a{number}": number for number in range(503)})
    assert len(mapped.data.attributes or {}) == 500
    assert {each.code for each in mapped.left_out} == {"too_many_attributes"}
    assert len(mapped.left_out) == 3


def test_a_name_is_shown_short_and_printable() -> None:
    (left,) = map_fields({"\x00я" * 100: 1}).left_out
    assert left.name == "�я" * 50
    assert attribute_key("a" * 64) is None

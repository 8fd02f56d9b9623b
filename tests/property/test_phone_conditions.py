"""Conditions on phone numbers, however both were spelled: the predicate, the flip index, SQL, and a naive answer agree.

The naive answer knows the rule from its page alone: whole numbers are what the public library makes of them in the
account's country, parts of one are compared without what people put between digits. A beginning is read as it would be
dialled in the account's country, and a whole number, dialled so, is a part of itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import phonenumbers
import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql

from domain.filters.parsing import parse
from domain.instants import Days
from domain.phones import phone_reader
from projections.matching.flip_index import FlipIndex
from projections.model.customers import CustomerBatch, new_customer
from projections.model.filter_sql import predicate
from projections.postgres.database import session_conninfo
from projections.postgres.row_writes import RowWrites
from tests.support.full_size import examples
from tests.support.oracles.event_log import fresh_database

COUNTRY = "GB"
NATIONAL = ("7400128001", "7400128002", "2079460018")
ABROAD = ("+351912345678", "+12015550123")
NEGATIVES = {"not_equals": "equals", "not_in": "in", "not_contains": "contains"}
BETWEEN = st.sampled_from(["", " ", "-", ".", "/", "(", ")", " (", ") ", "\u00a0", "\u2013", "\u200e", "\u200b"])


@st.composite
def spelled(draw: st.DrawFn, digits: str) -> str:
    """The digits with what people put between them."""
    return "".join(digit + (draw(BETWEEN) if draw(st.booleans()) else "") for digit in digits).rstrip("(")


@st.composite
def whole_numbers(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(st.sampled_from(ABROAD))
    prefix, digits = draw(st.sampled_from(["0", "+44", "44", "0044", "+44 (0)"])), draw(st.sampled_from(NATIONAL))
    text = draw(st.sampled_from(["", " ", "\u200e"])) + prefix + draw(spelled(digits))
    assume(e164(text) == f"+44{digits}")
    return text


parts = st.one_of(
    st.sampled_from(["+44", "+4474", "7400", "128001", "001", "46", "+351", "9", "12"]).flatmap(spelled),
    st.sampled_from(["0", "074", "07400 128", "0044 74", "0035191", "44 7400", "+44 (0)7400"]).flatmap(spelled),
    st.sampled_from(["\uff17\uff14\uff10\uff10", "07400"]),
    whole_numbers(),
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(["equals", "in", "contains", "starts_with", "ends_with", *NEGATIVES]))
    match NEGATIVES.get(operator, operator):
        case "equals":
            value: Any = draw(whole_numbers())
        case "in":
            value = draw(st.lists(whole_numbers(), min_size=1, max_size=3))
        case _:
            value = draw(parts)
    return {"attribute": "phone", "operator": operator, "value": value}


def e164(text: str) -> str:
    number = phonenumbers.parse("".join(char for char in text if char not in "\u200b\u200e"), COUNTRY)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_true(condition: dict[str, Any], phone: str | None) -> bool:
    operator, value = condition["operator"], condition["value"]
    if operator in NEGATIVES:
        return not is_true({"operator": NEGATIVES[operator], "value": value}, phone)
    if phone is None:
        return False
    if operator in ("equals", "in"):
        return phone in map(e164, [value] if operator == "equals" else value)
    part = "".join(str(int(char)) if char.isdigit() else char for char in value if char.isalnum() or char == "+")
    if operator == "starts_with":
        return phone.startswith(beginning(part))
    whole = valid(part)
    return {"contains": part in phone or phone == whole, "ends_with": phone.endswith(part) or phone == whole}[operator]


def valid(part: str) -> str | None:
    try:
        number = phonenumbers.parse(part, COUNTRY)
    except phonenumbers.NumberParseException:
        return None
    return e164(part) if phonenumbers.is_valid_number(number) else None


def beginning(part: str) -> str:
    """The rule for British numbers, as its page tells it."""
    for dialled, stored in (("+440", "+44"), ("+", "+"), ("00440", "+44"), ("00", "+"), ("0", "+44"), ("44", "+44")):
        if part.startswith(dialled):
            return valid(part) or stored + part.removeprefix(dialled)
    return f"+44{part}"


@pytest.fixture(scope="module")
def connection(postgres_url: str, template: str) -> Iterator[Connection[Any]]:
    """A session on a migrated database; every example rolls back."""
    with (
        fresh_database(postgres_url, template) as url,
        psycopg.connect(session_conninfo(url, "rollcall_worker"), autocommit=True) as opened,
    ):
        yield opened


PEOPLE: list[str | None] = [None, *(f"+44{each}" for each in NATIONAL), *ABROAD]


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.lists(conditions(), min_size=5, max_size=20))
def test_every_evaluator_reads_a_phone_number_as_a_customers_is(
    connection: Connection[Any], raw: list[dict[str, Any]]
) -> None:
    nodes = [parse(each, {"phone": "text"}, read_phone=phone_reader(COUNTRY)) for each in raw]
    index = FlipIndex()
    for version, node in enumerate(nodes):
        index.add(version, node)
    account, rows = uuid4(), CustomerBatch()
    for number, phone in enumerate(PEOPLE):
        row = new_customer(account, number + 1, uuid4(), 0)
        row.set("phone", "text", phone, Days(ZoneInfo("UTC")))
        rows.by_id[row.customer_id] = row
    by_sql = set()
    with connection.transaction(force_rollback=True):
        writes = RowWrites()
        rows.write(writes)
        writes.execute(connection)
        select = sql.SQL("SELECT {}::int, customer_no::int FROM customers c WHERE account_id = {} AND {}")
        asked = [select.format(sql.Literal(n), sql.Literal(account), predicate(node)) for n, node in enumerate(nodes)]
        by_sql = set(connection.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall())
    for number, phone in enumerate(PEOPLE):
        values: dict[str, Any] = {} if phone is None else {"phone": phone}
        by_index = set(index.members_of(values))
        for version, node in enumerate(nodes):
            expected = is_true(raw[version], phone)
            answers = (node.holds(values), version in by_index, (version, number + 1) in by_sql)
            assert answers == (expected, expected, expected), (raw[version], phone)

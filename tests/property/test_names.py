"""Foreign fields of any kind: every value is taken or named as left out, and our own names are never changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account import Account, schema_of
from domain.commands.changes.change_batch import ChangeBatch
from domain.customer import BUILT_IN, RESERVED, CustomerChange, customer_id_of
from domain.formats.names import attribute_key, left_out_of, map_fields
from domain.values import KEY_PATTERN, is_attribute_key
from tests.support.full_size import examples

ACCOUNT = Account(UUID(int=7), country="PT")
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
names = st.one_of(
    st.sampled_from(
        ["phone", "Phone", "name", "firstName", "last_name", "tags", "opted_out", "createdAt", "a.b", "a_b"]
    ),
    st.from_regex(KEY_PATTERN, fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
)
scalars = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20)
values = st.recursive(
    scalars | st.lists(scalars | st.dictionaries(names, scalars, max_size=1), max_size=3),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)
fields = st.dictionaries(names, values, max_size=8)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    else:
        yield value


@settings(max_examples=examples(800))
@given(fields)
def test_every_value_is_taken_or_named(sent: dict[str, Any]) -> None:
    data, left_out = map_fields(sent)
    taken = len(data.attributes or {}) + len(data.model_fields_set - {"attributes"})
    made_of_two = "name" in data.model_fields_set and all(attribute_key(name) != "name" for name in paths(sent))
    assert taken - made_of_two + len(left_out) == len(list(leaves(sent)))
    assert all(is_attribute_key(key) and key not in RESERVED for key in data.attributes or {})
    assert all(each.name.isprintable() or not each.name for each in left_out)


def paths(sent: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in sent.items():
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")
        else:
            yield above + name


@settings(max_examples=examples(800))
@given(names)
def test_a_key_is_its_own_key(name: str) -> None:
    key = attribute_key(name)
    if key is not None:
        assert attribute_key(key) == key
    if is_attribute_key(name) and name not in BUILT_IN and name != "segment":
        assert key == name


@settings(max_examples=examples(400))
@given(st.lists(fields, min_size=1, max_size=4))
def test_what_an_account_cannot_store_is_left_out_and_the_rest_is_stored(sent: list[dict[str, Any]]) -> None:
    """As an SDK sends it: no message is refused for a value, and the values that are named are not stored."""
    batch = ChangeBatch(ACCOUNT, schema_of([]), {}, NOW)
    for each in sent:
        data = map_fields(each).data
        batch.fold(customer_id_of(ACCOUNT.account_id, "ana"), CustomerChange("ana", "changed", NOW, data, partial=True))
        outcome = batch.outcomes[-1]
        assert outcome.result != "invalid"
        refused = {left.name for left in left_out_of(outcome.errors)}
        stored = next(iter(batch.states.values())).values()
        for key, value in (data.attributes or {}).items():
            if key not in refused and value is not None and value not in ("", []):
                assert key in stored or value is None

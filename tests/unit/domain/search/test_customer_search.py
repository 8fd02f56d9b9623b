"""A search is the same after it was stored as JSON, and every mistake in one is named."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.errors import Invalid
from domain.filters.customer_search import CustomerSearch, parse_customer_search

SEGMENT = UUID(int=7)


@pytest.mark.parametrize(
    "search",
    [
        CustomerSearch(),
        CustomerSearch("Braga"),
        CustomerSearch(filter=[]),
        CustomerSearch("vip", {"not": [{"attribute": "plan", "operator": "is_set"}]}, SEGMENT, UUID(int=8)),
    ],
)
def test_a_search_stays_the_same_as_json(search: CustomerSearch) -> None:
    assert parse_customer_search(search.to_json()) == search


def test_every_mistake_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        parse_customer_search({"text": 5, "in_segment": "x", "not_in_segment": 7, "query": "Ana"})
    assert [each.pointer for each in refused.value.errors] == ["/query", "/text", "/in_segment", "/not_in_segment"]


@pytest.mark.parametrize("text", ["a" * 201, "a\0b"])
def test_a_text_has_the_limits_of_a_search_box(text: str) -> None:
    with pytest.raises(Invalid, match="/text"):
        parse_customer_search({"text": text})

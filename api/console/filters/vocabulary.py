"""What the filter builder calls attributes, operators and periods.

A row of `domain.filters.operators` has the words of an operator within a sentence; here each is a choice of its own,
shown before its value: "Equals", "Is in the last … days".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.customer import BUILT_IN
from domain.filters.nesting import SEGMENT
from domain.filters.operators import OPERATORS, operator_named
from domain.filters.wording import SEGMENT_PHRASES
from domain.values import AttributeType
from projections.read.accounts import AttributeRow

BUILT_IN_WORDS = {
    "phone": "Phone",
    "name": "Name",
    "external_id": "External ID",
    "tags": "Tags",
    "opted_out": "Opted out",
    "created_at": "Created",
}
MEMBERSHIP_WORDS = "Segment membership"
MATCH_WORDS = {"all": "All of", "any": "Any of", "not_all": "Not all of", "none": "None of"}


class FilterVocabulary(NamedTuple):
    """The attributes and segments that the filters of one account may use; `groups` orders the attributes."""

    types: dict[str, AttributeType]
    labels: dict[str, str]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    segments: dict[str, str]

    def operators(self, attribute: str) -> list[tuple[str, str]]:
        """Returns the operators that an attribute allows, each with its words; none for an unknown attribute."""
        if attribute == SEGMENT:
            return [(name, _before_value(name, phrase)) for name, phrase in SEGMENT_PHRASES.items()]
        kind = self.types.get(attribute)
        if kind is None:
            return []
        return operators_in_words(kind)

    def label(self, attribute: str) -> str:
        """Returns the name of an attribute that people see."""
        return self.labels.get(attribute, attribute)


def operators_in_words(kind: AttributeType) -> list[tuple[str, str]]:
    """Returns the operators of a type, each with the words shown before its value."""
    return [(operator.name, _before_value(operator.name, operator.phrase)) for operator in OPERATORS[kind].values()]


def filter_vocabulary(attributes: Iterable[AttributeRow], segments: dict[str, str]) -> FilterVocabulary:
    """Returns what filters may use: the account's own attributes by label, the built-in ones, segments by id."""
    own = {row.key: row for row in attributes}
    labels = {key: row.label or key.replace("_", " ").capitalize() for key, row in own.items()}
    return FilterVocabulary(
        dict(BUILT_IN) | {key: row.type for key, row in own.items()},
        BUILT_IN_WORDS | labels | {SEGMENT: MEMBERSHIP_WORDS},
        (
            ("Your attributes", tuple(sorted(own, key=lambda key: (labels[key].casefold(), key)))),
            ("Of every customer", tuple(BUILT_IN_WORDS)),
            ("Other segments", (SEGMENT,)),
        ),
        segments,
    )


def unit_of(operator: str) -> str:
    """Returns what an operator counts, "days" or "hours"; an empty text for one that does not count."""
    row = operator_named(operator, None)
    return f"{row.unit}s" if row is not None and row.unit else ""


def period_words(name: str) -> str:
    """this_month -> This month."""
    return name.replace("_", " ").capitalize()


def _before_value(operator: str, phrase: str) -> str:
    unit = unit_of(operator)
    text = phrase.format(f"… {unit}" if unit else "").strip()
    return text[:1].upper() + text[1:]

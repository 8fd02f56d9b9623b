"""How the filter builder names attributes, operators and periods.

What an operator says is in its row of `domain.filters.operators`;
here they stand before their value: "Equals", "Is in the last … days".
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
    "phone": "Phone", "name": "Name", "external_id": "External ID", "tags": "Tags", "opted_out": "Opted out",
    "created_at": "Created",
}  # fmt: skip
MEMBERSHIP = "Segment membership"
MATCH_WORDS = {"all": "All of", "any": "Any of", "not_all": "Not all of", "none": "None of"}


class Vocabulary(NamedTuple):
    """The attributes and segments that a filter of one account may speak of."""

    types: dict[str, AttributeType]
    labels: dict[str, str]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    segments: dict[str, str]

    def operators(self, attribute: str) -> list[tuple[str, str]]:
        """The operators that an attribute allows, each with its words; none for an unknown attribute."""
        if attribute == SEGMENT:
            return [(name, _before_value(name, phrase)) for name, phrase in SEGMENT_PHRASES.items()]
        kind = self.types.get(attribute)
        if kind is None:
            return []
        return operators_in_words(kind)

    def label(self, attribute: str) -> str:
        """How people call an attribute."""
        return self.labels.get(attribute, attribute)


def operators_in_words(kind: AttributeType) -> list[tuple[str, str]]:
    """The operators of a type, each as it stands before its value."""
    return [(operator.name, _before_value(operator.name, operator.phrase)) for operator in OPERATORS[kind].values()]


def vocabulary(attributes: Iterable[AttributeRow], segments: dict[str, str]) -> Vocabulary:
    """What filters may speak of: the account's own attributes by label, the built-in ones, segments by id."""
    own = {row.key: row for row in attributes}
    labels = {key: row.label or key.replace("_", " ").capitalize() for key, row in own.items()}
    return Vocabulary(
        dict(BUILT_IN) | {key: row.type for key, row in own.items()},
        BUILT_IN_WORDS | labels | {SEGMENT: MEMBERSHIP},
        (
            ("Your attributes", tuple(sorted(own, key=lambda key: (labels[key].casefold(), key)))),
            ("Of every customer", tuple(BUILT_IN_WORDS)),
            ("Other segments", (SEGMENT,)),
        ),
        segments,
    )


def unit_of(operator: str) -> str:
    """What an operator counts, "days" or "hours"; nothing for one that does not count."""
    row = operator_named(operator, None)
    return f"{row.unit}s" if row is not None and row.unit else ""


def period_words(name: str) -> str:
    """this_month -> This month."""
    return name.replace("_", " ").capitalize()


def _before_value(operator: str, phrase: str) -> str:
    unit = unit_of(operator)
    text = phrase.format(f"… {unit}" if unit else "").strip()
    return text[:1].upper() + text[1:]

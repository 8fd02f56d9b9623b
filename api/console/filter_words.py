"""How the filter builder names things: attributes, operators, periods, months. One table; the builder shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from domain.customer import BUILT_IN
from domain.nesting import SEGMENT
from domain.operators import operators_of
from domain.values import AttributeType
from projections.read.accounts import AttributeRow

OPERATOR_WORDS = {
    "equals": "Equals", "not_equals": "Does not equal", "in": "Is any of", "not_in": "Is none of",
    "contains": "Contains", "not_contains": "Does not contain", "starts_with": "Starts with", "ends_with": "Ends with",
    "less_than": "Is less than", "at_most": "Is at most", "greater_than": "Is greater than", "at_least": "Is at least",
    "between": "Is between", "not_between": "Is not between",
    "includes_any": "Includes any of", "includes_none": "Includes none of",
    "includes_all": "Includes all of", "not_includes_all": "Does not include all of",
    "before": "Is before", "on_or_before": "Is on or before", "after": "Is after", "on_or_after": "Is on or after",
    "on": "Is on", "not_on": "Is not on",
    "in_last_hours": "In the last … hours", "in_last_days": "In the last … days",
    "in_next_hours": "In the next … hours", "in_next_days": "In the next … days",
    "more_than_days_ago": "More than … days ago", "more_than_days_ahead": "More than … days ahead",
    "in_period": "Is in", "month_is": "Month is", "anniversary_in_period": "Anniversary is in",
    "anniversary_in_last_days": "Anniversary in the last … days",
    "anniversary_in_next_days": "Anniversary in the next … days",
    "is_set": "Has a value", "is_not_set": "Has no value",
}  # fmt: skip
BOOLEAN_WORDS = {"equals": "Is", "not_equals": "Is not"}
MEMBERSHIP_WORDS = {"in": "Is in any of", "not_in": "Is in none of"}
BUILT_IN_WORDS = {
    "phone": "Phone", "name": "Name", "external_id": "External ID", "tags": "Tags", "opted_out": "Opted out",
    "created_at": "Created",
}  # fmt: skip
MEMBERSHIP = "Segment membership"
MATCH_WORDS = {"all": "All of", "any": "Any of", "not_all": "Not all of", "none": "None of"}
# What stands after the number of an operator that counts.
UNITS = {
    "in_last_hours": "hours", "in_next_hours": "hours", "in_last_days": "days", "in_next_days": "days",
    "more_than_days_ago": "days ago", "more_than_days_ahead": "days ahead", "anniversary_in_last_days": "days",
    "anniversary_in_next_days": "days",
}  # fmt: skip


class Vocabulary(NamedTuple):
    """The attributes and segments that a filter of one account may speak of."""

    types: dict[str, AttributeType]
    labels: dict[str, str]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    segments: dict[str, str]

    def operators(self, attribute: str) -> list[tuple[str, str]]:
        """The operators that an attribute allows, each with its words; none for an unknown attribute."""
        if attribute == SEGMENT:
            return list(MEMBERSHIP_WORDS.items())
        kind = self.types.get(attribute)
        if kind is None:
            return []
        return operators_in_words(kind)

    def label(self, attribute: str) -> str:
        """How people call an attribute."""
        return self.labels.get(attribute, attribute)


def operators_in_words(kind: AttributeType) -> list[tuple[str, str]]:
    """The operators that a type allows, each with its words."""
    words = OPERATOR_WORDS | BOOLEAN_WORDS if kind == "boolean" else OPERATOR_WORDS
    return [(name, words[name]) for name in operators_of(kind)]


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


def period_words(name: str) -> str:
    """this_month -> This month."""
    return name.replace("_", " ").capitalize()

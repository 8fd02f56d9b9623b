"""What the filter builder calls attributes, operators and periods.

A row of `domain.filters.operators` has the words of an operator within a sentence; here each is a choice of its own,
shown before its value: "Equals", "Is in the last … days".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.calendar import PERIODS
from domain.customer import BUILT_IN
from domain.filters.behaviour.reading import NO_ACTIVITIES, Activities
from domain.filters.nesting import SEGMENT
from domain.filters.operators import OPERATORS, Family, Operator, operator_named
from domain.filters.wording import SEGMENT_PHRASES
from domain.texts.language import said
from domain.values import AttributeType, fold
from projections.read.accounts import AttributeRow
from projections.read.behaviour.known import MOVING

BUILT_IN_WORDS = {
    "phone": said("Phone"),
    "name": said("Name"),
    "external_id": said("External ID"),
    "tags": said("Tags"),
    "opted_out": said("Opted out"),
    "created_at": said("Created"),
}
MEMBERSHIP_WORDS = said("Segment membership")
MATCH_WORDS = {
    "all": said("all of these are true"),
    "any": said("at least one of these is true"),
    "none": said("none of these are true"),
    "not_all": said("not all of these are true"),
}
NEGATED_MATCH = {"all": "not_all", "any": "none", "not_all": "all", "none": "any"}
MOVE_WORDS = {
    "up": said("Move up"),
    "down": said("Move down"),
    "in-above": said("Move into the group above"),
    "in-below": said("Move into the group below"),
    "wrap": said("Put into a group of its own"),
    "out": said("Move out of the group"),
}
FAMILY_WORDS: dict[Family, str] = {
    "value": said("Value"),
    "date": said("Seen from today"),
    "yearly": said("Every year"),
    "empty": said("Filled or empty"),
}
TYPE_WORDS: dict[AttributeType, str] = {
    "text": said("Text"),
    "number": said("Number"),
    "boolean": said("True or false"),
    "date": said("Date"),
    "datetime": said("Date and time"),
    "list": said("List of texts"),
}
# What is asked of behaviour, as it is chosen.
AGGREGATE_WORDS = {
    "count": said("How many times"),
    "sum": said("Total of …"),
    "max": said("Highest …"),
    "min": said("Lowest …"),
    "average": said("Average …"),
    "distinct": said("Number of different …"),
    "latest": said("Latest …"),
    "first_at": said("First time"),
    "last_at": said("Last time"),
}
WINDOW_WORDS = {
    "last_days": said("In the last … days"),
    "last_hours": said("In the last … hours"),
    "in_period": said("In the calendar period …"),
    "between": said("Between … and …"),
    "since": said("Since …"),
    "ever": said("Ever"),
}
# Facts lie in the past.
WINDOW_PERIODS = tuple(each for each in PERIODS if each != "tomorrow" and not each.startswith("next_"))
# In the place of an attribute, before the key of an activity: a condition on what was done.
DID = "did:"


class FilterVocabulary(NamedTuple):
    """The attributes, segments and activities that the filters of one account may use; `groups` orders the attributes.

    `fixed`: of the properties of an activity, in the place of attributes.
    """

    types: dict[str, AttributeType]
    labels: dict[str, str]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    segments: dict[str, str]
    # The attributes of which no values are counted, as they follow from what customers do.
    computed: frozenset[str] = frozenset()
    activities: Activities = NO_ACTIVITIES
    fixed: bool = False

    def about(self, activity: str) -> FilterVocabulary:
        """Returns the words of the properties of an activity; these words themselves for no activity."""
        if not activity:
            return self
        types = dict(self.activities.get(activity, {}))
        labels = {key: in_words(key) for key in types}
        return FilterVocabulary(types, labels, (("", tuple(sorted(types))),), {}, fixed=True)

    def operators(self, attribute: str) -> list[tuple[str, str]]:
        """Returns the operators that an attribute allows, each with its words; none for an unknown attribute."""
        return [each for _, options in self.operator_groups(attribute) for each in options]

    def operator_groups(self, attribute: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Returns the operators of an attribute by what they look at, each group with its words."""
        if attribute == SEGMENT and not self.fixed:
            return [("", [(name, _before_value(name, phrase)) for name, phrase in SEGMENT_PHRASES.items()])]
        kind = self.types.get(attribute)
        return [] if kind is None else operator_groups(kind, moving=not self.fixed)

    def segment_named(self, text: str) -> str | None:
        """Returns the id of the segment with this id or name, of those that the vocabulary has."""
        if text in self.segments:
            return text
        wanted = fold(text)
        return next((each for each, name in self.segments.items() if fold(name) == wanted), None)

    def label(self, attribute: str) -> str:
        """Returns the name of an attribute that people see."""
        if attribute.startswith(DID):
            return in_words(attribute.removeprefix(DID)) or said("Something they did")
        return self.labels.get(attribute, attribute)


def operator_groups(kind: AttributeType, *, moving: bool = True) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the operators of a type by what they look at; those that move with time only if `moving`."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for operator in OPERATORS[kind].values():
        if moving or operator.takes not in MOVING:
            groups.setdefault(FAMILY_WORDS[operator.family], []).append((operator.name, _choice(operator)))
    return list(groups.items())


def in_words(key: str) -> str:
    """order_completed -> Order completed."""
    return key.replace("_", " ").capitalize()


def operators_in_words(kind: AttributeType) -> list[tuple[str, str]]:
    """Returns the operators of a type, each with the words shown before its value."""
    return [(operator.name, _choice(operator)) for operator in OPERATORS[kind].values()]


def filter_vocabulary(
    attributes: Iterable[AttributeRow],
    segments: dict[str, str],
    activities: Mapping[str, Mapping[str, AttributeType]] = NO_ACTIVITIES,
) -> FilterVocabulary:
    """Returns what filters may use: the account's own attributes by label, the built-in ones, segments by id."""
    own = {row.key: row for row in attributes}
    labels = {key: row.label or in_words(key) for key, row in own.items()}
    return FilterVocabulary(
        dict(BUILT_IN) | {key: row.type for key, row in own.items()},
        BUILT_IN_WORDS | labels | {SEGMENT: MEMBERSHIP_WORDS},
        (
            (said("Your attributes"), tuple(sorted(own, key=lambda key: (labels[key].casefold(), key)))),
            (said("Something they did"), tuple(f"{DID}{each}" for each in sorted(activities))),
            (said("Of every customer"), tuple(BUILT_IN_WORDS)),
            (said("Other segments"), (SEGMENT,)),
        ),
        segments,
        frozenset(key for key, row in own.items() if row.computed is not None),
        activities,
    )


def unit_of(operator: str) -> str:
    """Returns what an operator counts, "days" or "hours"; an empty text for one that does not count."""
    row = operator_named(operator, None)
    return {"": "", "day": said("days"), "hour": said("hours")}[row.unit if row is not None else ""]


def period_words(name: str) -> str:
    """this_month -> This month."""
    return said(name.replace("_", " ").capitalize())


def _choice(operator: Operator) -> str:
    return operator.choice or _before_value(operator.name, operator.phrase)


def _before_value(operator: str, phrase: str) -> str:
    unit = unit_of(operator)
    text = phrase.format(f"… {unit}" if unit else "").strip()
    return said(text[:1].upper() + text[1:])

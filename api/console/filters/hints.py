"""What to do about a condition that matches no customer by itself: the values that customers have, or the other year.

Shown beside the condition by the live count of a segment's form (`api.console.segments.preview`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from api.console.filters.form import FilterGroup, FilterRow
from api.console.filters.values import from_json_line, to_json_line
from api.console.filters.vocabulary import FilterVocabulary
from domain.calendar import RETURN_PERIODS
from domain.texts.language import Language
from projections.read.attributes import known

# Of so many conditions the known values are looked up, and so many values are named.
MOST_LOOKED_UP, MOST_NAMED = 5, 3
COMPARED = ("equals", "in", "includes_any", "includes_all")


class Remedy(NamedTuple):
    """A button that changes the condition: what it sends, and what it says."""

    action: str
    label: str


class Hint(NamedTuple):
    """What is said beside a condition."""

    text: str
    remedies: list[Remedy]


class Hints(NamedTuple):
    """What hints are made from: the known values of an account, in the words of a language."""

    account_id: UUID
    vocabulary: FilterVocabulary
    language: Language

    def by_path(self, connection: Any, root: FilterGroup, counts: Mapping[str, int]) -> dict[str, Hint]:
        """Returns a hint for each condition that matches no customer by itself."""
        empty = [
            node for _, node in root.descendants() if isinstance(node, FilterRow) and counts.get(node.path, 1) == 0
        ]
        return {
            row.path: self._hint(connection, row, looks_up=place < MOST_LOOKED_UP) for place, row in enumerate(empty)
        }

    def _hint(self, connection: Any, row: FilterRow, *, looks_up: bool) -> Hint:
        say = self.language.gettext
        if row.operator == "in_period":
            yearly = row.text("value") in RETURN_PERIODS
            remedies = [Remedy(f"yearly:{row.path}", say("Ignore the year"))] if yearly else []
            return Hint(say("No customer matches this alone: the year counts."), remedies)
        kind = self.vocabulary.types.get(row.attribute)
        is_counted = row.attribute not in self.vocabulary.computed
        if row.operator not in COMPARED or kind is None or not is_counted or not looks_up:
            return Hint(say("No customer matches this alone."), [])
        found = known.values(connection, self.account_id, row.attribute, kind).values[:MOST_NAMED]
        label = self.vocabulary.label(row.attribute)
        if not found:
            return Hint(say("No customer has a value of %(label)s.", label=label), [])
        asked = ", ".join(f"“{each}”" for each in _asked(row))
        text = say("No customer has %(value)s. Known:", value=asked)
        several = row.inputs[0] == "several"
        return Hint(text, [Remedy(f"use:{row.path}:{_sent(each.value, several)}", _named(each)) for each in found])


def _asked(row: FilterRow) -> Iterator[str]:
    texts = [from_json_line(item) for item in row.all("item")] if row.inputs[0] == "several" else row.all("value")
    for text in texts[:MOST_NAMED]:
        yield {"true": "True", "false": "False"}.get(str(text), str(text))


def _sent(value: Any, several: bool) -> str:
    if several or isinstance(value, bool):
        return to_json_line(value)
    return known.text_of(value)


def _named(each: known.ValueCount) -> str:
    return f"{known.text_of(each.value)} ({each.customers:,})"

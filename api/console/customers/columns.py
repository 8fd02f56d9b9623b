"""The columns of the page Customers: which there are, which are shown, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from api.console.filters.vocabulary import FilterVocabulary
from domain.filters.nesting import SEGMENT
from domain.filters.wording import Words
from projections.read.customers import CustomerRow

# The first column names the customer: with the name, the phone number and the external id.
NAMED = frozenset({"name", "phone", "external_id", SEGMENT})
USUAL = ("opted_out", "tags")
# So many of the account's own attributes are shown where none were chosen: first those that the filter asks about.
USUAL_ATTRIBUTES = 3


class Column(NamedTuple):
    """A column: the key of an attribute, and how it is headed."""

    key: str
    label: str


class Cell(NamedTuple):
    """What a column shows of a customer: `value` as it is stored, `text` in words, empty where there is none."""

    key: str
    label: str
    value: Any
    text: str


def choices(vocabulary: FilterVocabulary) -> list[Column]:
    """Returns every column that there is, as the filter builder orders attributes."""
    keys = [key for _, group in vocabulary.groups for key in group if key not in NAMED]
    return [Column(key, vocabulary.label(key)) for key in keys]


def chosen(keys: Sequence[str] | None, raw_filter: Any, vocabulary: FilterVocabulary) -> list[Column]:
    """Returns the columns that are shown; those chosen that there no longer are, are left out."""
    known = choices(vocabulary)
    if keys is None:
        own = [key for group in vocabulary.groups[:1] for key in group[1]]
        asked = [key for key in dict.fromkeys(_attributes_of(raw_filter)) if key in own]
        keys = (*USUAL, *[*asked, *(key for key in own if key not in asked)][: max(len(asked), USUAL_ATTRIBUTES)])
    return [column for column in known if column.key in keys]


def cells(row: CustomerRow, columns: Sequence[Column], words: Words) -> list[Cell]:
    """Returns the cells of a customer."""
    values = row.values | {"tags": list(row.values.get("tags", ()))}
    return [
        Cell(key, label, value := values.get(key), "" if value in (None, []) else words.value(key, value))
        for key, label in columns
    ]


def _attributes_of(raw: Any) -> Iterator[str]:
    """Yields the attributes that a filter asks about, in its order."""
    if isinstance(raw, list):
        for each in raw:
            yield from _attributes_of(each)
    elif isinstance(raw, dict):
        if isinstance(raw.get("attribute"), str):
            yield raw["attribute"]
        for name in ("all", "any", "not"):
            yield from _attributes_of(raw.get(name))

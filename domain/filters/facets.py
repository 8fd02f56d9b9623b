"""Facets: what conditions see of a value.

A text or list has one facet, folded. A datetime has three: the instant itself (`key`), its day in the account's
zone (`key@day`), and the instant from which its age counts (`key@age`, microseconds since 1970). Derived by
the worker when a value is stored; an operator names the facet that it reads.
"""

from __future__ import annotations

from domain.instants import Days, micros_of_text
from domain.values import AttributeType, Value, matchable

FOLDED: tuple[AttributeType, ...] = ("text", "list")


def facets_of(key: str, kind: AttributeType, value: Value | None, days: Days) -> dict[str, Value | None]:
    """What conditions see of a value: itself, folded; of a datetime also its day, and the instant its age is from."""
    if kind == "datetime":
        text = value if isinstance(value, str) else None
        return {
            key: text,
            f"{key}@day": None if text is None else days.day_text(text),
            f"{key}@age": None if text is None else micros_of_text(text),
        }
    return {key: matchable(value) if kind in FOLDED and value is not None else value}

"""A search of customers: a text, a filter, and segments that they are or are not in. All that is given must hold.

A value: what was asked for, as it was given; a job can store it as JSON and run it later. Who matches at a moment is
found by `projections.read.searches`. Used by the API, the console, and whatever acts on everybody who matches.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from domain.errors import FieldError, Invalid
from domain.texts.language import said

MAX_TEXT = 200
FIELDS = ("text", "filter", "in_segment", "not_in_segment")


class CustomerSearch(NamedTuple):
    """What is asked of a customer. A blank `text` and a `filter` of `None` ask nothing.

    `filter` is in JSON form; one without conditions matches no customer, as everywhere.
    """

    text: str = ""
    filter: Any = None
    in_segment: UUID | None = None
    not_in_segment: UUID | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the search as JSON, without what it does not ask; `parse_customer_search` reads it."""
        given = {
            "text": self.text.strip() or None,
            "filter": self.filter,
            "in_segment": self.in_segment and str(self.in_segment),
            "not_in_segment": self.not_in_segment and str(self.not_in_segment),
        }
        return {name: value for name, value in given.items() if value is not None}


def parse_customer_search(raw: Any) -> CustomerSearch:
    """Returns the search that JSON holds; its filter is not read yet. Raises `Invalid` with each mistake."""
    if not isinstance(raw, dict):
        raise Invalid.at(
            "", "invalid_body", said("needs a JSON object with text, filter, in_segment or not_in_segment")
        )
    errors = [
        FieldError(f"/{key}", "invalid_field", said("no such field of a search")) for key in raw if key not in FIELDS
    ]
    text = raw.get("text")
    if text is not None and not (isinstance(text, str) and len(text) <= MAX_TEXT and "\0" not in text):
        errors.append(
            FieldError(
                "/text", "invalid_field", said("needs a text of at most %(max_text)s characters", max_text=MAX_TEXT)
            )
        )
    segments: list[UUID | None] = []
    for name in FIELDS[2:]:
        try:
            segments.append(None if raw.get(name) is None else UUID(raw[name]))
        except (ValueError, AttributeError, TypeError):
            errors.append(FieldError(f"/{name}", "invalid_field", said("needs the id of a segment")))
    if errors:
        raise Invalid(
            "invalid_body", said("%(pointer)s: %(detail)s", pointer=errors[0].pointer, detail=errors[0].detail), errors
        )
    return CustomerSearch(text or "", raw.get("filter"), *segments)

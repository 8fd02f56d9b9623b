"""A filter that is pasted into the builder as JSON, as the API takes it: its form is checked, and mistakes are placed.

What the domain finds wrong with it, such as an unknown attribute, is noted beside the condition once it is shown.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from domain import json_text
from domain.errors import Invalid
from domain.filters.parsing import MAX_DEPTH
from domain.texts.language import said

# The name of the field.
PASTED = "filter_json"
MOST_CHARACTERS = 200_000
# What JSON needs at the place where Python's parser stops, by how its messages begin.
_OTHERWISE = said("this is not JSON")
_MISSING = {
    "Expecting value": said("a value is missing, or a text has no quotation marks"),
    "Expecting property name": said("the name of a field is missing, in double quotation marks"),
    "Expecting ':'": said("a colon is missing after the name of the field"),
    "Expecting ','": said("a comma is missing, or the closing bracket"),
    "Illegal trailing comma": said("there is a comma too many"),
    "Unterminated string": said("this text has no closing quotation mark"),
    "Invalid control character": said("a text cannot go over several lines"),
    "Invalid \\": said("a backslash in a text is written twice"),
    "Extra data": said("the JSON ends before this; remove the rest"),
}


class Pasted(NamedTuple):
    """A filter that the builder can show, or what is wrong with the text; neither for an empty text."""

    json: Any
    error: str


def parse_pasted(text: str) -> Pasted:
    """Returns the filter in a text."""
    if not text.strip() or len(text) > MOST_CHARACTERS:
        return Pasted(None, "" if not text.strip() else f"At most {MOST_CHARACTERS:,} characters.")
    try:
        raw = json_text.parse(text.encode("utf-8", "replace"))
    except Invalid as invalid:
        return Pasted(None, place_of(text) or f"{invalid.detail}.")
    if isinstance(raw, dict) and raw.keys() & {"filter"}:
        raw = raw["filter"]  # the whole body of a request
    wrong = misshapen(raw)
    return Pasted(None, wrong) if wrong else Pasted(raw, "")


def place_of(text: str) -> str:
    """Returns where a text stops being JSON, and what belongs there; empty where that cannot be said."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        missing = next((words for begin, words in _MISSING.items() if error.msg.startswith(begin)), _OTHERWISE)
        return said("Line %(line)s, character %(column)s: %(missing)s.", line=error.lineno, column=error.colno,
                    missing=missing)  # fmt: skip
    except (ValueError, RecursionError):
        pass
    return ""


def misshapen(raw: Any, pointer: str = "/filter", depth: int = 0) -> str:
    """Returns why a node cannot be shown, with its place; empty where it can."""
    if depth > MAX_DEPTH:
        return f"{pointer}: groups may be nested {MAX_DEPTH} deep."
    if isinstance(raw, dict) and "activity" in raw:
        return ""  # what is wrong with it the domain says
    if isinstance(raw, dict) and "attribute" in raw:
        if isinstance(raw["attribute"], str) and isinstance(raw.get("operator"), str):
            return _wrong_value(raw.get("value"), pointer)
        return f"{pointer}: attribute and operator have to be texts."
    if isinstance(raw, dict) and raw.keys() == {"not"}:
        return misshapen(raw["not"], f"{pointer}/not", depth + 1)
    word = next((each for each in ("all", "any") if isinstance(raw, dict) and raw.keys() == {each}), None)
    nodes = raw[word] if word else raw
    if not isinstance(nodes, list):
        return f"{pointer}: needs a condition (attribute, operator, value), an array, or exactly one of all, any, not."
    inner = f"{pointer}/{word}" if word else pointer
    return next((wrong for i, each in enumerate(nodes) if (wrong := misshapen(each, f"{inner}/{i}", depth + 1))), "")


def _wrong_value(value: Any, pointer: str) -> str:
    plain = value if isinstance(value, list) else [value]
    return (
        f"{pointer}/value: has to be a value or an array of values."
        if any(isinstance(each, dict | list) for each in plain)
        else ""
    )

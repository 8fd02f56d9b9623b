"""A whole filter in words: "Plan equals gold and (Country is PT or ES)". Used where two filters stand side by side."""

from __future__ import annotations

from typing import Any

from api.console.conditions import Words

NOBODY = "No filters"


def filter_sentence(raw: Any, words: Words) -> str:
    """What a stored filter asks, in the words of the account."""
    return _phrase(raw, words, outermost=True)


def _phrase(raw: Any, words: Words, *, outermost: bool = False) -> str:
    if isinstance(raw, dict) and "attribute" in raw:
        return words.condition(raw)
    if isinstance(raw, dict) and "not" in raw:
        return f"not ({_phrase(raw['not'], words, outermost=True)})"
    match = "any" if isinstance(raw, dict) and "any" in raw else "all"
    nodes = raw[match] if isinstance(raw, dict) else raw
    if not nodes:
        return NOBODY if outermost else "nobody"
    parts = [_phrase(each, words, outermost=len(nodes) == 1 and outermost) for each in nodes]
    joined = (" or " if match == "any" else " and ").join(parts)
    return joined if outermost or len(parts) == 1 else f"({joined})"

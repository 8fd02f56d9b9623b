"""A condition on what customers did, as the builder shows it: what it asks, in which window, and what that needs.

Its row has the activity in the place of an attribute (`DID`), the conditions on properties in its group `where`, and
the texts of the other inputs among its `texts`. Used by `form` and `conversion`; the texts of a window and the window
in JSON form are each other's inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from api.console.filters.values import (
    NotAValue,
    exact_json,
    value_from_text,
    value_from_text_or_exact,
    value_to_text,
)
from api.console.filters.vocabulary import WINDOW_PERIODS, WINDOW_WORDS
from domain.errors import Invalid
from domain.filters.behaviour.measures import AGGREGATES, OF_NUMBER, OF_PROPERTY, ZERO_WITHOUT_FACTS
from domain.filters.behaviour.reading import Activities, Behaviour
from domain.filters.operators import OPERATORS, Operator
from domain.filters.parsing import parse
from domain.texts.language import said
from domain.values import AttributeType

Texts = dict[str, list[str]]
# What a new condition asks, until something else is chosen: done at least once in the last 30 days.
USUAL: Texts = {"aggregate": ["count"], "window": ["last_days"], "span": ["30"]}
USUAL_OPERATOR, USUAL_VALUE = "at_least", "1"


def value_type(aggregate: str, of: str, properties: Mapping[str, AttributeType]) -> AttributeType | None:
    """Returns the type of what is asked; `None` as long as it is not known."""
    if aggregate in ("first_at", "last_at"):
        return "datetime"
    return properties.get(of) if aggregate == "latest" else "number"


def properties_for(aggregate: str, properties: Mapping[str, AttributeType]) -> list[str]:
    """Returns the properties of which an aggregate may be asked, in order; none where it is of no property."""
    if aggregate not in OF_PROPERTY:
        return []
    return sorted(key for key, kind in properties.items() if aggregate not in OF_NUMBER or kind == "number")


def settled(texts: Texts, properties: Mapping[str, AttributeType]) -> Texts:
    """Returns the texts of a row with a choice wherever one has to be made and was not: those of a new row."""
    texts = {name: texts.get(name) or usual for name, usual in USUAL.items()} | texts
    if texts["aggregate"][0] not in AGGREGATES:
        texts["aggregate"] = USUAL["aggregate"]
    if texts["window"][0] not in WINDOW_WORDS:
        texts["window"] = USUAL["window"]
    fitting = properties_for(texts["aggregate"][0], properties)
    if len(fitting) == 1 and not any(texts.get("of", [])):
        texts["of"] = fitting
    return texts


def operator_fits(aggregate: str, operator: Operator) -> bool:
    """Returns whether an operator says anything: of what always has a value, not whether it has one."""
    return not (aggregate in ZERO_WITHOUT_FACTS and operator.takes == "nothing")


def is_shown(condition: Any, activities: Activities) -> bool:
    """Returns whether a condition can be shown in inputs; one with mistakes stays as it was written."""
    try:
        parse([condition], {}, Behaviour(activities))
    except Invalid:
        return False
    aggregate, of = condition["aggregate"], condition.get("of") or ""
    kind = value_type(aggregate, of, activities[condition["activity"]])
    return kind is not None and operator_fits(aggregate, OPERATORS[kind][condition["operator"]])


def window_to_texts(window: Any, zone: ZoneInfo) -> Texts:
    """Returns the texts of the inputs that show a window."""
    if window is None:
        return {"window": ["ever"]}
    ((kind, value),) = window.items()
    match kind:
        case "last_days" | "last_hours":
            return {"window": [kind], "span": [str(value)]}
        case "in_period":
            return {"window": [kind], "period": [value]}
    ends = zip(("from", "to"), [value] if kind == "since" else value, strict=False)
    texts: Texts = {"window": [kind]}
    for name, each in ends:
        texts[name] = [value_to_text("datetime", each, zone)]
        texts[f"{name}_exact"] = [exact_json("datetime", each, zone)]
    return texts


def window_from_texts(texts: Mapping[str, list[str]], zone: ZoneInfo) -> Any:
    """Returns the window that the texts mean in JSON form, `None` for all facts. Raises `NotAValue`."""

    def text(name: str) -> str:
        return texts.get(name, [""])[0]

    def instant(name: str) -> Any:
        try:
            return value_from_text_or_exact("datetime", text(name), text(f"{name}_exact"), zone)
        except NotAValue as problem:
            raise problem if text(name).strip() else NotAValue(said("Choose a date and a time")) from None

    match kind := text("window"):
        case "last_days" | "last_hours":
            if not text("span").strip():
                raise NotAValue(said("Enter how many"))
            return {kind: value_from_text("count", text("span"), zone)}
        case "in_period":
            if not text("period"):
                raise NotAValue(said("Choose a period"))
            return {kind: text("period")}
        case "between":
            return {kind: [instant("from"), instant("to")]}
        case "since":
            return {kind: instant("from")}
    return None


def periods_with(chosen: str) -> tuple[str, ...]:
    """Returns the periods to choose from, with the one that is chosen."""
    return WINDOW_PERIODS if not chosen or chosen in WINDOW_PERIODS else (*WINDOW_PERIODS, chosen)

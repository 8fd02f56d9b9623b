"""A question about behaviour in words: "Order completed at least 3 times in the last 30 days", "Total of price of order
completed this month".

Used by `domain.filters.wording`, which puts what it is compared with, and what is asked of properties, into words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.texts.language import Language, said

# {activity} and {property} as people say them.
PHRASES = {
    "count": said("Times {activity}"),
    "sum": said("Total of {property} of {activity}"),
    "total": said("Total of {activity}"),  # the sum of a property that is called so
    "min": said("Lowest {property} of {activity}"),
    "max": said("Highest {property} of {activity}"),
    "average": said("Average {property} of {activity}"),
    "distinct": said("Number of different {property} of {activity}"),
    "first_at": said("First {activity}"),
    "last_at": said("Last {activity}"),
    "latest": said("Latest {property} of {activity}"),
}
# How often something was done, by the operator that its number is compared with.
TIMES = {
    "equals": ("exactly once", "exactly %(num)s times"),
    "not_equals": ("not exactly once", "not exactly %(num)s times"),
    "less_than": ("less than once", "less than %(num)s times"),
    "at_most": ("at most once", "at most %(num)s times"),
    "greater_than": ("more than once", "more than %(num)s times"),
    "at_least": ("at least once", "at least %(num)s times"),
}
LAST = {"last_hours": ("%(num)s hour", "%(num)s hours"), "last_days": ("%(num)s day", "%(num)s days")}
LAST_ONE = {"last_hours": said("in the last hour"), "last_days": said("in the last day")}


def plain(key: str) -> str:
    """A key as people say it: "order_completed" is "order completed"."""
    return key.replace("_", " ")


def question(raw: Mapping[str, Any], where: str, time: Any, language: Language) -> str:
    """What a condition asks of behaviour; `where` is what it asks of properties, `time` puts an instant into words."""
    is_total = (raw["aggregate"], raw.get("of")) == ("sum", "total")
    phrase = language.gettext(PHRASES["total" if is_total else raw["aggregate"]])
    text = phrase.format(activity=plain(raw["activity"]), property=plain(raw.get("of") or ""))
    return _in_window(_where(text, where, language), raw, time, language)


def how_often(raw: Mapping[str, Any], where: str, time: Any, language: Language) -> str:
    """A condition on how often something was done as a sentence; empty for what is said as any other condition is."""
    operator, number = raw.get("operator"), raw.get("value")
    times = _times(operator, number, language) if raw["aggregate"] == "count" else ""
    if not times:
        return ""
    activity = plain(raw["activity"])
    if operator == "equals" and number == 0:
        never = _where(language.gettext("No %(activity)s", activity=activity), where, language)
        ever = language.gettext("ever")
        return _in_window(never, raw, time, language) if raw.get("window") else f"{never} {ever}"
    done = _where(activity[:1].upper() + activity[1:], where, language)
    return _in_window(f"{done} {times}", raw, time, language)


def _times(operator: Any, number: Any, language: Language) -> str:
    numbers = number if isinstance(number, list) else [number]
    if any(type(each) is not int or each < 0 for each in numbers):
        return ""
    if isinstance(number, list):
        if operator != "between" or len(number) != 2:
            return ""
        return language.gettext("between %(low)s and %(high)s times", low=number[0], high=number[1])
    return language.ngettext(*TIMES[operator], number) if operator in TIMES else ""


def _where(text: str, where: str, language: Language) -> str:
    if not where:
        return text
    return language.gettext("%(question)s (where %(conditions)s)", question=text, conditions=where)


def _in_window(text: str, raw: Mapping[str, Any], time: Any, language: Language) -> str:
    window = raw.get("window")
    return f"{text} {_window(window, time, language)}" if window else text


def _window(window: Mapping[str, Any], time: Any, language: Language) -> str:
    ((kind, value),) = window.items()
    match kind:
        case "last_hours" | "last_days" if value == 1:
            return language.gettext(LAST_ONE[kind])
        case "last_hours" | "last_days":
            return language.gettext("in the last %(span)s", span=language.ngettext(*LAST[kind], int(value)))
        case "in_period":
            return language.translation(plain(value))
        case "between":
            return language.gettext("from %(first)s to %(last)s", first=time(value[0]), last=time(value[1]))
    return language.gettext("since %(first)s", first=time(value))

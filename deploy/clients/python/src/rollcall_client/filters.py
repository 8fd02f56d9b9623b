"""Filters with types: a type checker refuses an operator that does not exist, or a value that it does not take.

    gold: Filter = [{"attribute": "plan", "operator": "equals", "value": "gold"}]

An array means that all conditions hold; `{"any": [...]}`, `{"all": [...]}` and `{"not": ...}` nest. Which operators an
attribute allows, the server knows: `rollcall.attributes.list()`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Period = Literal[
    "today", "yesterday", "tomorrow",
    "this_week", "last_week", "next_week",
    "this_month", "last_month", "next_month",
    "this_year", "last_year", "next_year",
]  # fmt: skip


Operator = Literal[
    "after", "anniversary_in_last_days", "anniversary_in_next_days", "anniversary_in_period", "at_least",
    "at_most", "before", "between", "contains", "ends_with", "equals", "greater_than", "in", "in_last_days",
    "in_last_hours", "in_next_days", "in_next_hours", "in_period", "includes_all", "includes_any",
    "includes_none", "is_not_set", "is_set", "less_than", "month_is", "more_than_days_ago",
    "more_than_days_ahead", "not_between", "not_contains", "not_equals", "not_in", "not_includes_all",
    "not_on", "on", "on_or_after", "on_or_before", "starts_with",
]  # fmt: skip


class PresenceCondition(TypedDict):
    """Whether there is a value at all."""

    attribute: str
    operator: Literal["is_set", "is_not_set"]
    value: NotRequired[None]


class TextCondition(TypedDict):
    """A text, or a part of one."""

    attribute: str
    operator: Literal["equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with"]
    value: str


class TextListCondition(TypedDict):
    """One of several texts; of a list, its members."""

    attribute: str
    operator: Literal["in", "not_in", "includes_any", "includes_none", "includes_all", "not_includes_all"]
    value: list[str]


class NumberCondition(TypedDict):
    """A number."""

    attribute: str
    operator: Literal["equals", "not_equals", "less_than", "at_most", "greater_than", "at_least"]
    value: int | float


class NumberListCondition(TypedDict):
    """One of several numbers."""

    attribute: str
    operator: Literal["in", "not_in"]
    value: list[int | float]


class NumberRangeCondition(TypedDict):
    """Two numbers, the lower one first."""

    attribute: str
    operator: Literal["between", "not_between"]
    value: list[int | float]


class BooleanCondition(TypedDict):
    """True or false."""

    attribute: str
    operator: Literal["equals", "not_equals"]
    value: bool


class DateCondition(TypedDict):
    """A day, such as 2026-05-20; `on` and `not_on` ask for the day of an instant."""

    attribute: str
    operator: Literal[
        "equals", "not_equals", "before", "on_or_before", "after", "on_or_after", "on", "not_on"
    ]  # fmt: skip
    value: str


class DatetimeCondition(TypedDict):
    """An instant, such as 2026-05-20T10:00:00Z."""

    attribute: str
    operator: Literal["before", "after"]
    value: str


class DateRangeCondition(TypedDict):
    """Two days, the earlier one first."""

    attribute: str
    operator: Literal["between", "not_between"]
    value: list[str]


class DatetimeRangeCondition(TypedDict):
    """Two instants, the earlier one first."""

    attribute: str
    operator: Literal["between", "not_between"]
    value: list[str]


class CountCondition(TypedDict):
    """So many days from now."""

    attribute: str
    operator: Literal["in_last_days", "in_next_days", "more_than_days_ago", "more_than_days_ahead"]
    value: int


class PositiveCountCondition(TypedDict):
    """So many hours or days from now, at least one."""

    attribute: str
    operator: Literal["in_last_hours", "in_last_days", "in_next_hours", "in_next_days"]
    value: int


class PeriodCondition(TypedDict):
    """A part of the calendar, by the account's time zone."""

    attribute: str
    operator: Literal["in_period"]
    value: Period


class MonthsCondition(TypedDict):
    """Months; 1 is January."""

    attribute: str
    operator: Literal["month_is"]
    value: list[int]


class AnniversaryPeriodCondition(TypedDict):
    """When its month and day come round."""

    attribute: str
    operator: Literal["anniversary_in_period"]
    value: Literal["today", "tomorrow", "this_week", "this_month", "next_month"]


class AnniversaryDaysCondition(TypedDict):
    """In how many days its month and day come round, or came."""

    attribute: str
    operator: Literal["anniversary_in_last_days", "anniversary_in_next_days"]
    value: int


class SegmentCondition(TypedDict):
    """Segments, by their ids."""

    attribute: Literal["segment"]
    operator: Literal["in", "not_in"]
    value: list[str]


class Window(TypedDict, total=False):
    """The facts that count, by one of these; without a window, all that are kept."""

    last_hours: int
    last_days: int
    in_period: Period
    between: list[str]
    since: str


Aggregate = Literal["count", "sum", "min", "max", "average", "distinct", "first_at", "last_at", "latest"]


class Computed(TypedDict):
    """What an attribute is computed from: an aggregate of the facts of an activity in a window of time."""

    activity: str
    where: NotRequired[Filter]
    aggregate: Aggregate
    of: NotRequired[str]
    window: NotRequired[Window]


class BehaviourCondition(TypedDict):
    """What a customer did: an aggregate of the facts of an activity; its value is compared as an attribute's is."""

    activity: str
    where: NotRequired[Filter]
    aggregate: Aggregate
    of: NotRequired[str]
    window: NotRequired[Window]
    operator: Operator
    value: NotRequired[Any]


Condition = (
    PresenceCondition
    | TextCondition
    | TextListCondition
    | NumberCondition
    | NumberListCondition
    | NumberRangeCondition
    | BooleanCondition
    | DateCondition
    | DatetimeCondition
    | DateRangeCondition
    | DatetimeRangeCondition
    | CountCondition
    | PositiveCountCondition
    | PeriodCondition
    | MonthsCondition
    | AnniversaryPeriodCondition
    | AnniversaryDaysCondition
    | SegmentCondition
    | BehaviourCondition
)


class FilterAll(TypedDict):
    """Everything in it is true."""

    all: list[Filter]


class FilterAny(TypedDict):
    """Something in it is true."""

    any: list[Filter]


FilterNot = TypedDict("FilterNot", {"not": "Filter"})
FilterNode = Condition | FilterAll | FilterAny | FilterNot
Filter: TypeAlias = FilterNode | list["Filter"]

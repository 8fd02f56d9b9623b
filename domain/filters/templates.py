"""Filters to begin with: what many accounts ask, made of the attributes that an account has.

Offered by `api.v1.preview` and the filter builder. A template is there only where its attributes or activities
are: they are found by words in their keys, because every account names them in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.filters.behaviour.reading import NO_ACTIVITIES, Activities
from domain.texts.language import said
from domain.values import AttributeType

LAPSED_DAYS, RISK_DAYS, OFTEN_DAYS, OFTEN = 90, 60, 30, 3
_ORDERED = ("order_completed", "order_placed", "order_paid", "purchase", "checkout_completed", "ordered", "order")
_ACTIVITY = ("last_order", "last_purchase", "last_visit", "last_seen", "last_activity", "last_login", "last_active")


class Template(NamedTuple):
    """A filter with the name under which it is offered, and what it asks."""

    id: str
    name: str
    description: str
    filter: list[Any]


def templates(types: Mapping[str, AttributeType], activities: Activities = NO_ACTIVITIES) -> Iterator[Template]:
    """Returns the templates for an account with these attributes, built-in ones among them, and activities."""
    asked: dict[str, Any]
    born, last, vip = _birthdate(types), _last_activity(types), _vip(types)
    if born:
        asked = {"attribute": born, "operator": "anniversary_in_period", "value": "this_month"}
        yield Template("birthday", said("Birthday this month"), said("Whatever the year of birth"), [asked])
    if last:
        asked = {"attribute": last, "operator": "more_than_days_ago", "value": LAPSED_DAYS}
        yield Template("lapsed", said("Lapsed 90 days"), said("Active once, and not in the last 90 days"), [asked])
    asked = {"attribute": "created_at", "operator": "in_period", "value": "this_week"}
    yield Template("new", said("New this week"), said("Customers since Monday"), [asked])
    if last:
        asked = {"attribute": last, "operator": "more_than_days_ago", "value": RISK_DAYS}
        yield Template("vip_at_risk", said("VIP at risk"), said("Your best customers, quiet for 60 days"), [vip, asked])
    if ordered := next((name for word in _ORDERED for name in sorted(activities) if word in name), None):
        yield from _of_orders(ordered)


def _of_orders(activity: str) -> Iterator[Template]:
    often: dict[str, Any] = {"activity": activity, "aggregate": "count", "window": {"last_days": OFTEN_DAYS}}
    often |= {"operator": "at_least", "value": OFTEN}
    yield Template("ordered_often", said("Ordered 3 times in 30 days"), said("Your regulars of now"), [often])
    quiet = {"activity": activity, "aggregate": "last_at", "operator": "more_than_days_ago", "value": RISK_DAYS}
    yield Template(
        "not_ordered", said("Has not ordered for 60 days"), said("Ordered once, and not in the last 60 days"), [quiet]
    )


def _birthdate(types: Mapping[str, AttributeType]) -> str | None:
    words = ("birth", "born", "dob")
    return _first(types, ("date", "datetime"), words)


def _last_activity(types: Mapping[str, AttributeType]) -> str | None:
    return _first(types, ("date", "datetime"), _ACTIVITY)


def _vip(types: Mapping[str, AttributeType]) -> dict[str, Any]:
    """The condition that a customer is one of the best: an attribute that says so, or the tag."""
    key = _first(types, ("boolean",), ("vip", "premium"))
    if key:
        return {"attribute": key, "operator": "equals", "value": True}
    return {"attribute": "tags", "operator": "includes_any", "value": ["vip"]}


def _first(types: Mapping[str, AttributeType], kinds: tuple[AttributeType, ...], words: tuple[str, ...]) -> str | None:
    """The first attribute of one of these types whose key holds one of the words, the earlier word before the later."""
    return next((key for word in words for key, kind in sorted(types.items()) if kind in kinds and word in key), None)

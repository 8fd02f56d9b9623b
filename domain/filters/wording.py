"""Filters, conditions and values in words: "Plan equals gold and Last order is in the last 30 days".

Used by the console: the summary in lists of segments, the filter builder, and the pages that say why a customer is in
a segment. Each operator's phrase is in the table of operators. Instants are shown in the account's time zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from domain.filters.behaviour.wording import how_often, question
from domain.filters.nesting import SEGMENT, is_condition
from domain.filters.operators import OPERATORS, Operator, operator_named
from domain.texts.language import ENGLISH, Language
from domain.values import AttributeType

MOST_VALUES = 10
MOST_IN_SUMMARY = 3
NO_FILTERS = "No filters"
MONTHS = [ENGLISH.month(number) for number in range(1, 13)]
# Periods of one day: a date is one of them, and falls in the others.
DAYS = ("today", "yesterday", "tomorrow")
# What the operators of segment membership say; those of attributes have their phrase in the table of operators.
SEGMENT_PHRASES = {"in": "is in {}", "not_in": "is not in {}"}
# The built-in attributes whose name is not their key with spaces.
LABELS = {"external_id": "External ID"}
# Of what operators count, one and several.
UNITS = {"day": ("%(num)s day", "%(num)s days"), "hour": ("%(num)s hour", "%(num)s hours")}


def built_in_label(key: str) -> str:
    """What people call a built-in attribute, or one without a label, in English."""
    return LABELS.get(key) or key.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one account: labels and types of its attributes, its time zone, and its segments' names by id.

    Of a list, the first `most` values are shown. `language` is that in which they are read.
    """

    labels: Mapping[str, str | None]
    types: Mapping[str, AttributeType]
    zone: ZoneInfo
    segments: Mapping[str, str]
    most: int = MOST_VALUES
    # The definitions of computed attributes.
    computed: Mapping[str, Any] = field(default_factory=dict)
    language: Language = ENGLISH

    def spoken(self, language: Language) -> Words:
        """The same words in a language."""
        return self if language is self.language else replace(self, language=language)

    def summary(self, raw: Any) -> str:
        """A filter as a line in a list: "Premium customer is True and Country is one of PT or ES"."""
        return replace(self, most=MOST_IN_SUMMARY).sentence(raw)

    def sentence(self, raw: Any) -> str:
        """A filter as a sentence; `None` is the filter of a static segment."""
        return self.language.gettext(NO_FILTERS) if raw is None or _is_empty(raw) else self._node(raw)

    def _node(self, raw: Any, *, nested: bool = False) -> str:
        if is_condition(raw):
            return self.condition(raw)
        if isinstance(raw, dict) and "not" in raw:
            return self._negated(raw["not"])
        if _is_empty(raw):
            return self.language.gettext("an empty group")
        any_of = isinstance(raw, dict) and "any" in raw
        nodes, joint = (raw["any"], self._or()) if any_of else (_all(raw), self._and())
        if len(nodes) == 1:
            return self._node(nodes[0], nested=nested)
        joined = joint.join(self._node(each, nested=True) for each in nodes)
        return f"({joined})" if nested else joined

    def _negated(self, raw: Any) -> str:
        """What is turned round by a `not`, in the builder's words."""
        is_group = not _is_empty(raw) and not (is_condition(raw) or (isinstance(raw, dict) and "not" in raw))
        any_of = isinstance(raw, dict) and "any" in raw
        nodes = (raw["any"] if any_of else _all(raw)) if is_group else [raw]
        if len(nodes) == 1:
            return self.language.gettext("not (%(condition)s)", condition=self._node(nodes[0]))
        listed = ", ".join(self._node(each, nested=True) for each in nodes)
        if any_of:
            return self.language.gettext("none of these are true (%(conditions)s)", conditions=listed)
        return self.language.gettext("not all of these are true (%(conditions)s)", conditions=listed)

    def label(self, key: str) -> str:
        """What people call an attribute."""
        text = self.labels.get(key) or built_in_label(key)
        # An account's own words stay as they are.
        return text if key in self.labels else self.language.translation(text)

    def value(self, key: str, value: Any) -> str:
        """A value of an attribute, or one that it is compared with."""
        match value:
            case None | "" | []:
                return self.language.gettext("no value")
            case bool():
                return self.language.gettext("True") if value else self.language.gettext("False")
            case Decimal():
                return self.language.decimal(value)
            case list() | tuple() | set() | frozenset():
                return self._several(key, list(value), self._and())
            case str() if key == SEGMENT:
                return self.segments.get(value) or self.language.gettext("a deleted segment")
            case str() if self.types.get(key) in ("date", "datetime"):
                return self._time(value)
        return str(value)

    def definition(self, key: str) -> str:
        """What a computed attribute is: "Times order completed in the last 30 days"; empty for any other."""
        return self.subject(self.computed[key]) if key in self.computed else ""

    def phrase(self, condition: Mapping[str, Any]) -> str:
        """What a condition asks, without its attribute: "is in the last 30 days"."""
        name, key = str(condition["operator"]), str(condition.get("attribute"))
        value: Any = condition.get("value")
        if key == SEGMENT:
            return self.language.gettext(SEGMENT_PHRASES[name]).format(self._several(key, value, self._or()))
        operator = operator_named(name, self.types.get(key))
        if operator is None:
            return f"{name.replace('_', ' ')} {self.value(key, value)}"
        if operator.takes == "period" and value in DAYS:
            return self.language.gettext("is {}").format(self._operand(operator, key, value))
        return self.language.gettext(operator.phrase).format(self._operand(operator, key, value))

    def condition(self, raw: Mapping[str, Any]) -> str:
        """A condition as a sentence: "Last order is in the last 30 days", "Order completed at least 3 times"."""
        often = how_often(raw, self._where(raw), self._time, self.language) if "activity" in raw else ""
        return often or f"{self.subject(raw)} {self.phrase(raw)}"

    def subject(self, raw: Mapping[str, Any]) -> str:
        """What a condition is about: an attribute, or what is asked of behaviour."""
        if "attribute" in raw:
            return self.label(raw["attribute"])
        return question(raw, self._where(raw), self._time, self.language)

    def _where(self, raw: Mapping[str, Any]) -> str:
        where = raw.get("where")
        if _is_empty(where or []):
            return ""
        # Properties are no attributes, even where they have the same key.
        return replace(self, labels={}, types=dict(_types_in(where)))._node(where)

    def actual(self, node: Mapping[str, Any]) -> str:
        """The value that a customer has, of an explained condition."""
        if "attribute" in node:
            return self.value(node["attribute"], node["actual"])
        is_instant = node["aggregate"] in ("first_at", "last_at") and node["actual"] is not None
        return self._time(node["actual"]) if is_instant else self.value("", node["actual"])

    def _operand(self, operator: Operator, key: str, value: Any) -> str:
        match operator.takes:
            case "period" | "return_period":
                return self.language.translation(str(value).replace("_", " "))
            case "count" | "positive_count" | "year_days":
                return self.language.ngettext(*UNITS[operator.unit], int(value))
            case "months":
                return self._or().join(self.language.month(int(month)) for month in value)
            case "pair":
                return self._and().join(self.value(key, each) for each in value)
        if isinstance(value, list):
            return self._several(key, value, self._and() if operator.name.endswith("_all") else self._or())
        return self.value(key, value)

    def _several(self, key: str, values: list[Any], joint: str) -> str:
        shown = [self.value(key, each) for each in values[: self.most]]
        if len(values) > self.most:
            left = len(values) - self.most
            shown.append(self.language.ngettext("%(num)s more", "%(num)s more", left))
        return joint.join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]

    def _time(self, text: str) -> str:
        if "T" not in text:
            return self.language.day(date.fromisoformat(text))
        try:
            local = datetime.fromisoformat(text).astimezone(self.zone)
        except OverflowError:
            return text
        return self.language.instant(local)

    def _and(self) -> str:
        return self.language.gettext(" and ")

    def _or(self) -> str:
        return self.language.gettext(" or ")


def _all(raw: Any) -> Any:
    return raw["all"] if isinstance(raw, dict) else raw


def _is_empty(raw: Any) -> bool:
    """Returns whether a node is a group without conditions, which matches no customer."""
    return not (is_condition(raw) or (isinstance(raw, dict) and "not" in raw)) and not (
        raw["any"] if isinstance(raw, dict) and "any" in raw else _all(raw)
    )


def _types_in(where: Any) -> Iterator[tuple[str, AttributeType]]:
    """Yields what conditions on properties let know of their types, which are needed to say their values."""
    nodes = where if isinstance(where, list) else next(iter(where.values())) if not is_condition(where) else []
    if is_condition(where):
        value, operator = where.get("value"), where["operator"]
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, bool):
            yield where["attribute"], "boolean"
        elif isinstance(first, str) and operator not in OPERATORS["text"] and operator not in OPERATORS["list"]:
            yield where["attribute"], "datetime" if "T" in first else "date"
    for each in nodes if isinstance(nodes, list) else [nodes]:
        yield from _types_in(each)


def plural(number: int, one: str, many: str | None = None) -> str:
    """2, customer -> 2 customers."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

"""Values and filters that have broken other systems, for the property tests. All is raw JSON, as a client sends it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

TYPES = {
    "t1": "text",
    "t2": "text",
    "n1": "number",
    "n2": "number",
    "b1": "boolean",
    "d1": "date",
    "m1": "datetime",
    "l1": "list",
}

# Pairs that folding makes equal, or must not; composed and decomposed; what SQL, LIKE and JSON give a meaning to.
TEXTS = [
    "a",
    "A",
    "ab",
    "ß",
    "ss",
    "ẞ",
    "İ",
    "i\u0307",
    "i",
    "I",
    "ı",
    "ſ",
    "s",
    "Σ",
    "σ",
    "ς",
    "ΌΣΟΣ",
    "όσος",
    "é",
    "e\u0301",
    "É",
    "\u0301",
    "ﬁ",
    "fi",
    "Å",
    "\u212b",
    "A\u030a",
    "한",
    "\u1112\u1161\u11ab",
    "q\u0307\u0323",
    "q\u0323\u0307",
    "ᾳ",
    "ΑΙ",
    "\u0345",
    "ŉ",
    "ʼn",
    "%",
    "_",
    "\\",
    "'",
    '"',
    "{0}",
    "$1",
    "?",
    "a b",
    " a ",
    "\u00a0a",
    "0",
    "true",
    "null",
    "2026-05-20",
    "\U0001f600",
    "\u200b",
    "a\u200b",
    "\u200d",
    "a\u200db",
    "\u202ea",
    "Straße",
    "STRASSE",
    "\x7f",
    "\uffff",
]
NUMBERS: list[Any] = [
    0,
    Decimal("-0"),
    -0.0,
    1,
    Decimal("1.0"),
    1.0,
    -1,
    0.1,
    Decimal("0.1"),
    Decimal("0.10"),
    1e-7,
    Decimal("1E-7"),
    10,
    Decimal("1E+1"),
    10**15,
    2**53 + 1,
    Decimal("9007199254740993.5"),
    10**38 - 1,
    1 - 10**38,
    Decimal("1E-38"),
    Decimal("-1E-38"),
    Decimal("0.99999999999999999999999999999999999999"),
    Decimal("99999999999999999999999999999.5"),
    Decimal("-99999999999999999999999999999.5"),
    Decimal("9999999999999999999999999999.25"),
    Decimal("0.3"),
    0.1 + 0.2,
]
DAYS = [
    "0001-01-01",
    "0001-01-02",
    "0999-12-31",
    "1969-12-31",
    "1970-01-01",
    "2000-02-29",
    "2011-12-29",
    "2011-12-30",
    "2011-12-31",
    "2018-11-03",
    "2018-11-04",
    "2026-03-29",
    "2026-10-25",
    "2026-10-26",
    "9999-12-30",
    "9999-12-31",
]
CLOCKS = ["00:00:00", "23:59:59.999999", "03:00:00.000001", "09:59:59", "10:00:00", "15:00:00", "02:59:59.9999999"]
OFFSETS = ["Z", "z", "+00:00", "-00:00", "+01:00", "-03:00", "+14:00", "-11:00", "+05:45", "+23:59", "-23:59"]
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Lisbon",
        "America/Sao_Paulo",
        "America/Havana",
        "America/New_York",
        "Asia/Kathmandu",
        "Asia/Tokyo",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    )
]


def _in_range(raw: Any) -> bool:
    """Whether an instant stays between the years 1 and 9999 when it is brought to UTC."""
    day, offset = raw[:10], raw[-6:]
    shifted = not offset.endswith(("Z", "z", "00:00"))
    return not (shifted and day in ("0001-01-01", "9999-12-31"))


anything_else = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3).map("".join) | anything_else
words = texts.filter(lambda text: text.strip() != "")
numbers = st.sampled_from(NUMBERS) | st.integers(-3, 3) | st.decimals(-5, 5, places=2)
days = st.sampled_from(DAYS)
instants = st.builds("{}T{}{}".format, days, st.sampled_from(CLOCKS), st.sampled_from(OFFSETS)).filter(_in_range)
lists = st.lists(texts, max_size=4)
by_type: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "number": numbers,
    "boolean": st.booleans(),
    "date": days,
    "datetime": instants,
    "list": lists,
}


def value_of(kind: str) -> st.SearchStrategy[Any]:
    return by_type[kind] | st.sampled_from([None, ""]) if kind != "number" else by_type[kind] | st.none()


def bodies(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Attributes of one customer, any of them absent or empty."""
    return st.fixed_dictionaries({}, optional={key: value_of(kind) for key, kind in TYPES.items()} | more)


def _between(values: st.SearchStrategy[Any], key: Any) -> st.SearchStrategy[Any]:
    return st.tuples(values, values).map(lambda pair: sorted(pair, key=key))


def _utc(raw: str) -> Any:
    from tests.support.oracles.oracle import an_instant

    return an_instant(raw)


def _operands(kind: str) -> dict[str, st.SearchStrategy[Any]]:
    nothing = st.none()
    one: st.SearchStrategy[Any] = words if kind in ("text", "list") else by_type[kind]
    several = st.lists(one, min_size=1, max_size=4)
    pair = _between(one, _utc if kind == "datetime" else Decimal if kind == "number" else str)
    named = {
        "text": {
            "equals": one,
            "not_equals": one,
            "in": several,
            "not_in": several,
            "contains": one,
            "not_contains": one,
            "starts_with": one,
            "ends_with": one,
        },
        "number": {
            "equals": one,
            "not_equals": one,
            "less_than": one,
            "at_most": one,
            "greater_than": one,
            "at_least": one,
            "between": pair,
            "not_between": pair,
            "in": several,
            "not_in": several,
        },
        "boolean": {"equals": one, "not_equals": one},
        "list": {
            "includes_any": several,
            "includes_none": several,
            "includes_all": several,
            "not_includes_all": several,
        },
        "date": {
            "equals": one,
            "not_equals": one,
            "before": one,
            "on_or_before": one,
            "after": one,
            "on_or_after": one,
            "between": pair,
            "not_between": pair,
        },
        "datetime": {"before": one, "after": one, "between": pair, "not_between": pair, "on": days, "not_on": days},
    }[kind]
    return {**named, "is_set": nothing, "is_not_set": nothing}


def _condition(key: str, operator: str, operand: Any) -> dict[str, Any]:
    return {"attribute": key, "operator": operator} | ({} if operand is None else {"value": operand})


def conditions(types: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Any condition on one of these attributes, every operator as likely as the others of its type."""
    kinds = {
        kind: st.one_of([st.tuples(st.just(operator), operand) for operator, operand in _operands(kind).items()])
        for kind in set(types.values())
    }
    leaves = [
        st.builds(lambda key, pair: _condition(key, *pair), st.just(key), kinds[kind]) for key, kind in types.items()
    ]
    return st.one_of(leaves)


def filters(types: dict[str, str] = TYPES, depth: int = 4) -> st.SearchStrategy[Any]:
    """Any filter, empty groups and deep nests included."""
    node: st.SearchStrategy[Any] = conditions(types)
    for _ in range(depth):
        group = st.lists(node, max_size=3)
        node = st.one_of(
            conditions(types),
            group,
            group.map(lambda nodes: {"all": nodes}),
            group.map(lambda nodes: {"any": nodes}),
            node.map(lambda inner: {"not": inner}),
        )
    return node

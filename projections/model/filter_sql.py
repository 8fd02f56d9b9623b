"""A filter as a SQL predicate on `customers c`, for everything that is set-based: filling a new version, verify.

The only SQL that is composed in Python; values are literals that psycopg quotes. A property test holds it to the
Python evaluator. An expression is true or false, never NULL.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from domain.filters.conditions import All, AnyOf, Condition, Node, Not
from domain.filters.regions import Anything, Matching, Points, Region, Span, region_at
from domain.instants import Moment
from domain.values import AttributeType

_FALSE = sql.SQL("false")
_MATCHING = {
    "contains": sql.SQL("position({operand} IN {text}) > 0"),
    "starts_with": sql.SQL("starts_with({text}, {operand})"),
    "ends_with": sql.SQL("right({text}, length({operand})) = {operand}"),
    "includes_any": sql.SQL("{json} ?| {operands}"),
    "includes_all": sql.SQL("{json} ?& {operands}"),
    "month": sql.SQL("substr({text}, 6, 2) = ANY ({operands})"),
}


def predicate(node: Node, moment: Moment | None = None) -> sql.Composable:
    """The SQL expression that is true for exactly the customers that fit `node` at `moment`."""
    match node:
        case Condition():
            return _condition(node, moment)
        case Not():
            return sql.SQL("NOT {}").format(predicate(node.node, moment))
        case All():
            return _joined(" AND ", node.nodes, moment)
        case AnyOf():
            return _joined(" OR ", node.nodes, moment)


def _joined(word: LiteralString, nodes: tuple[Node, ...], moment: Moment | None) -> sql.Composable:
    if not nodes:
        return _FALSE
    return sql.SQL("({})").format(sql.SQL(word).join(predicate(each, moment) for each in nodes))


def _condition(condition: Condition, moment: Moment | None) -> sql.Composable:
    expression = sql.SQL("coalesce({}, false)").format(_positive(condition, region_at(condition.region, moment)))
    return sql.SQL("NOT {}").format(expression) if condition.negated else expression


def _positive(condition: Condition, region: Region) -> sql.Composable:
    key = sql.Literal(condition.attribute.removesuffix("@age"))
    compared_apart = condition.type in ("text", "list") or condition.attribute.endswith("@day")
    text = sql.SQL("({}->>{})").format(sql.SQL("c.folded" if compared_apart else "c.attributes"), key)
    match region:
        case Anything():
            return sql.SQL("c.attributes ? {}").format(key)
        case Points(values=values) if condition.type == "boolean":
            (value,) = values
            return sql.SQL("c.attributes->{} = {}").format(key, sql.Literal(Jsonb(value)))
        case Points(values=values):
            wanted = sorted(str(value) for value in values)
            return sql.SQL("{} = ANY ({}::{}[])").format(
                _compared(text, condition.type), sql.Literal(wanted), _sql_type(condition.type)
            )
        case Span() as span:
            return _span(_compared(text, condition.type), span, condition.type)
        case Matching(kind="returns_in", operand=windows):
            return _returns_in(text, windows)
        case Matching(kind=kind, operand=operand):
            return _MATCHING[kind].format(
                text=text,
                json=sql.SQL("(c.folded->{})").format(key),
                operand=sql.Literal(operand[0]),
                operands=sql.Literal(list(operand)),
            )


def _returns_in(text: sql.Composable, windows: tuple[str, ...]) -> sql.Composable:
    parts = [
        sql.SQL('(substr({}, 1, 4) COLLATE "C" <= {} AND substr({}, 6) COLLATE "C" BETWEEN {} AND {})').format(
            text, sql.Literal(windows[place]), text, sql.Literal(windows[place + 1]), sql.Literal(windows[place + 2])
        )
        for place in range(0, len(windows), 3)
    ]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))


def _span(text: sql.Composable, span: Span, kind: AttributeType) -> sql.Composable:
    bounds = []
    for end, included, closed, open_ in (
        (span.low, span.low_included, ">=", ">"),
        (span.high, span.high_included, "<=", "<"),
    ):
        if end is not None:
            sign = sql.SQL(closed if included else open_)
            bounds.append(sql.SQL("{} {} {}::{}").format(text, sign, sql.Literal(str(end)), _sql_type(kind)))
    return sql.SQL(" AND ").join(bounds) if bounds else sql.SQL("{} IS NOT NULL").format(text)


def _compared(text: sql.Composable, kind: AttributeType) -> sql.Composable:
    """Numbers compare as decimals; dates and instants as the texts they are, which sort as time does."""
    return sql.SQL("{}::numeric").format(text) if kind == "number" else sql.SQL('{} COLLATE "C"').format(text)


def _sql_type(kind: AttributeType) -> sql.SQL:
    return sql.SQL("numeric" if kind == "number" else "text")

"""Conditions on the values of one row as SQL expressions, true or false, never NULL: of a customer, or of a fact.

Used by `projections.model.filter_sql` and `predicates.measures`. Values are literals that psycopg quotes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from domain.filters.conditions import All, Condition, Node, Not
from domain.filters.regions import Anything, Matching, Points, Region, Span, region_at
from domain.instants import Moment
from domain.values import AttributeType


class Row(NamedTuple):
    """Where the values of a row are: as they are shown, and those of texts, lists and days as they compare."""

    shown: sql.SQL
    compared: sql.SQL


class RowValue(NamedTuple):
    """A value as text and as JSON, and the expression that is true where there is one."""

    text: sql.Composable
    json: sql.Composable
    is_set: sql.Composable


CUSTOMER = Row(sql.SQL("c.attributes"), sql.SQL("c.folded"))
FACT = Row(sql.SQL("f.properties"), sql.SQL("(f.properties || coalesce(f.folded, '{}'))"))
_FALSE = sql.SQL("false")
_MATCHING = {
    "contains": sql.SQL("position({operand} IN {text}) > 0"),
    "starts_with": sql.SQL("starts_with({text}, {operand})"),
    "ends_with": sql.SQL("right({text}, length({operand})) = {operand}"),
    "includes_any": sql.SQL("{json} ?| {operands}"),
    "includes_all": sql.SQL("{json} ?& {operands}"),
    "month": sql.SQL("substr({text}, 6, 2) = ANY ({operands})"),
}


def joined(node: Node, expression_of: Callable[[Condition], sql.Composable]) -> sql.Composable:
    """The expression of a tree from those of its conditions."""
    match node:
        case Condition():
            return expression_of(node)
        case Not():
            return sql.SQL("NOT {}").format(joined(node.node, expression_of))
    if not node.nodes:
        return _FALSE
    word = sql.SQL(" AND " if isinstance(node, All) else " OR ")
    return sql.SQL("({})").format(word.join(joined(each, expression_of) for each in node.nodes))


def on_row(row: Row, condition: Condition, moment: Moment | None = None) -> sql.Composable:
    """The expression of a condition on the values of a row."""
    return on_value(value_in(row, condition), condition, moment)


def on_value(value: RowValue, condition: Condition, moment: Moment | None) -> sql.Composable:
    """The expression of a condition on a value."""
    expression = sql.SQL("coalesce({}, false)").format(_positive(condition, region_at(condition.region, moment), value))
    return sql.SQL("NOT {}").format(expression) if condition.negated else expression


def value_in(row: Row, condition: Condition) -> RowValue:
    """The value of an attribute, or of a property, in a row."""
    key = sql.Literal(condition.attribute.removesuffix("@age"))
    compared_apart = condition.type in ("text", "list") or condition.attribute.endswith("@day")
    source = row.compared if compared_apart else row.shown
    return RowValue(
        sql.SQL("({}->>{})").format(source, key),
        sql.SQL("({}->{})").format(source, key),
        sql.SQL("{} ? {}").format(row.shown, key),
    )


def _positive(condition: Condition, region: Region, value: RowValue) -> sql.Composable:
    match region:
        case Anything():
            return value.is_set
        case Points(values=values) if condition.type == "boolean":
            (wanted_one,) = values
            return sql.SQL("{} = {}").format(value.json, sql.Literal(Jsonb(wanted_one)))
        case Points(values=values):
            wanted = sorted(str(each) for each in values)
            return sql.SQL("{} = ANY ({}::{}[])").format(
                _compared(value.text, condition.type), sql.Literal(wanted), _sql_type(condition.type)
            )
        case Span() as span:
            return _span(_compared(value.text, condition.type), span, condition.type)
        case Matching(kind="returns_in", operand=windows):
            return _returns_in(value.text, windows)
        case Matching(kind=kind, operand=operand):
            return _MATCHING[kind].format(
                text=value.text,
                json=value.json,
                operand=sql.Literal(operand[0]),
                operands=sql.Literal(list(operand)),
            )


def _returns_in(text: sql.Composable, windows: tuple[str, ...]) -> sql.Composable:
    parts: list[sql.Composable] = [
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

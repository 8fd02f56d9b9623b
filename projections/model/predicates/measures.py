"""What facts come to, as SQL: the value of a measure for a customer at a moment, by itself or with others in one scan.

Used by `projections.model.filter_sql`, and where a new measure is filled. Windows end at the moment, or where an
instant is given for each row, at that one.
"""

from __future__ import annotations

from typing import NamedTuple

from psycopg import sql

from domain.filters.behaviour.measures import Measure
from domain.filters.behaviour.windows import FOREVER, Last
from domain.filters.conditions import Node
from domain.instants import Moment
from projections.model.predicates.conditions import FACT, RowValue, joined, on_row

_NOTHING = sql.SQL("")
# Of an average, as people are shown it.
SHOWN_DECIMALS = 6
# PostgreSQL takes 1,664 columns, and an average is made of two.
MOST_COLUMNS = 800
# In microseconds since 1970.
_BEYOND = 2**60
# `{only}` is a FILTER clause, or nothing.
_AGGREGATES = {
    "count": "count(*) {only}",
    "sum": "sum({number}) {only}",
    "average": "sum({number}) {only}",
    "min": "min({number}) {only}",
    "max": "max({number}) {only}",
    "distinct": "count(DISTINCT (f.properties || coalesce(f.folded, '{{}}'))->{key}) {only}",
    "first_at": "min(f.time) {only}",
    "last_at": "max(f.time) {only}",
}
_LATEST = "(array_agg({source}->{key} ORDER BY f.time DESC, f.position DESC) {only})[1]"
_OF_CUSTOMER = sql.SQL("f.customer_no = c.customer_no")


class _Bounds(NamedTuple):
    """The facts that count: later than `after`, and not later than `until`."""

    after: sql.Composable
    until: sql.Composable


def quotient(total: sql.Composable, count: sql.Composable) -> sql.Composable:
    """A fraction with the decimals that `domain.filters.behaviour.amounts.quotient` gives it; NULL of nothing."""
    return sql.SQL(
        "CASE WHEN {count} > 0 THEN sign({total}) * trim_scale(div(abs({total}) * 1e38, {count}) * 1e-38 "
        "+ CASE WHEN mod(abs({total}) * 1e38, {count}) > 0 THEN 5e-39 ELSE 0 END) END"
    ).format(total=total, count=count)


def text_of_instant(value: sql.Composable) -> sql.Composable:
    """A timestamp as the text that datetime values have."""
    return sql.SQL("to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").format(value)


def instant(micros: int) -> sql.Composable:
    """A timestamp; one beyond the calendar of PostgreSQL is infinite."""
    if abs(micros) >= _BEYOND:
        return sql.SQL("{}::timestamptz").format(sql.Literal("infinity" if micros > 0 else "-infinity"))
    return sql.SQL("('epoch'::timestamptz + {}::bigint * interval '1 microsecond')").format(sql.Literal(micros))


def enters(measure: Measure) -> sql.Composable:
    """The condition on `activities f` for the facts that enter a measure while they are in its window."""
    parts: list[sql.Composable] = [sql.SQL("f.activity = {}").format(sql.Literal(measure.activity))]
    if measure.of is not None:
        parts.append(sql.SQL("f.properties ? {}").format(sql.Literal(measure.of)))
    if measure.where is not None:
        assert isinstance(measure.where, Node), "a tree of conditions"
        parts.append(joined(measure.where, lambda condition: on_row(FACT, condition)))
    return sql.SQL(" AND ").join(parts)


def counts(measure: Measure, moment: Moment, at: sql.Composable | None = None) -> sql.Composable:
    """The condition on `activities f` for the facts that count at a moment; or at an instant of the moment's day."""
    after, until = _bounds(measure, moment, at)
    return sql.SQL("{} AND f.time > {} AND f.time <= {}").format(enters(measure), after, until)


def json_of(measure: Measure, moment: Moment) -> sql.Composable:
    """The value of a measure for `customers c` at a moment, as JSON; NULL where there is none."""
    if measure.aggregate == "latest":
        return _latest(FACT.shown, str(measure.of), counts(measure, moment))
    return sql.SQL("to_jsonb({})").format(measured(measure, False, moment).text)


def measured(measure: Measure, as_day: bool, moment: Moment, at: sql.Composable | None = None) -> RowValue:
    """The value of a measure for `customers c`, by a query of its own."""
    facts = counts(measure, moment, at)
    if measure.aggregate == "latest":
        value = _latest(*_latest_of(measure, as_day), facts)
        return _value_of(measure, as_day, moment, value)
    value = _shown(measure, _aggregate(measure, as_day, _NOTHING), sql.SQL("count(*)"))
    return _value_of(
        measure,
        as_day,
        moment,
        sql.SQL("(SELECT {} FROM activities f WHERE {} AND {})").format(value, _OF_CUSTOMER, facts),
    )


def shown(measure: Measure) -> sql.Composable:
    """The value of a measure as people are shown it, as JSON, over the rows of `activities f` that count; or NULL."""
    value = _shown(measure, _aggregate(measure, False, _NOTHING), sql.SQL("count(*)"))
    match measure.aggregate:
        case "latest":
            return sql.SQL(_LATEST).format(source=FACT.shown, key=sql.Literal(measure.of), only=_NOTHING)
        case "average":
            value = sql.SQL("trim_scale(round({}, {}))").format(value, sql.Literal(SHOWN_DECIMALS))
        case "first_at" | "last_at":
            value = text_of_instant(value)
    return sql.SQL("to_jsonb({})").format(value)


class MeasuredTogether:
    """What filters ask of behaviour as columns of one scan of facts, which are joined as `b` with customers.

    The columns are those that `value` was asked for; what is more than a row can have is read by a query of its own.
    Then it `is_whole` no more: customers without any of its facts may have others.
    """

    def __init__(self, moment: Moment) -> None:
        self.is_whole = True
        self._moment = moment
        self._columns: dict[tuple[str, bool], tuple[int, Measure]] = {}

    def __bool__(self) -> bool:
        return bool(self._columns)

    def value(self, measure: Measure, as_day: bool) -> RowValue:
        """The value of a measure, from the columns."""
        if len(self._columns) == MOST_COLUMNS and (measure.key, as_day) not in self._columns:
            self.is_whole = False
            return measured(measure, as_day, self._moment)
        place, _ = self._columns.setdefault((measure.key, as_day), (len(self._columns), measure))
        raw: sql.Composable = sql.SQL("b.m{}").format(sql.SQL(str(place)))
        if measure.aggregate in ("count", "distinct"):
            raw = sql.SQL("coalesce({}, 0)").format(raw)
        shown = _shown(measure, raw, sql.SQL("b.n{}").format(sql.SQL(str(place))))
        return _value_of(measure, as_day, self._moment, shown)

    def columns(self) -> sql.Composable:
        """The columns of the scan."""
        parts: list[sql.Composable] = []
        for (_, as_day), (place, measure) in self._columns.items():
            only: sql.Composable = _NOTHING
            if len(self._columns) > 1:
                only = sql.SQL("FILTER (WHERE {})").format(counts(measure, self._moment))
            number = sql.SQL(str(place))
            parts.append(sql.SQL("{} AS m{}").format(_aggregate(measure, as_day, only), number))
            if measure.aggregate == "average":
                parts.append(sql.SQL("count(*) {} AS n{}").format(only, number))
        return sql.SQL(", ").join(parts)

    def facts(self) -> sql.Composable:
        """The condition on `activities f` for the facts that any column needs."""
        measures = [measure for _, measure in self._columns.values()]
        if len(measures) == 1:
            return counts(measures[0], self._moment)
        assert self._moment.days is not None, "windows end when the account's days begin"
        windows = [each.window.counted(self._moment.micros, self._moment.days) for each in measures]
        return sql.SQL("f.activity = ANY ({}) AND f.time > {} AND f.time <= {}").format(
            sql.Literal(sorted({each.activity for each in measures})),
            instant(min(each.after for each in windows)),
            instant(max(each.until for each in windows)),
        )


def _bounds(measure: Measure, moment: Moment, at: sql.Composable | None) -> _Bounds:
    assert moment.days is not None, "windows end when the account's days begin"
    counted = measure.window.counted(moment.micros, moment.days)
    if at is None:
        return _Bounds(instant(counted.after), instant(counted.until))
    edges = measure.window.edges(moment.micros, moment.days)
    after, until = instant(edges.after), sql.SQL("least({}, {})").format(at, instant(edges.until))
    if (longest := measure.window.longest) < FOREVER:
        oldest = sql.SQL("({} - {}::bigint * interval '1 microsecond')").format(at, sql.Literal(longest))
        if isinstance(measure.window, Last):
            return _Bounds(oldest, at)
        after = sql.SQL("greatest({}, {})").format(after, oldest)
    return _Bounds(after, until)


def _latest_of(measure: Measure, as_day: bool) -> tuple[sql.SQL, str]:
    """Where the property is that a latest value is of, and its key there."""
    if as_day:
        return FACT.compared, f"{measure.of}@day"
    return FACT.compared if measure.type in ("text", "list") else FACT.shown, str(measure.of)


def _latest(source: sql.Composable, key: str, facts: sql.Composable) -> sql.Composable:
    return sql.SQL(
        "(SELECT {}->{} FROM activities f WHERE {} AND {} ORDER BY f.time DESC, f.position DESC LIMIT 1)"
    ).format(source, sql.Literal(key), _OF_CUSTOMER, facts)


def _aggregate(measure: Measure, as_day: bool, only: sql.Composable) -> sql.Composable:
    """The aggregate over rows of `activities f`."""
    if measure.aggregate == "latest":
        source, name = _latest_of(measure, as_day)
        return sql.SQL(_LATEST).format(source=source, key=sql.Literal(name), only=only)
    key = sql.Literal(measure.of)
    number = sql.SQL("(f.properties->>{})::numeric").format(key)
    return sql.SQL(_AGGREGATES[measure.aggregate]).format(key=key, number=number, only=only)


def _shown(measure: Measure, aggregate: sql.Composable, count: sql.Composable) -> sql.Composable:
    """The value of a measure from the aggregate of `count` facts; of instants a timestamp."""
    match measure.aggregate:
        case "sum":
            return sql.SQL("coalesce(trim_scale({}), 0)").format(aggregate)
        case "average":
            return quotient(aggregate, count)
        case "min" | "max":
            return sql.SQL("trim_scale({})").format(aggregate)
    return aggregate


def _value_of(measure: Measure, as_day: bool, moment: Moment, value: sql.Composable) -> RowValue:
    """The value of a measure as conditions compare it."""
    is_set = sql.SQL("{} IS NOT NULL").format(value)
    if measure.aggregate == "latest":
        return RowValue(sql.SQL("({} #>> '{{}}')").format(value), value, is_set)
    text = value
    if measure.type == "datetime":
        assert moment.days is not None, "days begin in the account's zone"
        zone = sql.Literal(moment.days.zone.key)
        as_text = sql.SQL("to_char({} AT TIME ZONE {}, 'YYYY-MM-DD')").format(value, zone)
        text = as_text if as_day else text_of_instant(value)
    return RowValue(text, value, is_set)

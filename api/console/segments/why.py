"""Why a customer is in a segment or is not, in words; and the page on which to ask it about anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.console.segments.causes import cause_of, changed, origin, passed
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.context import Here
from api.http.lookup import require_explanation, require_segment
from api.http.parameters import TEXT_PATTERN, PathId
from api.http.read_your_writes import snapshot
from domain.filters.explanation import missing
from domain.filters.nesting import SEGMENT
from domain.filters.wording import Words
from domain.moments import micros
from domain.stored_events import SegmentCreated
from projections.read import customers, segments
from projections.read.explanations import MembershipExplanation

router = APIRouter(prefix="/segments/{segment_id}")
MOST_FOUND = 25


class Line(NamedTuple):
    """A node of a filter as a page shows it: a condition with the customer's value, or the heading of a group."""

    text: str
    value: str | None
    result: bool
    nodes: list[Line]


@router.get("/customers/{customer_id}/why")
def explain(request: Request, here: Here, person: SignedIn, segment_id: PathId, customer_id: PathId) -> Response:
    """Why she is in it, or what is missing."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        found = require_explanation(connection, account_id, segment, customer_id)
        words = words_of(connection, account_id, found.tree)
        tree = found.tree
        told = None if tree is None else line_of(tree, words)
        lacking = [] if tree is None or found.since is not None else list(_missing(tree, words))
        because, details = because_of(found, words)
    values = {
        "person": person, "active": "segments", "segment": segment, "state": segment.state, "zone": words.zone,
        "customer": called(found.customer.shown), "customer_id": found.customer_id, "since": found.since,
        "last": found.last, "because": because, "details": details, "tree": told, "missing": lacking,
        "one_suffices": tree is not None and found.since is None and _chooses(tree),
    }  # fmt: skip
    return show(request, "why.html", values)


@router.get("/why")
def ask(
    request: Request,
    here: Here,
    person: SignedIn,
    segment_id: PathId,
    query: Annotated[str, Query(max_length=200, pattern=TEXT_PATTERN)] = "",
) -> Response:
    """Look for a customer, in the segment or not, and ask why."""
    account_id = person.account_id
    with snapshot(here, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        rows = []
        if query.strip():
            wanted = customers.parse_search(connection, account_id, query)
            rows = customers.page(connection, account_id, wanted, before=None, limit=MOST_FOUND + 1)
    values = {
        "person": person, "active": "segments", "segment": segment, "query": query, "more": len(rows) > MOST_FOUND,
        "customers": [(row.customer_id, called(row.values), row.values) for row in rows[:MOST_FOUND]],
    }  # fmt: skip
    return show(request, "why_ask.html", values)


def called(values: dict[str, Any]) -> str:
    """What to call a customer: by name, else by phone number, else by the upstream system's id."""
    return str(values.get("name") or values.get("phone") or values.get("external_id") or "This customer")


def words_of(connection: Any, account_id: UUID, tree: Any = None) -> Words:
    """How an account speaks, with the names of the segments that a filter's conditions name."""
    return segments.words(connection, account_id, [list(_leaves(tree))] if tree else ())


def line_of(told: dict[str, Any], words: Words) -> Line:
    """A filter's tree as lines."""
    group = told.get("group")
    if group is None:
        value = words.value(told["attribute"], told["actual"])
        if told["attribute"] == SEGMENT:
            value = f"in {value}" if told["actual"] else "in none of them"
        return Line(words.condition(told), value, told["result"], [])
    nodes = told["nodes"]
    if group != "not" and len(nodes) == 1:
        return line_of(nodes[0], words)
    heading = {"all": "All of these", "any": "Any of these", "not": "Not"}[group]
    if not nodes:
        heading = "No filters: nobody matches"
    return Line(heading, None, told["result"], [line_of(each, words) for each in nodes])


def because_of(found: MembershipExplanation, words: Words) -> tuple[str | None, list[str]]:
    """What happened last, as the end of a sentence that begins with "because", and what can be said beyond it."""
    last, told = found.last, found.event
    if last is None:
        return None, []
    match last.cause:
        case "change" if told is not None and told.values:
            source = origin(told)
            named = f"change {told.change_id}{source}" if told.change_id and source else f"a change{source}"
            reads = frozenset(face.partition("@")[0] for face in found.reads)
            return changed(told, reads, words), [named] if source else []
        case "change":
            return f"of a change{origin(told)}", []
        case "time":
            return " and ".join(_flipped(found, words)) or "time passed", []
        case "edit" if told is not None and told.type == SegmentCreated.type_name:
            return "all conditions held already when the segment was created", []
        case "edit":
            said = cause_of(last.cause, last.joined, told)
            return said[0].lower() + said[1:], []
        case "manual" | "import":
            return None, [cause_of(last.cause, last.joined, told)]
    return cause_of(last.cause, last.joined, told).lower(), []


def _flipped(found: MembershipExplanation, words: Words) -> Iterator[str]:
    """The conditions that time turned at the instant of the last flip, as far as her values are still those of then."""
    if found.tree_at is None or found.last is None:
        return
    at = micros(found.last.at)
    before, after = found.tree_at(found.days.moment(at - 1)), found.tree_at(found.days.moment(at))
    for one, other in zip(_leaves(before), _leaves(after), strict=True):
        if one["result"] != other["result"] and other["attribute"] != SEGMENT:
            yield passed(other, words)


def _missing(tree: dict[str, Any], words: Words) -> Iterator[str]:
    """What keeps her out, a sentence for each condition."""
    wanted = {each["pointer"]: not each["result"] for each in _nodes(tree)}
    by_pointer = {each["pointer"]: each for each in _nodes(tree)}
    for pointer in missing(tree):
        told = by_pointer[pointer]
        if "attribute" not in told:
            yield "The filter is empty, and an empty filter matches nobody"
            continue
        must = "must hold" if wanted[pointer] else "must not hold"
        actual = words.value(told["attribute"], told["actual"])
        value = actual if told["attribute"] != SEGMENT else f"in {actual}" if told["actual"] else "in none of them"
        yield f"“{words.condition(told)}” {must}; the value is: {value}"


def _chooses(told: dict[str, Any], wanted: bool = True) -> bool:
    """Whether some of what is missing are alternatives, of which one suffices."""
    if told["result"] == wanted or not told.get("nodes"):
        return False
    alternatives = told["group"] == ("any" if wanted else "all") and len(told["nodes"]) > 1
    return alternatives or any(_chooses(each, wanted != (told["group"] == "not")) for each in told["nodes"])


def _nodes(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield told
    for each in told.get("nodes") or ():
        yield from _nodes(each)


def _leaves(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (each for each in _nodes(told) if "attribute" in each)

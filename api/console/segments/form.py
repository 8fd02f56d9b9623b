"""The form of a segment: name, description, and for dynamic segments the filter builder. Used by `creation` and `edit`.

The form is posted to the page's own address. A button of the builder posts it too (`action`) and gets the page back
with a row more or fewer: with scripts only the builder of that page is replaced, without them the whole page. Between
requests the server stores nothing: everything is in the form.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from api.console.filters.actions import can_move
from api.console.filters.behaviour import periods_with, properties_for
from api.console.filters.conversion import CHOICES, item_to_text, to_filter_json
from api.console.filters.form import kind_of, offered_operators, values_address
from api.console.filters.values import to_json_line
from api.console.filters.vocabulary import (
    AGGREGATE_WORDS,
    MATCH_WORDS,
    MOVE_WORDS,
    WINDOW_WORDS,
    period_words,
    unit_of,
)
from api.console.paths import CONSOLE_PATH
from api.console.segments.draft import Draft, FormContext, check_filter
from api.console.web.rendering import show
from api.console.web.session import SignedInUser
from api.http.dependencies import Services
from domain.calendar import PERIODS, RETURN_PERIODS
from domain.filters.behaviour.measures import OF_PROPERTY
from domain.filters.templates import templates
from domain.filters.wording import MONTHS

SEGMENTS_PATH = f"{CONSOLE_PATH}/segments"
# Every other action belongs to a button of the builder. A form sent without scripts may name none.
SAVE_ACTIONS = ("", "save", "keep")
# What the builder's template needs to show values.
BUILDER_VALUES: dict[str, Any] = {
    "match_words": MATCH_WORDS,
    "months": MONTHS,
    "periods": {"period": PERIODS, "return_period": RETURN_PERIODS},
    "period_words": period_words,
    "unit_of": unit_of,
    "item_to_text": item_to_text,
    "can_move": can_move,
    "move_words": MOVE_WORDS,
    "kind_of": kind_of,
    "offered_operators": offered_operators,
    "values_address": values_address,
    "aggregate_words": AGGREGATE_WORDS,
    "window_words": WINDOW_WORDS,
    "of_property_aggregates": OF_PROPERTY,
    "properties_for": properties_for,
    "periods_with": periods_with,
    "silent": CHOICES,
}


def show_form(
    request: Request, draft: Draft, context: FormContext, values: dict[str, Any], status: int = 200
) -> Response:
    """Shows the form; `values` are those that only its page knows."""
    return show(request, "segment_form.html", builder_values(draft, context) | values, status)


def builder_values(draft: Draft, context: FormContext) -> dict[str, Any]:
    """Returns what the builder's template needs to show a draft, but for `action`."""
    written = to_filter_json(draft.root, context.zone)
    return BUILDER_VALUES | {
        "draft": draft,
        "vocabulary": context.vocabulary,
        "zone": context.zone,
        "offered": list(templates(context.vocabulary.types, context.vocabulary.activities)),
        "filter_text": "" if written.unfinished else _in_lines(written.json),
    }


def note_unfinished(services: Services, user: SignedInUser, draft: Draft, context: FormContext) -> None:
    """Notes beside each condition of the draft what it still needs."""
    if draft.dynamic:
        draft.notes = check_filter(services, user.account_id, draft, context).notes


def _in_lines(written: Any) -> str:
    """Returns a filter as JSON, a plain list with a node on each line."""
    if not isinstance(written, list):
        return to_json_line(written)
    return "[\n  " + ",\n  ".join(to_json_line(each) for each in written) + "\n]"

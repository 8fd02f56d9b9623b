"""The form of a segment: name, description, and for dynamic segments the filter builder. Used by `creation` and `edit`.

The form is posted to the page's own address. A button of the builder posts it too (`action`) and gets the page back
with a row more or fewer: with scripts only the builder of that page is replaced, without them the whole page. Between
requests the server stores nothing: everything is in the form.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from api.console.filters.conversion import item_to_text
from api.console.filters.vocabulary import MATCH_WORDS, period_words, unit_of
from api.console.paths import CONSOLE_PATH
from api.console.segments.draft import Draft, FormContext, check_filter
from api.console.web.rendering import show
from api.console.web.session import SignedInUser
from api.http.dependencies import Services
from domain.calendar import PERIODS, RETURN_PERIODS
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
}


def show_form(
    request: Request, draft: Draft, context: FormContext, values: dict[str, Any], status: int = 200
) -> Response:
    """Shows the form; `values` are those that only its page knows."""
    common = {"draft": draft, "vocabulary": context.vocabulary, "zone": context.zone}
    return show(request, "segment_form.html", BUILDER_VALUES | common | values, status)


def note_unfinished(services: Services, user: SignedInUser, draft: Draft, context: FormContext) -> None:
    """Notes beside each condition of the draft what it still needs."""
    if draft.dynamic:
        draft.notes = check_filter(services, user.account_id, draft, context).notes

"""Errors as pages: what went wrong, and the way back to the list that the page belongs to. Used by `api.console.app`.

A live region whose page is about something that was deleted meanwhile gets a message to show above the page instead,
on which it asks no more. What a form was about was there when the form was shown: it, too, was deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response

from api.console.paths import CONSOLE_PATH
from api.console.web.language import language_of
from api.console.web.parts import is_for_part
from api.console.web.rendering import sentence, show
from api.http.problems import KINDS
from domain.errors import NotFound, RollcallError
from domain.texts.language import said

# What is said where something was there before, by the code of the error.
DELETED = {
    "segment_not_found": said("This segment was deleted."),
    "campaign_not_found": said("This campaign was deleted."),
    "customer_not_found": said("This customer was erased."),
    "webhook_not_found": said("This webhook was deleted."),
    "label_not_found": said("This label was deleted."),
}
GONE = said("What this page is about is no longer there.")
# The list that a page belongs to, by the first part of its path; every other page belongs to the first of them.
LISTS = {
    "segments": said("Back to the segments"),
    "campaigns": said("Back to the campaigns"),
    "customers": said("Back to the customers"),
    "audiences": said("Back to the frozen audiences"),
    "webhooks": said("Back to the webhooks"),
    "attributes": said("Back to the attributes"),
    "keys": said("Back to the API keys"),
    "people": said("Back to the people"),
}


def error_page(
    request: Request,
    status: int,
    detail: str,
    error: RollcallError | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Returns an error as a page, or in the dialog that sent the request. Details of our own bugs are not shown."""
    kind, language = KINDS.get(status), language_of(request)
    shown = (
        detail
        if status < 500 or status in (503, 504)
        else said("An unexpected error occurred. Details are in the server's log.")
    )
    is_gone = isinstance(error, NotFound)
    if isinstance(error, NotFound) and (is_for_part(request) or request.method == "POST"):
        shown = DELETED.get(error.code, GONE)
    section = request.url.path.removeprefix(f"{CONSOLE_PATH}/").partition("/")[0]
    section = section if section in LISTS else "segments"
    values = {
        "user": None,
        "status": status,
        "heading": language.translation(kind.title if kind else said("Something went wrong")),
        "detail": sentence(language.of(shown)),
        "above_page": is_gone and is_for_part(request),
        "back": f"{CONSOLE_PATH}/{section}",
        "back_label": LISTS[section],
    }
    answer = show(request, "error.html", values, status)
    answer.headers.update(headers or {})
    return answer

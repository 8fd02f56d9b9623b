"""The question before customers are removed from a static segment. Used by every list from which they can be."""

from __future__ import annotations

from fastapi import Request, Response

from api.console.members.customer_lines import customer_line
from api.console.members.selection import Selection, size_of
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedInUser
from api.http.dependencies import Services
from api.http.lookup import require_segment
from api.http.read_your_writes import snapshot
from domain.errors import Refused
from projections.read import accounts, customers
from projections.read.segments import SegmentRow

MAX_NAMED = 10


def ask_to_remove(
    request: Request, services: Services, user: SignedInUser, segment_id: str, selection: Selection
) -> Response:
    """Shows who would be removed: the first of those ticked by name."""
    account_id = user.account_id
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        refuse_dynamic(segment)
        words = accounts.words(connection, account_id).spoken(language_of(request))
        total = size_of(services, connection, account_id, selection)
        found = (customers.by_id(connection, account_id, each) for each in selection.ids[:MAX_NAMED])
        lines = [customer_line(row, words) for row in found if row is not None]
    values = {"segment": segment, "lines": lines, "total": total, "selection": selection}
    return show(request, "member_remove.html", values)


def refuse_dynamic(segment: SegmentRow) -> None:
    """Raises `Refused` for a dynamic segment."""
    if segment.type != "static":
        raise Refused(
            "members_are_computed",
            "the members of a dynamic segment are computed from its filters; change the filters instead",
        )

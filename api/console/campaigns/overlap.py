"""How the chosen segments overlap: on the campaign's page, on a page of its own, and while they are being chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter, Request

from api.console.campaigns import reach
from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn, SignedInUser
from api.http.dependencies import Services, ServicesDep
from api.http.lookup import require_campaign
from api.http.parameters import PathId
from api.http.read_your_writes import WaitingAnswer, Waits, snapshot, wait_for_scan_place
from api.http.route import AccountRoute
from domain.errors import Invalid, Unavailable
from projections.read import accounts
from projections.read.audiences import overlap
from projections.read.audiences.overlap import Overlap, Part

router = APIRouter(prefix="/campaigns", route_class=AccountRoute)


class Compared(NamedTuple):
    """How segments overlap, or why that is not shown."""

    found: Overlap | None
    reason: str

    @property
    def largest(self) -> int:
        """The length of the longest bar."""
        parts: Sequence[Part] = [*self.found.included, *self.found.left_out] if self.found else []
        return max((part.recipients for part in parts), default=0) or 1


@router.get("/{campaign_id}/overlap")
def view(request: Request, services: ServicesDep, user: SignedIn, campaign_id: PathId) -> WaitingAnswer:
    """Shows how the campaign's segments overlap now. Its page requests this after itself."""
    with snapshot(services, user.account_id) as (connection, _):
        row = require_campaign(connection, user.account_id, campaign_id)
        lists = reach.chosen_segments(connection, user.account_id, row.segment_ids, row.exclude_segment_ids)
        days, _ = accounts.calendar(connection, user.account_id)
    compared = yield from compare(request, services, user, lists)
    values = {"campaign": row, "compared": compared, "zone": days.zone, "now": services.rollcall.now()}
    return show(request, "overlap.html", values)


def compare(request: Request, services: Services, user: SignedInUser, lists: reach.ChosenSegments) -> Waits[Compared]:
    """Returns how the segments of two lists overlap now."""
    words = language_of(request)
    if len({row.segment_id for row in (*lists.included, *lists.left_out)}) < 2:
        return Compared(None, words.gettext("Choose two or more segments to see how they overlap."))
    if lists.not_computed:
        name = lists.not_computed[0]
        return Compared(None, words.gettext("%(name)s is still being computed.", name=name))
    alone = yield from wait_for_scan_place()
    try:
        with snapshot(services, user.account_id) as (connection, _):
            return Compared(overlap.of_segments(connection, user.account_id, *lists, alone=alone), "")
    except Unavailable as error:
        if error.code != "preview_too_slow":
            raise
        return Compared(None, words.gettext("Too many members to compare in time. Try again later."))
    except Invalid:
        most = overlap.MOST_COMPARED
        return Compared(None, words.gettext("At most %(most)s segments can be compared.", most=most))

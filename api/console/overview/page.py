"""The Overview page: what changed today, what needs attention and where to act on it, and what was sent last."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.account.health_verdicts import verdict_on_log
from api.console.web.language import language_of
from api.console.web.rendering import is_unchanged, nothing_new, show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.instants import micros
from projections.read import accounts
from projections.read.overview.today import overview
from projections.read.position import installation_status

router = APIRouter(route_class=AccountRoute)


@router.get("/overview")
def view(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Shows the overview of the account now."""
    now = services.rollcall.now()
    freshness = verdict_on_log(language_of(request), installation_status(services.database), now)
    with snapshot(services, user.account_id) as (connection, position):
        days, _ = accounts.calendar(connection, user.account_id)
        # Time alone changes what is shown at midnight, and when the position stands still although events wait.
        seen = f"{position} {days.day_of(micros(now))} {freshness.kind}"
        if is_unchanged(request, seen):
            return nothing_new()
        found = overview(connection, user.account_id, days, now)
    return show(request, "overview.html", {"seen": seen, "today": found, "zone": days.zone, "freshness": freshness})

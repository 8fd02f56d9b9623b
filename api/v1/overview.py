"""The overview: `GET /v1/overview`. What changed today in the account, and what needs attention."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.account.overview import EXAMPLE, Overview, show_overview
from api.http.shapes.openapi import answers
from projections.read import accounts
from projections.read.overview.today import overview

router = APIRouter(prefix="/v1/overview", tags=["overview"], route_class=AccountRoute)


@router.get(
    "",
    operation_id="get_overview",
    response_model=Overview,
    responses=answers({200: ("The account today.", EXAMPLE)}, 504),
)
def get_overview(services: ServicesDep, caller: Reader) -> Response:
    """Read what changed today: the segments that moved most, opt-outs, what failed, and the newest campaigns."""
    with snapshot(services, caller.account_id) as (connection, position):
        days, _ = accounts.calendar(connection, caller.account_id)
        found = overview(connection, caller.account_id, days, services.rollcall.now())
    return answer(show_overview(found), position)

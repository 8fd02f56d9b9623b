"""Retention: `/v1/activities/retention`, how many days an activity of the account counts."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.access import Admin, Reader
from api.http.dependencies import ServicesDep
from api.http.json_body import Body, parse_body
from api.http.read_your_writes import WaitingAnswer, snapshot, wait_until_visible
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.events import RetentionBody
from api.http.shapes.openapi import answers, takes
from projections.read.behaviour import all_activities

router = APIRouter(prefix="/v1/activities/retention", tags=["activities"], route_class=AccountRoute)
EXAMPLE = {"days": 730}


@router.get(
    "",
    operation_id="get_activity_retention",
    response_model=RetentionBody,
    responses=answers({200: ("How many days.", EXAMPLE)}, 504),
)
def get_retention(services: ServicesDep, caller: Reader) -> Response:
    """Read how many days old an activity becomes before it counts no more; null where it counts without end."""
    with snapshot(services, caller.account_id) as (connection, position):
        days = all_activities.kept_days(connection, caller.account_id)
    return answer({"days": days}, position)


@router.put(
    "",
    operation_id="set_activity_retention",
    response_model=RetentionBody,
    responses=answers({200: ("How many days from now on.", EXAMPLE)}, 400, 413, 415, 504),
    openapi_extra=takes(RetentionBody, EXAMPLE),
)
def set_retention(services: ServicesDep, caller: Admin, body: Body) -> WaitingAnswer:
    """Let an activity count until it is so many days of 24 hours old, whatever a window says; null: without end.

    "Ever" is then these days. Segments and computed attributes that ask about activities are computed anew, and the
    old members are served until the new ones are known. What counts no more is removed for good, also at once by a
    shorter retention: a longer one does not bring it back.
    """
    days = parse_body(body, RetentionBody).days
    position = services.rollcall.accounts.keep_activities(caller.account_id, days, by=caller.by)
    yield from wait_until_visible(services, caller.account_id, position)
    return answer({"days": days}, position)

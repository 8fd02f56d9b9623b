"""What SDKs and Kafka's topics brought: `/v1/received`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.access import Reader
from api.http.dependencies import ServicesDep
from api.http.read_your_writes import snapshot
from api.http.responses import answer
from api.http.route import AccountRoute
from api.http.shapes.openapi import answers
from api.http.shapes.sdk import EXAMPLE_RECEIVED, AllReceived
from projections.records import received_counts

router = APIRouter(prefix="/v1", tags=["analytics SDKs"], route_class=AccountRoute)


@router.get(
    "/received",
    operation_id="list_received",
    response_model=AllReceived,
    responses=answers({200: ("All counts: messages, records, values.", {"data": [EXAMPLE_RECEIVED]})}, 504),
)
def list_received(services: ServicesDep, caller: Reader) -> Response:
    """List the messages of SDKs and the records of topics by result, and which values were left out, and why."""
    with snapshot(services, caller.account_id) as (connection, position):
        rows = received_counts.of_account(connection, caller.account_id)
    counts: AllReceived = {
        "data": [
            {
                "door": row.door,
                "subject": row.subject,
                "name": row.name,
                "result": row.result,
                "count": row.total,
                "first_at": row.first_at,
                "last_at": row.last_at,
            }
            for row in rows
        ]
    }
    return answer(counts, position)

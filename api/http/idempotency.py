"""`Idempotency-Key` on POSTs: the work is done once, and repeats of the request get the same answer.

A handler wraps its work in `answer_once`. Only successes are kept: after a refusal nothing has changed, and the
same request may be sent again. If the process dies between the work and keeping its answer, the repeat does the
work again with the same `identity`, from which the handler derives ids, so that nothing is created twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID, uuid5

from fastapi import Response

from api.http.access import Caller
from api.http.dependencies import Services
from api.http.problems import RequestError
from api.http.read_your_writes import POSITION_HEADER, WaitingAnswer
from domain.errors import Invalid, Unavailable
from projections.records.idempotency_keys import begin, complete, forget

KEPT_HEADERS = (POSITION_HEADER, "ETag", "Location")
REPLAYED = "Idempotency-Replayed"


def identity_of(caller: Caller, address: str, key: str) -> UUID:
    """Returns the identity of what the request with this key creates, the same for every repeat."""
    return uuid5(caller.account_id, f"{address}\n{key}")


def answer_once(
    services: Services,
    caller: Caller,
    key: str | None,
    request: tuple[str, bytes],
    work: Callable[[UUID | None], Response | WaitingAnswer],
) -> WaitingAnswer:
    """Returns the answer of `work`, or repeats it; `request` is the address and body (or its hash) that the key is for.

    Raises `Invalid` where the key was used for another request, `RequestError` while the first one is being answered.
    """
    if key is None:
        return (yield from _finish(work(None)))
    address, body = request
    request_hash = hashlib.sha256(address.encode() + b"\n" + body).digest()
    earlier = begin(services.database, caller.account_id, key, request_hash, services.rollcall.now())
    if earlier is not None:
        if earlier.request_hash != request_hash:
            raise Invalid("idempotency_key_reused", "this Idempotency-Key was used for another request; use a new one")
        if earlier.status is None:
            raise RequestError(
                409,
                "request_in_progress",
                "the first request with this Idempotency-Key is still being answered",
                headers={"Retry-After": "1"},
            )
        headers = {**(earlier.headers or {}), REPLAYED: "true"}
        return Response(earlier.body, earlier.status, headers, "application/json")
    try:
        response = yield from _finish(work(identity_of(caller, address, key)))
    except BaseException:
        forget(services.database, caller.account_id, key)
        raise
    if response.status_code >= 400:
        forget(services.database, caller.account_id, key)
        return response
    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    # The work is done: where its answer cannot be kept, a repeat does it again, with the same `identity`.
    with suppress(Unavailable):
        complete(
            services.database,
            caller.account_id,
            key,
            status=response.status_code,
            headers=kept,
            body=bytes(response.body),
        )
    return response


def _finish(answer: Response | WaitingAnswer) -> WaitingAnswer:
    return answer if isinstance(answer, Response) else (yield from answer)

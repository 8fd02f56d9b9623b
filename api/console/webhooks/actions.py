"""What people do with a webhook: pause it, let it go on, test it, send again, replace its secret, delete it."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request, Response

from api.console.web.rendering import done, show
from api.console.web.session import SignedIn
from api.console.webhooks.shown import find
from api.http.dependencies import ServicesDep
from api.http.lookup import parse_webhook_id
from api.http.parameters import PathId
from api.http.route import AccountRoute
from domain.errors import Refused
from domain.texts.language import said
from domain.webhooks.signing import new_secret
from projections.webhooks import subscriptions

router = APIRouter(prefix="/webhooks/{webhook_id}", route_class=AccountRoute)
Position = Annotated[int, Query(ge=0, le=2**63 - 1)]
PostedPosition = Annotated[int, Form(ge=0, le=2**63 - 1)]


@router.post("/pause")
def pause(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Pauses the webhook; what waits is kept."""
    row = subscriptions.edit(
        services.database,
        user.account_id,
        parse_webhook_id(webhook_id),
        {},
        expected=None,
        state="paused",
        full_send=False,
        now=services.rollcall.now(),
    )
    return done(request, said("%(name)s is paused", name=row.subscription.name), f"/console/webhooks/{row.webhook_id}")


@router.get("/resume")
def ask_to_resume(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Asks whether the webhook goes on: with what waits, or with all present members."""
    webhook = find(services, user.account_id, webhook_id)
    gap = webhook.row.reason == "changes_forgotten"
    return show(request, "webhook_resume.html", {"webhook": webhook, "gap": gap, "full_send": gap})


@router.post("/resume")
def resume(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    webhook_id: PathId,
    full_send: Annotated[str, Form()] = "",
) -> Response:
    """Lets the webhook go on; where changes are gone, asks for all present members."""
    try:
        row = subscriptions.edit(
            services.database,
            user.account_id,
            parse_webhook_id(webhook_id),
            {},
            expected=None,
            state="active",
            full_send=bool(full_send),
            now=services.rollcall.now(),
        )
    except Refused:
        webhook = find(services, user.account_id, webhook_id)
        return show(request, "webhook_resume.html", {"webhook": webhook, "gap": True, "full_send": True}, 409)
    return done(request, said("%(name)s goes on", name=row.subscription.name), f"/console/webhooks/{row.webhook_id}")


@router.post("/test")
def send_test(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Has a test message sent; its result is in the log in a moment."""
    row = subscriptions.ask_for_test(services.database, user.account_id, parse_webhook_id(webhook_id), uuid4())
    return done(request, said("A test message is on its way"), f"/console/webhooks/{row.webhook_id}")


@router.get("/redeliver")
def ask_to_redeliver(
    request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId, position: Position = 0
) -> Response:
    """Asks whether to send again from a position."""
    webhook = find(services, user.account_id, webhook_id)
    return show(request, "webhook_redeliver.html", {"webhook": webhook, "position": position, "errors": {}})


@router.post("/redeliver")
def redeliver(
    request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId, position: PostedPosition
) -> Response:
    """Sends every change at or after a position again."""
    try:
        row = subscriptions.redeliver(
            services.database, user.account_id, parse_webhook_id(webhook_id), position, services.rollcall.now()
        )
    except Refused:
        problem = {
            "position": said(
                "Changes of that position are no longer kept. To send all present members, edit the webhook."
            )
        }
        webhook = find(services, user.account_id, webhook_id)
        values = {"webhook": webhook, "position": position, "errors": problem}
        return show(request, "webhook_redeliver.html", values, 409)
    return done(
        request,
        said("Sending again from position %(position)s", position=position),
        f"/console/webhooks/{row.webhook_id}",
    )


@router.get("/secret")
def ask_for_secret(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Asks whether to replace the secret: what that means."""
    webhook = find(services, user.account_id, webhook_id)
    return show(request, "webhook_secret.html", {"webhook": webhook, "secret": None})


@router.post("/secret")
def replace_secret(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Replaces the secret and shows the new one, once."""
    secret = new_secret()
    wanted = parse_webhook_id(webhook_id)
    subscriptions.rotate(services.database, user.account_id, wanted, secret, services.rollcall.now())
    webhook = find(services, user.account_id, webhook_id)
    return show(request, "webhook_secret.html", {"webhook": webhook, "secret": secret}, Cache_Control="no-store")


@router.get("/delete")
def ask_to_delete(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Asks whether to delete the webhook: what is lost."""
    return show(request, "webhook_delete.html", {"webhook": find(services, user.account_id, webhook_id)})


@router.post("/delete")
def delete(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Deletes the webhook."""
    webhook = find(services, user.account_id, webhook_id)
    subscriptions.delete(services.database, user.account_id, webhook.row.webhook_id, None)
    return done(request, said("%(name)s was deleted", name=webhook.row.subscription.name), "/console/webhooks")

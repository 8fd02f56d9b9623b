"""Create Webhook and Edit Webhook: where to deliver, whose changes, which, with which fields of the customer.

The secret is shown once, on the page that answers the first form. It is derived from the form, so that the same form
sent twice creates one webhook and shows the same secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Form, Request, Response

from api.console.web.rendering import done, show
from api.console.web.session import SignedIn, SignedInUser
from api.console.webhooks.shown import find
from api.http.dependencies import Services, ServicesDep
from api.http.parameters import TEXT_PATTERN, PathId, parse_uuid
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.errors import Invalid, Refused, StaleVersion
from domain.texts.language import said
from domain.webhooks.signing import new_secret
from domain.webhooks.subscription import CHANGE_TYPES, ChangeType, Subscription
from projections.read import campaigns, segments
from projections.webhooks import subscriptions

router = APIRouter(prefix="/webhooks", route_class=AccountRoute)
# How many are offered beside those that are chosen.
MAX_OFFERED = 100
FIELDS = {"url": "url", "name": "name", "segment_ids": "segments", "campaign_ids": "campaigns", "events": "events",
          "fields": "fields"}  # fmt: skip
Ids = Annotated[list[str] | None, Form()]
Text = Annotated[str, Form(max_length=9_000, pattern=TEXT_PATTERN)]


class WebhookInput(NamedTuple):
    """What the form contains. `version` is that of the webhook it began from."""

    name: str = ""
    url: str = ""
    segments: tuple[UUID, ...] = ()
    campaigns: tuple[UUID, ...] = ()
    events: tuple[ChangeType, ...] = CHANGE_TYPES
    fields: str = ""
    full_send: bool = False
    version: int | None = None
    token: str = ""

    def subscription(self) -> Subscription:
        """Returns what is asked for."""
        fields = tuple(each.strip() for each in self.fields.split(",") if each.strip())
        return Subscription(self.name, self.url.strip(), self.segments, self.campaigns, self.events, fields)


class Choice(NamedTuple):
    """A segment or campaign that can be ticked."""

    id: UUID
    name: str
    chosen: bool


class Choices(NamedTuple):
    """One list of the form; `more` are not in it."""

    field: str
    rows: list[Choice]
    more: int


def webhook_input(
    name: Text = "",
    url: Text = "",
    segments: Ids = None,
    campaigns: Ids = None,
    events: Ids = None,
    fields: Text = "",
    full_send: Annotated[str, Form()] = "",
    version: Annotated[int | None, Form(ge=0, le=2**62)] = None,
) -> WebhookInput:
    """Returns the form as it was sent."""
    wanted = tuple(each for each in CHANGE_TYPES if each in (events or ()))
    return WebhookInput(name, url, _ids(segments), _ids(campaigns), wanted, fields, bool(full_send), version)


PostedWebhook = Annotated[WebhookInput, Depends(webhook_input)]


@router.get("/new")
def new(request: Request, services: ServicesDep, user: SignedIn) -> Response:
    """Shows the empty form."""
    return _show(request, services, user, WebhookInput(token=str(uuid4())))


@router.post("/new")
def create(
    request: Request,
    services: ServicesDep,
    user: SignedIn,
    typed: PostedWebhook,
    token: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Creates the webhook and shows its secret, once."""
    typed = typed._replace(token=token)
    webhook_id = uuid5(user.account_id, f"webhook:{typed!r}")
    secret = new_secret(digest(services.secret, webhook_id.bytes, sha256))
    try:
        checked = services.rollcall.webhooks.checked(user.account_id, typed.subscription(), services.webhook_networks)
        row = subscriptions.create(
            services.database,
            user.account_id,
            webhook_id,
            checked,
            secret,
            full_send=typed.full_send,
            now=services.rollcall.now(),
        )
    except Invalid as invalid:
        return _show(request, services, user, typed, errors=_errors(invalid))
    except Refused as refused:
        return _show(request, services, user, typed, errors={"": refused.detail})
    return show(request, "webhook_created.html", {"row": row, "secret": secret}, Cache_Control="no-store")


@router.get("/{webhook_id}/edit")
def edit(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId) -> Response:
    """Shows the form with the webhook as it is stored."""
    row = find(services, user.account_id, webhook_id).row
    asked = row.subscription
    typed = WebhookInput(
        asked.name, asked.url, asked.segment_ids, asked.campaign_ids, asked.events, ", ".join(asked.fields),
        version=row.version,
    )  # fmt: skip
    return _show(request, services, user, typed, row.webhook_id)


@router.post("/{webhook_id}/edit")
def save(request: Request, services: ServicesDep, user: SignedIn, webhook_id: PathId, typed: PostedWebhook) -> Response:
    """Saves the form; after an edit by someone else, asks to look again."""
    row = find(services, user.account_id, webhook_id).row
    try:
        checked = services.rollcall.webhooks.checked(user.account_id, typed.subscription(), services.webhook_networks)
        subscriptions.edit(
            services.database,
            user.account_id,
            row.webhook_id,
            checked._asdict(),
            expected=typed.version,
            state=None,
            full_send=typed.full_send,
            now=services.rollcall.now(),
        )
    except Invalid as invalid:
        return _show(request, services, user, typed, row.webhook_id, errors=_errors(invalid))
    except StaleVersion as stale:
        problem = {
            "": said("This webhook was changed or paused while you were editing it. Save again to save yours over it.")
        }
        return _show(request, services, user, typed._replace(version=stale.current), row.webhook_id, errors=problem)
    return done(request, said("%(name)s was saved", name=checked.name), f"/console/webhooks/{row.webhook_id}")


def _show(
    request: Request,
    services: Services,
    user: SignedInUser,
    typed: WebhookInput,
    webhook_id: UUID | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    with snapshot(services, user.account_id) as (connection, _):
        values: dict[str, Any] = {
            "typed": typed,
            "webhook_id": webhook_id,
            "errors": errors or {},
            "lists": _choices(connection, user.account_id, typed),
        }
    return show(request, "webhook_form.html", values, 422 if errors else 200)


def _choices(connection: Any, account_id: UUID, typed: WebhookInput) -> list[Choices]:
    kept = segments.by_ids(connection, account_id, typed.segments)
    offered = {each: row.name for each, row in kept.items()}
    newest = segments.page(connection, account_id, name=None, kind=None, before=None, limit=MAX_OFFERED)
    offered |= {row.segment_id: row.name for row in newest}
    # An archived segment is offered where it is chosen already.
    total = segments.count(connection, account_id, name=None, kind=None) + sum(row.archived for row in kept.values())
    chosen = (campaigns.by_id(connection, account_id, each) for each in typed.campaigns)
    named = {row.campaign_id: row.name for row in chosen if row is not None}
    named |= {
        row.campaign_id: row.name for row in campaigns.page(connection, account_id, before=None, limit=MAX_OFFERED)
    }
    return [
        _list("segments", offered, typed.segments, total),
        _list("campaigns", named, typed.campaigns, campaigns.count(connection, account_id)),
    ]


def _ids(texts: list[str] | None) -> tuple[UUID, ...]:
    return tuple(found for each in texts or () if (found := parse_uuid(each)))


def _list(field: str, names: Mapping[UUID, str], chosen: tuple[UUID, ...], total: int) -> Choices:
    return Choices(field, [Choice(each, name, each in chosen) for each, name in names.items()], total - len(names))


def _errors(invalid: Invalid) -> dict[str, str]:
    """Returns what is wrong, by field of the form."""
    errors: dict[str, str] = {}
    for each in invalid.errors:
        errors.setdefault(FIELDS.get(each.pointer.split("/")[1], ""), each.detail)
    return errors

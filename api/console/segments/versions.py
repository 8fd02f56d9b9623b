"""The Versions page of a dynamic segment: its filters, who set which when, and what each changed.

Going back to one opens the segment's form with that filter: with the impact beside it, and nothing changes until it is
saved.
"""

from __future__ import annotations

from itertools import pairwise

from fastapi import APIRouter, Request, Response

from api.console.web.language import language_of
from api.console.web.rendering import show
from api.console.web.session import SignedIn
from api.http.dependencies import ServicesDep
from api.http.lookup import require_segment
from api.http.parameters import PathId
from api.http.read_your_writes import snapshot
from api.http.route import AccountRoute
from domain.filters.difference import differences
from domain.texts.language import Language
from projections.read import segments
from projections.read.segment_list import versions
from projections.read.segment_list.versions import Actor

router = APIRouter(prefix="/segments", route_class=AccountRoute)


@router.get("/{segment_id}/versions")
def list_versions(request: Request, services: ServicesDep, user: SignedIn, segment_id: PathId) -> Response:
    """Shows the filters that a segment has had, newest first."""
    account_id, language = user.account_id, language_of(request)
    with snapshot(services, account_id) as (connection, _):
        segment = require_segment(connection, account_id, segment_id)
        found = versions.page(connection, account_id, segment.segment_no, segment.members)
        words = segments.words(connection, account_id, (each.filter for each in found)).spoken(language_of(request))
        actors = versions.actors(connection, account_id, (each.by for each in found))
    values = {
        "segment": segment,
        "zone": words.zone,
        "versions": [
            {
                "version": each,
                "sentence": words.sentence(each.filter),
                "who": who(actors.get(each.by or ""), language),
                "changes": differences(older.filter, each.filter, words) if older is not None else [],
                "is_first": older is None,
            }
            for each, older in pairwise([*found, None])
            if each is not None
        ],
    }
    return show(request, "versions.html", values)


def who(actor: Actor | None, language: Language) -> str:
    """Returns who did something, as a list shows it; removed people and keys have no name any more."""
    match actor:
        case None:
            return language.gettext("Not recorded")
        case Actor(kind="person", name=None):
            return language.gettext("A person who was removed")
        case Actor(kind="person"):
            return str(actor.name)
        case Actor(name=None):
            return language.gettext("An API key that was revoked")
    return language.gettext("API key %(name)s", name=actor.name)

"""What the console's benchmark asks of each page: what people ask most, and the worst that they could."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from tests.performance.console_crowd import Crowd

SEARCHES = (("a name", "ana+petrov"), ("one letter", "a"), ("a number", "%2B351910012345"), ("nobody", "zebra"))


class Case(NamedTuple):
    """An address of a page; `counts`: it counts exactly over all customers and is exempt."""

    label: str
    address: str
    counts: bool = False


def cases(crowd: Crowd, person_id: UUID, import_id: str) -> dict[str, list[Case]]:
    """The cases of each route."""
    return {
        "/sign-in": [Case("", "/sign-in")],
        "/sign-in/{token}": [Case("one that is used up", "/sign-in/used-up")],
        "/you": [Case("", "/you")],
        "/people": [Case("", "/people")],
        "/people/new": [Case("", "/people/new")],
        "/people/{person_id}/remove": [Case("", f"/people/{person_id}/remove")],
        "/attributes": [Case("", "/attributes")],
        "/attributes/new": [Case("", "/attributes/new")],
        "/attributes/{key}/edit": [Case("", "/attributes/plan/edit")],
        "/keys": [Case("", "/keys")],
        "/keys/new": [Case("", "/keys/new")],
        "/keys/{key_id}/revoke": [Case("", f"/keys/{crowd.key_id}/revoke")],
        "/health": [Case("", "/health")],
        "/health/dead-letters/{dead_letter_id}": [Case("", f"/health/dead-letters/{crowd.dead_letter}")],
        **_segments(crowd),
        **_members(crowd, import_id),
        **_why_and_history(crowd),
        **_campaigns(crowd),
    }


def _segments(crowd: Crowd) -> dict[str, list[Case]]:
    return {
        "/segments": [
            Case("first page", "/segments"),
            Case("100 rows, by name", "/segments?rows=100&name=segment"),
            Case("nothing found", "/segments?name=zebra"),
        ],
        "/segments/new": [Case("", "/segments/new")],
        "/segments/{segment_id}/edit": [
            Case("a million members", f"/segments/{crowd.everybody}/edit"),
            Case("of segments", f"/segments/{crowd.nested}/edit"),
            Case("a list", f"/segments/{crowd.static}/edit"),
        ],
        "/segments/{segment_id}/newer": [Case("", f"/segments/{crowd.everybody}/newer?version=1")],
        "/segments/{segment_id}/delete": [Case("a million members", f"/segments/{crowd.everybody}/delete")],
    }


def _members(crowd: Crowd, import_id: str) -> dict[str, list[Case]]:
    largest, static = f"/segments/{crowd.everybody}", f"/segments/{crowd.static}"
    small = f"/segments/{crowd.small_static}"

    def lists(page: str, of: str, label: str) -> list[Case]:
        found = [Case(f"{label}, {name}", f"{of}/{page}?query={query}") for name, query in SEARCHES]
        return [Case(label, f"{of}/{page}"), *found]

    return {
        "/segments/{segment_id}/customers": lists("customers", largest, "a million members"),
        "/segments/{segment_id}/manage": [
            *lists("manage", largest, "a million members"), *lists("manage", static, "half a million in a list"),
        ],
        "/segments/{segment_id}/add": [
            *lists("add", static, "half a million candidates"), *lists("add", small, "a million candidates"),
        ],
        "/segments/{segment_id}/remove": [Case("", f"{static}/remove?customer_id={crowd.customer}")],
        "/segments/{segment_id}/import": [Case("", f"{static}/import")],
        "/segments/{segment_id}/import-sample.csv": [Case("", f"{static}/import-sample.csv")],
        "/segments/{segment_id}/imports/{import_id}": [Case("", f"{small}/imports/{import_id}")],
        "/segments/{segment_id}/imports/{import_id}/errors.csv": [Case("", f"{small}/imports/{import_id}/errors.csv")],
        "/customers/{customer_id}/edit": [Case("", f"/customers/{crowd.customer}/edit")],
    }  # fmt: skip


def _why_and_history(crowd: Crowd) -> dict[str, list[Case]]:
    largest, busy = f"/segments/{crowd.everybody}", f"/segments/{crowd.busy}"
    named = [("a member", largest), ("of segments", f"/segments/{crowd.nested}"),
             ("of a list", f"/segments/{crowd.static}"), ("long history", busy)]  # fmt: skip
    return {
        "/segments/{segment_id}/customers/{customer_id}/why": [
            Case(label, f"{of}/customers/{crowd.customer}/why") for label, of in named
        ],
        "/segments/{segment_id}/why": [Case(name, f"{largest}/why?query={query}") for name, query in SEARCHES],
        "/segments/{segment_id}/history": [
            *(Case(f"2 million flips, {each}", f"{busy}/history?range={each}") for each in ("day", "month", "all")),
            Case("2 million flips counted after the page", f"{busy}/history?range=all&whole=true", counts=True),
            Case("a million joins at once, all", f"{largest}/history?range=all"),
        ],
    }


def _campaigns(crowd: Crowd) -> dict[str, list[Case]]:
    usual, largest = f"/campaigns/{crowd.campaign}", f"/campaigns/{crowd.to_everybody}"
    return {
        "/campaigns": [Case("", "/campaigns")],
        "/campaigns/new": [Case("", "/campaigns/new")],
        "/campaigns/{campaign_id}": [Case("usual", usual), Case("to a million", largest)],
        "/campaigns/{campaign_id}/edit": [Case("", f"{largest}/edit")],
        "/campaigns/{campaign_id}/delete": [Case("", f"{largest}/delete")],
        "/campaigns/{campaign_id}/freeze": [
            Case("usual", f"{usual}/freeze"),
            Case("to a million", f"{largest}/freeze"),
        ],
        "/campaigns/{campaign_id}/recipients.{ending}": [
            Case("usual, the whole file", f"{usual}/recipients.csv", True)
        ],
        "/audiences": [Case("", "/audiences")],
        "/audiences/{audience_id}": [Case("", f"/audiences/{crowd.audience}")],
        "/audiences/{audience_id}/recipients.{ending}": [
            Case("the whole file", f"/audiences/{crowd.audience}/recipients.csv", True)
        ],
    }

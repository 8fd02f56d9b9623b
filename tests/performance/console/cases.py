"""What the console's benchmark asks of each page: what people ask most, and the worst that they could."""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from tests.performance.console.crowd import Crowd
from tests.performance.console.made import Made

SEARCHES = (
    ("a name", "ana+petrov"), ("one letter", "a"), ("a number", "%2B351910012345"), ("no match", "zebra"),
    ("a plan of most", "free"), ("a plan of one in five", "basic"), ("a rare city", "city+1500"), ("a tag", "vip"),
    ("a word of the oldest", "pioneer"),
)  # fmt: skip
FILTERS = (
    ("of half", "newsletter", "equals", True), ("of one in a hundred", "plan", "equals", "enterprise"),
    ("of hardly anybody", "lifetime_value", "greater_than", 9000), ("of no one", "city", "equals", "nowhere"),
)  # fmt: skip


RARE = quote(json.dumps([{"attribute": "lifetime_value", "operator": "greater_than", "value": 9000}]))
GOLD = "%5B%7B%22attribute%22%3A%22plan%22%2C%22operator%22%3A%22equals%22%2C%22value%22%3A%22team%22%7D%5D"
WEBHOOK_PAGES = ("edit", "resume", "redeliver", "secret", "delete")


class Case(NamedTuple):
    """An address of a page; `counts`: it counts exactly over all customers and is exempt."""

    label: str
    address: str
    counts: bool = False


def cases(crowd: Crowd, person_id: UUID, made: Made) -> dict[str, list[Case]]:
    """The cases of each route."""
    return {
        "/sign-in": [Case("", "/sign-in")],
        "/sign-in/{token}": [Case("one that is used up", "/sign-in/used-up")],
        "/you": [Case("", "/you")],
        "/people": [Case("", "/people")],
        "/people/new": [Case("", "/people/new")],
        "/people/{person_id}/remove": [Case("", f"/people/{person_id}/remove")],
        "/overview": [Case("", "/overview")],
        **{
            f"/webhooks{page}": [Case("", f"/webhooks{page}".format(webhook_id=made.webhook_id))]
            for page in ("", "/new", "/{webhook_id}", *(f"/{{webhook_id}}/{each}" for each in WEBHOOK_PAGES))
        },
        "/attributes": [Case("", "/attributes")],
        "/attributes/new": [Case("", "/attributes/new")],
        "/attributes/{key}/edit": [Case("", "/attributes/plan/edit")],
        "/filters/attributes": [Case("", "/filters/attributes?search=or")],
        "/attributes/computed/new": [Case("", "/attributes/computed/new")],
        **{
            f"/attributes/computed/{{key}}/{page}": [Case("", f"/attributes/computed/orders_30d/{page}")]
            for page in ("edit", "remove")
        },
        "/filters/activities": [Case("", "/filters/activities?search=or")],
        "/filters/activities/{activity}/properties": [Case("", "/filters/activities/order/properties?search=to")],
        "/filters/activities/{activity}/properties/{key}/values": [
            Case("of 40,000 facts", "/filters/activities/order/properties/total/values?search=1")
        ],
        "/filters/segments": [Case("", "/filters/segments?search=segment+6")],
        "/filters/values/{key}": [
            Case("counted", "/filters/values/country?search=p"),
            Case("many", "/filters/values/birthdate?search=19"),
        ],
        "/keys": [Case("", "/keys")],
        "/keys/new": [Case("", "/keys/new")],
        "/keys/{key_id}/revoke": [Case("", f"/keys/{crowd.key_id}/revoke")],
        "/health": [Case("", "/health")],
        "/health/dead-letters/{dead_letter_id}": [Case("", f"/health/dead-letters/{crowd.dead_letter}")],
        **_segments(crowd),
        "/segments/labels/{label_id}/delete": [Case("", f"/segments/labels/{made.label_id}/delete")],
        **_members(crowd, made),
        **_why_and_history(crowd),
        **_customers(crowd),
        **_campaigns(crowd),
    }


def _segments(crowd: Crowd) -> dict[str, list[Case]]:
    return {
        "/segments": [
            Case("first page", "/segments"),
            Case("100 rows, by name", "/segments?rows=100&name=segment"),
            Case("nothing found", "/segments?name=zebra"),
            Case("by members", "/segments?sort=-members"),
            Case("used in nothing", "/segments?used_in=nothing"),
        ],
        "/segments/selected": [Case("", f"/segments/selected?do=archive&segment_id={crowd.static}")],
        "/segments/name-taken": [Case("", "/segments/name-taken?name=List+7")],
        "/segments/{segment_id}/copy": [Case("a million members", f"/segments/{crowd.everybody}/copy")],
        "/filters/attributes": [Case("", "/filters/attributes")],
        "/filters/segments": [Case("a name", "/filters/segments?search=list+7")],
        "/filters/values/{key}": [Case("", "/filters/values/city?search=city")],
        "/segments/labels": [Case("", "/segments/labels")],
        "/segments/{segment_id}/versions": [Case("", f"/segments/{crowd.everybody}/versions")],
        "/segments/new": [Case("", "/segments/new")],
        "/segments/{segment_id}/edit": [
            Case("a million members", f"/segments/{crowd.everybody}/edit"),
            Case("of segments", f"/segments/{crowd.nested}/edit"),
            Case("a list", f"/segments/{crowd.static}/edit"),
        ],
        "/segments/{segment_id}/newer": [Case("", f"/segments/{crowd.everybody}/newer?version=1")],
        "/segments/{segment_id}/delete": [Case("a million members", f"/segments/{crowd.everybody}/delete")],
    }


def _members(crowd: Crowd, made: Made) -> dict[str, list[Case]]:
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
        "/segments/{segment_id}/empty": [Case("half a million", f"{static}/empty")],
        "/segments/{segment_id}/imports": [Case("", f"{small}/imports")],
        "/imports": [Case("", "/imports")],
        "/selected": [Case("add a million", f"/selected?do=add&all=1&in={crowd.everybody}")],
        "/segments/{segment_id}/import-sample.csv": [Case("", f"{static}/import-sample.csv")],
        "/segments/{segment_id}/imports/{import_id}": [Case("", f"{small}/imports/{made.import_id}")],
        "/segments/{segment_id}/imports/{import_id}/errors.csv": [
            Case("", f"{small}/imports/{made.import_id}/errors.csv")
        ],
        "/segments/{segment_id}/imports/{import_id}/columns": [
            Case("2,000 lines", f"{small}/imports/{made.upload_id}/columns")
        ],
        "/jobs/{job_id}": [Case("one that is done", f"/jobs/{made.job_id}")],
        "/take-back": [Case("of 1,000", f"/take-back?position={made.changed_at}")],
        "/segments/{segment_id}/export": [Case("a million members", f"{largest}/export")],
        "/segments/{segment_id}/members.csv": [
            Case("half a million, the whole file", f"{static}/members.csv", True),
            Case("a name of half a million", f"{static}/members.csv?query=ana+petrov", True),
        ],
        "/customers/{customer_id}/edit": [Case("", f"/customers/{crowd.customer}/edit")],
        **_customers(crowd),
    }  # fmt: skip


def _customers(crowd: Crowd) -> dict[str, list[Case]]:
    filters = [
        (f"filter {label}", quote(json.dumps([{"attribute": key, "operator": operator, "value": value}])))
        for label, key, operator, value in FILTERS
    ]
    one = f"/customers/{crowd.customer}"
    return {
        "/customers": [
            Case("everybody", "/customers"),
            *(Case(label, f"/customers?query={query}") for label, query in SEARCHES),
            *(Case(label, f"/customers?filter={text}") for label, text in filters),
        ],
        "/customers/count": [Case(label, f"/customers/count?filter={text}", counts=True) for label, text in filters],
        "/customers/filter": [Case("", "/customers/filter")],
        "/customers/export": [Case("", "/customers/export?query=ana")],
        "/customers/customers.csv": [
            Case(f"the whole file of {label}", f"/customers/customers.csv?filter={text}", counts=True)
            for label, text in filters
        ],
        "/customers/{customer_id}": [Case("", one)],
        "/customers/{customer_id}/erase": [Case("", f"{one}/erase")],
    }


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
        "/campaigns/{campaign_id}/overlap": [
            Case("usual", f"{usual}/overlap", counts=True),
            Case("20 segments of 200,000", f"/campaigns/{crowd.to_twenty}/overlap", counts=True),
        ],
        "/audiences/{audience_id}/compare": [Case("", f"/audiences/{crowd.later}/compare")],
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

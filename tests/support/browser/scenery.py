"""An account with something of everything, so that each page of the console has something to show.

`furnish` puts it in over HTTP and says by which ids the pages' addresses name it. Names and texts are awkward on
purpose: long ones, scripts other than Latin, characters that HTML means something by.
"""

from __future__ import annotations

import json

from tests.support.browser.console import Console
from tests.support.http_client import http_client
from tests.support.installation import FROM_OUR_PAGE
from tests.support.running_product import eventually

PEOPLE = (
    "Ana Sá", "Björn Ångström", "Chidi Okafor", "Δήμητρα Παπαδοπούλου", "Élodie <b>Martin</b>", "فاطمة الزهراء",
    "Grace O'Neill & Sons", "山田花子", "Ivan Petrov", "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine the Elder",
    "Kamala Devi", "Luís Ferreira",
)  # fmt: skip
PREMIUM = "Premium customer list"
LONG = "Everybody who bought something in the last three hundred and sixty-five days and has not opened a letter since"
NEWSLETTER = "Newsletter Subscribers"
SPRING = "Spring sale"
WAREHOUSE, RESTING = "Warehouse", "Newsletter tool, until the contract is signed"
LOYALTY, ARCHIVED = "Loyalty", "Last year's fair"
COLLEAGUE = "Margarida Ferreira de Vasconcelos e Albuquerque"
EVERY_KIND = {
    "any": [
        {"attribute": "plan", "operator": "in", "value": ["gold", "silver"]},
        {"all": [
            {"attribute": "birthdate", "operator": "anniversary_in_period", "value": "this_month"},
            {"attribute": "score", "operator": "between", "value": [10, 90]},
            {"not": {"attribute": "tags", "operator": "includes_any", "value": ["vip", "partner"]}},
        ]},
        {"attribute": "last_order", "operator": "in_last_days", "value": 365},
    ]
}  # fmt: skip
SPENT = {
    "activity": "order_completed",
    "where": {"any": [
        {"attribute": "currency", "operator": "in", "value": ["EUR", "USD"]},
        {"attribute": "gift", "operator": "equals", "value": True},
    ]},
    "aggregate": "sum", "of": "total", "window": {"last_days": 365}, "operator": "at_least", "value": 30,
}  # fmt: skip
OPENED = {
    "activity": "email_opened", "aggregate": "last_at", "window": {"since": "2026-01-01T00:00:00Z"},
    "operator": "more_than_days_ago", "value": 1,
}  # fmt: skip


def furnish(console: Console) -> dict[str, str]:
    """Fill the account; return the ids of what the pages show."""
    people = [
        console.customer(
            name,
            attributes={
                "plan": ("gold", "free")[number % 2], "premium_customer": number % 3 == 0, "score": number * 7.25,
                "birthdate": f"19{60 + number}-05-{number + 10}", "last_order": f"2026-0{number % 9 + 1}-03T10:00:00Z",
                "likes": ["coffee", "tea"][: number % 3],
            },
            tags=["vip", "newsletter", "beta"][: number % 4],
            opted_out=number % 5 == 4,
        )
        for number, name in enumerate(PEOPLE)
    ]  # fmt: skip
    premium = [{"attribute": "premium_customer", "operator": "equals", "value": True}]
    ids = {
        "customer": people[0],
        "dynamic": console.segment(PREMIUM, premium, description="Who pays more"),
        "long": console.segment(LONG, EVERY_KIND, description=LONG),
        "static": console.segment(NEWSLETTER, description="Kept by hand", members=people[:5]),
        "empty": console.segment("Nobody yet"),
    }
    _label(console, ids)
    _let_do(console)
    ids["behaviour"] = console.segment("Buyers who read", {"any": [SPENT, {"not": OPENED}]})
    ids["campaign"] = console.campaign(SPRING, ids["dynamic"], ids["static"])
    ids["needy"] = console.campaign("Waits for an audience", lost := console.segment("Soon gone"))
    console.ok("DELETE", f"/v1/segments/{lost}")
    ids["paused"] = _webhook(console, RESTING, [], [])
    console.ok("PATCH", f"/v1/webhooks/{ids['paused']}", json={"state": "paused"})
    ids["webhook"] = _webhook(console, WAREHOUSE, [ids["dynamic"], ids["static"]], [ids["campaign"]])
    ids["audience"] = console.ok("POST", f"/v1/campaigns/{ids['campaign']}/audience")["id"]
    key = console.ok("GET", "/v1/keys")["data"][0]
    ids["key"], ids["key_name"] = key["id"], key["name"]
    ids["import"] = _imported(console, ids["static"])
    ids["checked"] = ids["mapped"] = _checked(console, ids["static"])
    ids["job"], ids["position"] = _job(console, ids["static"])
    ids["person"] = _colleague(console)
    ids["letter"] = console.set_aside('{"attributes": {"score": "<b>much</b>"}}', "score is a number, not a <text>")
    console.ok("PATCH", f"/v1/segments/{ids['dynamic']}", json={"filter": [
        *premium, {"attribute": "plan", "operator": "in", "value": ["gold", "silver"]}
    ]})  # fmt: skip
    console.ok("PATCH", f"/v1/segments/{ids['dynamic']}", json={"filter": premium})
    console.change(people[1], attributes={"premium_customer": True})
    console.change(people[0], attributes={"plan": "silver"})
    _computed(console, people[0])
    console.wait_until_visible()
    ids["later"] = console.ok("POST", f"/v1/campaigns/{ids['campaign']}/audience")["id"]
    return ids


def _label(console: Console, ids: dict[str, str]) -> None:
    """Some labels, segments that have them, and an archived segment."""
    made = [
        console.ok("POST", "/v1/labels", json={"name": name, "colour": colour})["id"]
        for name, colour in ((LOYALTY, "teal"), ("Letters", "purple"), ("Needs a look", "red"))
    ]
    for name, labels in (("dynamic", made[:1]), ("long", made), ("static", made[1:2])):
        console.ok("PATCH", f"/v1/segments/{ids[name]}", json={"label_ids": labels})
    ids["label"], ids["archived"] = made[0], console.segment(ARCHIVED)
    console.ok("PATCH", f"/v1/segments/{ids['archived']}", json={"archived": True})


def _computed(console: Console, customer: str) -> None:
    """An attribute that is computed from what customers do."""
    external_id = console.ok("GET", f"/v1/customers/{customer}")["external_id"]
    line = {"external_id": external_id, "name": "order_completed", "properties": {"total": 20}}
    console.ok("POST", "/v1/activities", content=json.dumps(line), headers={"Content-Type": "application/x-ndjson"})
    definition = {"activity": "order_completed", "aggregate": "count", "window": {"last_days": 30}}
    body = {"label": "Orders of the last 30 days", "computed": definition}
    console.ok("PUT", "/v1/attributes/orders_30d", json=body)


def _let_do(console: Console) -> None:
    """Some of what the first customers did."""
    bought = {"total": 49.9, "currency": "EUR", "gift": True, "products": ["mug", "Grace O'Neill & Sons <b>shirt</b>"]}
    done = [
        {"external_id": f"customer-{number}", "name": name, "id": f"{name}-{number}", "properties": properties}
        for number in (1, 2, 3)
        for name, properties in (("order_completed", bought), ("email_opened", {"letter": "Spring <news>"}))
    ]
    console.ok("POST", "/v1/activities", content="\n".join(json.dumps(each) for each in done))


def _webhook(console: Console, name: str, segments: list[str], campaigns: list[str]) -> str:
    """A webhook to a receiver that there is not."""
    asked = {"url": "https://hooks.invalid/rollcall", "name": name, "segment_ids": segments, "campaign_ids": campaigns}
    return str(console.ok("POST", "/v1/webhooks", json=asked)["id"])


def _colleague(console: Console) -> str:
    """Another person who may sign in, invited and without a password yet."""
    assert console.session is not None
    cookies = {cookie["name"]: cookie["value"] for cookie in console.session["cookies"]}
    email = f"colleague@{console.account}.example"
    with http_client(console.url, cookies=cookies, headers=FROM_OUR_PAGE) as client:
        client.post("/console/people/new", data={"name": COLLEAGUE, "email": email}).raise_for_status()
    ((person_id,),) = console.rows("SELECT person_id FROM people WHERE email = %s", email)
    return str(person_id)


def _job(console: Console, segment: str) -> tuple[str, str]:
    """A job that changed a list, and the position of the change."""
    asked = {"action": "add", "segment_id": segment, "customers": {"text": "ana"}}
    made = console.ok("POST", "/v1/jobs", json=asked)["id"]
    eventually(lambda: console.ok("GET", f"/v1/jobs/{made}")["state"] == "done")
    back = console.ok(
        "POST", "/v1/jobs", json={"action": "remove", "segment_id": segment, "customers": {"text": "ana"}}
    )
    eventually(lambda: console.ok("GET", f"/v1/jobs/{back['id']}")["state"] == "done")
    asked = asked | {"customers": {"text": "ana s"}}
    again = console.ok("POST", "/v1/jobs", json=asked)["id"]
    eventually(lambda: console.ok("GET", f"/v1/jobs/{again}")["state"] == "done")
    return made, str(console.ok("GET", f"/v1/jobs/{again}")["position"])


def _checked(console: Console, segment: str) -> str:
    """A file that was checked and not imported."""
    file = {"file": ("list.csv", "phone,name,city\r\n912345671,Nova,Braga\r\nbad,,\r\n", "text/csv")}
    made = str(console.ok("POST", f"/v1/segments/{segment}/imports?dry_run=true", files=file)["id"])
    eventually(lambda: console.ok("GET", f"/v1/imports/{made}")["state"] == "checked")
    return made


def _imported(console: Console, segment: str) -> str:
    """An import with lines of several classes."""
    lines = "phone,name\n+351912345670,Maria Nova\n+351912345670,Maria Nova\nnot a phone,Nobody\n,\n"
    started = console.ok("POST", f"/v1/segments/{segment}/imports", files={"file": ("list.csv", lines, "text/csv")})
    made = str(started["id"])
    eventually(lambda: console.ok("GET", f"/v1/imports/{made}")["state"] == "done")
    return made

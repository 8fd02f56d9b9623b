"""An account with something of everything, so that each page of the console has something to show.

`furnish` puts it in over HTTP and says by which ids the pages' addresses name it. Names and texts are awkward on
purpose: long ones, scripts other than Latin, characters that HTML means something by.
"""

from __future__ import annotations

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
    ids["campaign"] = console.campaign(SPRING, ids["dynamic"], ids["static"])
    ids["needy"] = console.campaign("Waits for an audience", lost := console.segment("Soon gone"))
    console.ok("DELETE", f"/v1/segments/{lost}")
    ids["paused"] = _webhook(console, RESTING, [], [])
    console.ok("PATCH", f"/v1/webhooks/{ids['paused']}", json={"state": "paused"})
    ids["webhook"] = _webhook(console, WAREHOUSE, [ids["dynamic"], ids["static"]], [ids["campaign"]])
    ids["audience"] = console.ok("POST", f"/v1/campaigns/{ids['campaign']}/audience")["id"]
    ids["key"] = console.ok("GET", "/v1/keys")["data"][0]["id"]
    ids["import"] = _imported(console, ids["static"])
    ids["person"] = _colleague(console)
    ids["letter"] = console.set_aside('{"attributes": {"score": "<b>much</b>"}}', "score is a number, not a <text>")
    console.change(people[1], attributes={"premium_customer": True})
    console.change(people[0], attributes={"plan": "silver"})
    console.wait_until_visible()
    return ids


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


def _imported(console: Console, segment: str) -> str:
    """An import with lines of several classes."""
    lines = "phone,name\n+351912345670,Maria Nova\n+351912345670,Maria Nova\nnot a phone,Nobody\n,\n"
    started = console.ok("POST", f"/v1/segments/{segment}/imports", files={"file": ("list.csv", lines, "text/csv")})
    made = str(started["id"])
    eventually(lambda: console.ok("GET", f"/v1/imports/{made}")["state"] == "done")
    return made

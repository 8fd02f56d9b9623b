"""What the console's benchmark makes over HTTP before it asks for pages: an import, a job, facts and more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from httpx import Client

from tests.performance.console.crowd import Crowd

PAGE = {"Sec-Fetch-Site": "same-origin"}


class Made(NamedTuple):
    """Ids of what was made, and the position of a change that the job made."""

    import_id: str
    upload_id: str
    webhook_id: str
    job_id: str
    changed_at: int
    label_id: str


def make(client: Client, crowd: Crowd) -> Made:
    """Make all of it; `client` is signed in."""
    done = _job(client, crowd)
    _facts(client, crowd)
    return Made(
        _import(client, crowd),
        _upload(client, crowd),
        _webhook(client, crowd),
        done["id"],
        done["position"],
        _label(client, crowd),
    )


def _facts(client: Client, crowd: Crowd) -> None:
    """Twenty orders of each of the customers who are looked at for values, and an attribute computed from them."""
    for nth in range(20):
        lines = "\n".join(
            json.dumps({"external_id": f"buyer {number}", "name": "order", "properties": {"total": number % 90 + nth}})
            for number in range(2_000)
        )
        client.post("/v1/activities", content=lines, headers=_key(crowd)).raise_for_status()
    computed = {"activity": "order", "aggregate": "count", "window": {"last_days": 30}}
    body = {"label": "Orders", "computed": computed}
    client.put("/v1/attributes/orders_30d", json=body, headers=_key(crowd)).raise_for_status()


def _label(client: Client, crowd: Crowd) -> str:
    for each in client.get("/v1/labels", headers=_key(crowd)).raise_for_status().json()["data"]:
        return str(each["id"])
    body = {"name": "Spring", "colour": "teal"}
    return str(client.post("/v1/labels", json=body, headers=_key(crowd)).raise_for_status().json()["id"])


def _webhook(client: Client, crowd: Crowd) -> str:
    """A webhook to a receiver that there is not."""
    body = {"url": "https://hooks.invalid/rollcall", "name": "Warehouse", "segment_ids": [str(crowd.static)]}
    made = client.post("/v1/webhooks", json=body, headers=_key(crowd))
    return str(made.raise_for_status().json()["id"])


def _import(client: Client, crowd: Crowd) -> str:
    """An import that is done, with invalid lines."""
    lines = "phone,name\n" + "".join(f"+35196{n:07d},Somebody {n}\n12,Bad number\n" for n in range(200))
    address = f"/v1/segments/{crowd.small_static}/imports"
    started = client.post(address, files={"file": ("list.csv", lines, "text/csv")}, headers=_key(crowd))
    made = str(started.raise_for_status().json()["id"])
    _ended(client, crowd, f"/v1/imports/{made}", lambda row: row["state"] == "done")
    return made


def _upload(client: Client, crowd: Crowd) -> str:
    """A file whose header is not known, which waits for somebody to say what its columns hold."""
    lines = "Telefon;Wer;Ort\n" + "".join(f"+35196{n:07d};Somebody {n};Braga\n" for n in range(2_000))
    address = f"/console/segments/{crowd.small_static}/import"
    answer = client.post(address, files={"file": ("liste.csv", lines, "text/csv")}, headers=PAGE)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def _job(client: Client, crowd: Crowd) -> dict[str, Any]:
    """A job over 50,000 customers, 1,000 of them in the log: it adds these to a list, or the next time removes them."""
    for action in ("add", "remove"):
        body = {"action": action, "segment_id": str(crowd.small_static), "customers": {"text": "vip"}}
        begun = client.post("/v1/jobs", json=body, headers=_key(crowd)).raise_for_status().json()
        row = _ended(client, crowd, f"/v1/jobs/{begun['id']}", lambda row: row["state"] != "running")
        assert row["state"] == "done", row
        if row["changed"]:
            return row
    raise AssertionError("a job changes nothing")


def _ended(client: Client, crowd: Crowd, address: str, is_done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while not is_done(row := client.get(address, headers=_key(crowd)).raise_for_status().json()):
        assert time.monotonic() < deadline, f"{address} does not end"
        time.sleep(0.05)
    return dict(row)


def _key(crowd: Crowd) -> dict[str, str]:
    return {"Authorization": f"Bearer {crowd.key}"}

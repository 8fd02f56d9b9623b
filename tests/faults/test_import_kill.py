"""`rollcall api` killed with -9 while it imports CSV files: no line is lost, none takes effect twice.

FULL_SIZE=1 in the environment runs the big one.
"""

from __future__ import annotations

import csv
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from httpx import Client, TransportError

from tests.installation import Installation
from tests.outside import eventually

FULL = bool(os.environ.get("FULL_SIZE"))
FILES, LINES, KILLS = (6, 30_000, 25) if FULL else (3, 6_000, 6)
CLASSES = ("added", "already_members", "created_customers", "duplicates_in_file", "blank", "invalid")


class Api:
    """The real command, one process of it at a time."""

    def __init__(self, url: str, home: Path, key: str) -> None:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ours = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
        self._environment = ours | {
            "ROLLCALL_HOME": str(home),
            "ROLLCALL_DATABASE_URL": "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**parts),
            "ROLLCALL_HTTP_PORT": str(port),
        }
        headers = {"Authorization": f"Bearer {key}"}
        self.http = Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("rollcall")), "api"]
        self.process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(self.lives)

    def lives(self) -> bool:
        try:
            return self.http.get("/livez").status_code == 200
        except TransportError:
            return False

    def restart(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()


def a_file(chance: random.Random, people: int) -> tuple[str, Counter[str]]:
    """A CSV and how many lines of it are blank, invalid, repeated, or name a person."""
    expected: Counter[str] = Counter()
    lines, seen = ["phone,name"], set[int]()
    for number in range(LINES):
        dice = chance.random()
        if dice < 0.02:
            lines.append(chance.choice(["", ",", " , "]))
            expected["blank"] += 1
        elif dice < 0.05:
            lines.append(f"{chance.choice(['3.51912E+11', '12', 'abc', ''])},n{number}")
            expected["invalid"] += 1
        else:
            person = chance.randrange(people)
            lines.append(f"91{person:07},n{person}")
            expected["duplicates_in_file" if person in seen else "people"] += 1
            seen.add(person)
    return "\r\n".join(lines), expected


@pytest.mark.slow
def test_killed_at_any_instant_every_line_is_counted_once(installation: Installation, tmp_path: Path) -> None:
    chance = random.Random()
    account = installation.account()
    key = installation.key(account)
    installation.project()
    api = Api(installation.url, tmp_path, key)
    try:
        segments = [
            api.http.post("/v1/segments", json={"name": str(n), "type": "static"}).json()["id"] for n in range(2)
        ]
        addresses: list[str] = []
        files = [a_file(chance, LINES) for _ in range(FILES)]
        for number, (content, _) in enumerate(files):
            into = segments[number % 2]
            sent = api.http.post(f"/v1/segments/{into}/imports", files={"file": ("a.csv", content.encode())})
            addresses.append(sent.headers["Location"])
        kills = 0
        while not all(each["state"] == "done" for each in states(api, addresses)):
            if kills < KILLS:
                time.sleep(chance.uniform(0, 0.8))  # the instant of the kill is what varies
                api.restart()
                kills += 1
            else:
                eventually(lambda: all(each["state"] == "done" for each in states(api, addresses)), 150)
        check(api, installation, addresses, files, segments)
        print(f"kills {kills}, lines {FILES * LINES}")
    finally:
        api.process.kill()
        api.process.wait()
        api.http.close()


def states(api: Api, addresses: list[str]) -> list[dict[str, Any]]:
    return [api.http.get(each).json() for each in addresses]


def check(
    api: Api, installation: Installation, addresses: list[str], files: list[tuple[str, Counter[str]]],
    segments: list[str],
) -> None:  # fmt: skip
    found = states(api, addresses)
    for (_, expected), each, address in zip(files, found, addresses, strict=True):
        assert each["lines"] == LINES == sum(each[name] for name in CLASSES)
        assert {name: each[name] for name in ("blank", "invalid", "duplicates_in_file")} == {
            name: expected[name] for name in ("blank", "invalid", "duplicates_in_file")
        }
        assert each["added"] + each["already_members"] + each["created_customers"] == expected["people"]
        errors = list(csv.DictReader(StringIO(api.http.get(f"{address}/errors.csv").text)))
        assert len(errors) == len({row["row_number"] for row in errors}) == expected["invalid"]
    installation.project()
    with installation.owner() as owner:
        (customers, phones), *_ = owner.execute("SELECT count(*), count(DISTINCT phone) FROM customers").fetchall()
        members = dict(
            owner.execute(
                "SELECT s.segment_id::text, (SELECT count(*) FROM members m WHERE m.version_no = s.serving)"
                " FROM segments s"
            ).fetchall()
        )
        told = owner.execute("SELECT count(*), count(DISTINCT (customer_no, version_no)) FROM membership_history")
        assert told.fetchall() == [(sum(members.values()), sum(members.values()))]
        assert owner.execute("SELECT count(*) FROM static_members").fetchone() == (sum(members.values()),)
        assert owner.execute("SELECT count(*) FROM import_files").fetchone() == (0,)
    assert customers == phones == sum(each["created_customers"] for each in found)
    for segment in segments:
        into = [each for each in found if each["segment_id"] == segment]
        assert members[segment] == sum(each["added"] + each["created_customers"] for each in into)

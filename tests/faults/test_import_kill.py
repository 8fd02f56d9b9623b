"""`rollcall api` and `rollcall project` killed with -9 while CSV files are imported: no line is lost or doubled.

FULL_SIZE=1 in the environment runs the big one: three files of 10 MB at once.
"""

from __future__ import annotations

import csv
import random
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation
from tests.support.role_processes import RoleProcesses
from tests.support.running_product import eventually

FILES, LINES, KILLS, PAUSE, PATIENCE = (3, 370_000, 6, 20.0, 1_500) if FULL_SIZE else (3, 8_000, 2, 0.8, 150)
CLASSES = ("added", "already_members", "created_customers", "duplicates_in_file", "blank", "invalid")


def a_file(chance: random.Random, people: int) -> tuple[str, Counter[str]]:
    """A CSV, and how many of its lines are blank, invalid, repeated, or name a customer."""
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
            lines.append(f"91{person:07},n{person:07} Costa")
            expected["duplicates_in_file" if person in seen else "people"] += 1
            seen.add(person)
    # Every line ends with a newline: a blank last line without one would not be a line.
    return "".join(f"{line}\r\n" for line in lines), expected


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE + 300)
def test_killed_or_stopped_at_any_instant_every_line_is_counted_once(
    installation: Installation, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    account = installation.account()
    key = installation.key(account)
    installation.project()
    rollcall = RoleProcesses(installation.url, tmp_path, key)
    began = time.monotonic()
    try:
        segments = [
            rollcall.http.post("/v1/segments", json={"name": str(n), "type": "static"}).json()["id"] for n in range(2)
        ]
        files: list[tuple[str, Counter[str]]] = []
        addresses: list[str] = []

        def send() -> None:
            files.append(a_file(chance, LINES * 3))
            file = {"file": ("a.csv", files[-1][0].encode())}
            into = segments[len(addresses) % 2]
            addresses.append(rollcall.http.post(f"/v1/segments/{into}/imports", files=file).headers["Location"])

        for _ in range(FILES):
            send()
        for role in (each for _ in range(KILLS) for each in chance.sample(["api", "project"], 2)):
            if done(rollcall, addresses):
                send()  # a kill must find work
            time.sleep(chance.uniform(0, PAUSE))  # the instant of the kill is what varies
            rollcall.kill(role)
            rollcall.wait_until_ready()
        send()
        eventually(lambda: states(rollcall.http, addresses[-1:])[0]["lines"], PATIENCE)
        assert rollcall.restart("api") == 0, "the chunk in progress is finished first"
        eventually(lambda: done(rollcall, addresses), PATIENCE)
        took = time.monotonic() - began
    finally:
        rollcall.close()
    check(installation, key, addresses, files, segments)
    print(f"kills {dict(rollcall.kills)}, {len(files)} files of {len(files[0][0]):,} bytes, {LINES:,} lines each")
    print(f"done {took:.0f} s after the first upload, all checked {time.monotonic() - began:.0f} s after it")


def done(rollcall: RoleProcesses, addresses: list[str]) -> bool:
    return all(each["state"] == "done" for each in states(rollcall.http, addresses))


def states(http: Client, addresses: list[str]) -> list[dict[str, Any]]:
    return [http.get(each).json() for each in addresses]


def check(
    installation: Installation, key: str, addresses: list[str], files: list[tuple[str, Counter[str]]],
    segments: list[str],
) -> None:  # fmt: skip
    installation.project()
    with installation.open_api(key) as http:
        found = states(http, addresses)
        errors_of = {each: list(csv.DictReader(StringIO(http.get(f"{each}/errors.csv").text))) for each in addresses}
    for (_, expected), each, address in zip(files, found, addresses, strict=True):
        assert each["lines"] == LINES == sum(each[name] for name in CLASSES)
        assert {name: each[name] for name in ("blank", "invalid", "duplicates_in_file")} == {
            name: expected[name] for name in ("blank", "invalid", "duplicates_in_file")
        }
        assert each["added"] + each["already_members"] + each["created_customers"] == expected["people"]
        errors = errors_of[address]
        assert len(errors) == len({row["row_number"] for row in errors}) == expected["invalid"]
    with installation.owner() as owner:
        (customers, phones), *_ = owner.execute("SELECT count(*), count(DISTINCT phone) FROM customers").fetchall()
        members = dict(
            owner.execute(
                "SELECT s.segment_id::text, (SELECT count(*) FROM members m WHERE m.version_no = s.serving)"
                " FROM segments s"
            ).fetchall()
        )
        history = owner.execute("SELECT count(*), count(DISTINCT (customer_no, version_no)) FROM membership_history")
        assert history.fetchall() == [(sum(members.values()), sum(members.values()))]
        assert owner.execute("SELECT count(*) FROM static_members").fetchone() == (sum(members.values()),)
        assert owner.execute("SELECT count(*) FROM import_files").fetchone() == (0,)
    assert customers == phones == sum(each["created_customers"] for each in found)
    for segment in segments:
        into = [each for each in found if each["segment_id"] == segment]
        assert members[segment] == sum(each["added"] + each["created_customers"] for each in into)

"""The runners of CSV imports: one that is replaced, one that has no room, and several at once."""

from __future__ import annotations

import threading
from collections import Counter
from tempfile import TemporaryFile
from typing import Any
from uuid import UUID

import pytest
from httpx import Client

from api.csv_import.runner import ImportWork
from api.jobs.runner import AT_ONCE, Runner
from domain.commands.imports import ImportCommands
from domain.errors import Unavailable
from domain.import_lines import ImportChunk, ImportStep
from tests.support.imports import CLASSES, upload
from tests.support.installation import Installation


def test_another_runner_continues_behind_the_rows_that_are_counted(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database becomes unavailable at each chunk, once before and once after it was stored."""
    content = "phone,name\n" + "".join(f"91200{n % 3_000:04},n{n}\n" for n in range(3_500)) + "bad\n" * 1_000
    address = upload(client, into, content)
    real = ImportCommands.ingest
    before: list[int] = []

    def broken(self: ImportCommands, account_id: UUID, chunk: ImportChunk) -> ImportStep:
        before.append(chunk.before)
        if len(before) % 3 == 1:
            raise Unavailable("database_unavailable", "unavailable before")
        step = real(self, account_id, chunk)
        if len(before) % 3 == 2:
            raise Unavailable("database_unavailable", "unavailable after")
        return step

    monkeypatch.setattr(ImportCommands, "ingest", broken)
    progress = []
    while (found := client.get(address).json())["state"] == "running":
        progress.append(found["lines"])
        try:
            installation.run_imports()
        except Unavailable:
            continue
    assert len(progress) > 3
    assert progress == sorted(progress)
    assert before == sorted(before)
    assert {each: found[each] for each in CLASSES if found[each]} == {
        "created_customers": 3_000, "duplicates_in_file": 500, "invalid": 1_000
    }  # fmt: skip
    client.get("/v1/customers", params={"min_position": found["position"]}).raise_for_status()
    assert client.get(f"/v1/segments/{into}").json()["members"]["count"] == 3_000
    assert len(client.get(f"{address}/errors.csv").text.splitlines()) == 1_001


def test_a_runner_survives_a_full_disk(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once there is room again, the import continues."""
    full = [OSError("No space left on device")] * (AT_ONCE + 1)
    room = threading.Event()

    def tight(*arguments: Any) -> Any:
        if full:
            raise full.pop()
        room.set()
        return TemporaryFile(*arguments)

    monkeypatch.setattr("api.csv_import.runner.TemporaryFile", tight)
    monkeypatch.setattr("api.jobs.runner.POLL_SECONDS", 0.01)
    address = upload(client, into, "phone\n912000001\n")
    runner = Runner(ImportWork(installation.rollcall, installation.database), installation.database, threading.Event())
    runner.start()
    assert room.wait(20)
    runner.stop()
    assert client.get(address).json()["state"] == "done"


def test_two_runners_and_two_imports_of_the_same_people(client: Client, installation: Installation, into: str) -> None:
    other = client.post("/v1/segments", json={"name": "Other", "type": "static"}).json()["id"]
    content = "phone\n" + "".join(f"91200{n:04}\n" for n in range(3_000))
    addresses = [upload(client, each, content) for each in (into, into, other)]
    runners = [threading.Thread(target=installation.run_imports) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    installation.run_imports()
    found = [client.get(each).json() for each in addresses]
    assert [each["state"] for each in found] == ["done"] * 3
    assert sum(each["created_customers"] for each in found) == 3_000
    assert sum(each["already_members"] for each in found) == 3_000
    assert sum(each["added"] for each in found) == 3_000
    last = max(each["position"] for each in found)
    for each in (into, other):
        seen = client.get(f"/v1/segments/{each}", params={"min_position": last}).json()
        assert seen["members"]["count"] == 3_000


def test_the_imports_of_one_account_leave_the_others_a_thread_and_a_turn(
    client: Client, installation: Installation, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = installation.account("theirs")
    key = installation.key(theirs)
    for _ in range(AT_ONCE + 1):
        upload(client, into, "phone\n912345678\n")
    running, all_run = threading.Semaphore(0), threading.Event()
    real, by_account = ImportCommands.ingest, Counter[UUID]()

    def held(self: ImportCommands, account_id: UUID, chunk: ImportChunk) -> ImportStep:
        by_account[account_id] += 1
        running.release()
        assert all_run.wait(30)
        return real(self, account_id, chunk)

    monkeypatch.setattr(ImportCommands, "ingest", held)
    waiting = threading.Event()
    runner = Runner(ImportWork(installation.rollcall, installation.database), installation.database, waiting)
    runner.start()
    try:
        for _ in range(AT_ONCE - 1):
            assert running.acquire(timeout=30)
        with installation.open_api(key) as other:
            segment = other.post("/v1/segments", json={"name": "Other", "type": "static"}).json()["id"]
            upload(other, segment, "phone\n912345678\n")
        waiting.set()
        assert running.acquire(timeout=30)
        assert by_account[theirs] == 1
        assert by_account.total() == AT_ONCE
    finally:
        all_run.set()
        runner.stop()

"""Limits over HTTP: what is refused, what the answer says, and who is not affected."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from httpx import Response

from api.http.shares.limits import LimitFigures, Limits
from tests.support.installation import Installation

CROWD = 60
HELD_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
"""


@pytest.fixture
def other_key(installation: Installation) -> str:
    return installation.key(installation.account("other"))


@pytest.fixture
def _projected(installation: Installation, key: str, other_key: str) -> Iterator[None]:
    with installation.projecting():
        yield


def is_refused(answer: Response) -> bool:
    """Whether an answer is a complete 429."""
    if answer.status_code != 429:
        return False
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) >= 1
    assert re.fullmatch(r'"\w+";r=0;t=\d+', answer.headers["RateLimit"])
    assert re.fullmatch(r'"\w+";q=\d+(;qu="[\w-]+")?(;w=\d+)?', answer.headers["RateLimit-Policy"])
    return True


@pytest.mark.usefixtures("_projected")
def test_an_account_that_asks_too_often_is_refused_and_neither_others_nor_its_people_are(
    installation: Installation, account_id: UUID, key: str, other_key: str
) -> None:
    limits = Limits(LimitFigures(account_requests=0.2, key_requests=10))
    with installation.open_api(key, limits=limits) as client:
        first = client.get("/v1/segments")
        assert (first.status_code, first.headers["RateLimit-Policy"]) == (200, '"account";q=1;w=5')
        assert first.headers["RateLimit"].startswith('"account";r=0;t=')
        began = time.monotonic()
        refused = client.get("/v1/segments")
        assert is_refused(refused)
        assert time.monotonic() - began > 0.2, "a client that repeats at once is slowed"
        assert client.get("/v1/segments", headers={"Authorization": f"Bearer {other_key}"}).status_code == 200
        installation.sign_in(client, account_id)
        assert client.get("/console/segments").status_code == 200
        assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("_projected")
def test_the_lines_of_bulk_bodies_are_limited_before_any_is_stored(installation: Installation, key: str) -> None:
    lines = "".join(json.dumps({"external_id": f"c{n}"}) + "\n" for n in range(40))
    with installation.open_api(key, limits=Limits(LimitFigures(lines=1, burst_lines=20))) as client:
        assert client.post("/v1/customers/bulk", content=lines).json()["accepted"] == 40
        refused = client.post("/v1/customers/bulk", content='{"external_id": "late"}')
        assert is_refused(refused)
        assert refused.headers["RateLimit-Policy"] == '"lines";q=20;qu="lines";w=20'
        assert 15 < int(refused.headers["Retry-After"]) <= 21
        assert client.get("/v1/customers/late").status_code == 404


@pytest.mark.usefixtures("_projected")
def test_a_crowd_that_waits_holds_neither_threads_nor_sessions(
    installation: Installation, key: str, other_key: str
) -> None:
    limits = Limits(LimitFigures(waiting=CROWD - 10))
    with installation.open_api(key, limits=limits, lag_wait=6.0) as client, ThreadPoolExecutor(CROWD) as crowd:
        waiters = [crowd.submit(client.get, "/v1/segments?min_position=900000") for _ in range(CROWD)]
        deadline = time.monotonic() + 3
        while sum(each.done() for each in waiters) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for each in (key, other_key):
            headers = {"Authorization": f"Bearer {each}"}
            assert client.put("/v1/customers/ana", json={"name": "Ana"}, headers=headers).status_code == 201
            assert client.get("/v1/customers/ana", headers=headers).status_code == 200
        with installation.owner() as owner:
            # A transaction that happens to run now ends; one that a reader held would last as long as the reader waits.
            while owner.execute(HELD_TRANSACTIONS).fetchone() != (0,):
                assert sum(each.done() for each in waiters) == 10, "a reader that waits holds a transaction"
        assert sum(each.done() for each in waiters) == 10, "the others still wait"
        answers = [each.result() for each in waiters]
    assert sorted({each.status_code for each in answers}) == [429, 504]
    assert sum(is_refused(each) for each in answers) == 10


@pytest.mark.usefixtures("_projected")
def test_a_write_that_waits_to_be_visible_leaves_its_turn_to_others(installation: Installation, key: str) -> None:
    """The one turn of the account is free while an edit waits for members that are not computed."""
    figures = LimitFigures(concurrent=1, edits=1)
    with installation.open_api(key, limits=Limits(figures), own_write_wait=2.0) as client:
        installation.catch_up()
        with installation.owner() as owner, owner.transaction():
            # The worker cannot go on.
            owner.execute("LOCK TABLE shards IN SHARE ROW EXCLUSIVE MODE")
            written = threading.Thread(target=client.put, args=("/v1/customers/ana",), kwargs={"json": {}})
            written.start()
            began = time.monotonic()
            assert client.get("/v1/segments").status_code == 200
            assert time.monotonic() - began < 1.5
            written.join(30)


@pytest.mark.usefixtures("_projected")
def test_previews_of_an_account_are_counted_one_after_the_other(installation: Installation, key: str) -> None:
    """While customers cannot be read, one preview waits for them, eight wait for it, and more are refused."""
    asked = {"filter": [{"attribute": "name", "operator": "contains", "value": "z"}]}
    limits = Limits(LimitFigures(concurrent=2, queued=20))
    with installation.open_api(key, limits=limits) as client, ThreadPoolExecutor(12) as threads:
        with installation.owner() as owner, owner.transaction():
            owner.execute("LOCK TABLE rollcall_model.customers IN ACCESS EXCLUSIVE MODE")
            previews = [threads.submit(client.post, "/v1/segments/preview", json=asked) for _ in range(12)]
            while sum(each.done() for each in previews) < 3:
                time.sleep(0.01)
            assert client.get("/v1/segments").status_code == 200, "the account has its other turn"
        answers = [each.result() for each in previews]
    assert sum(is_refused(each) for each in answers) == 3
    assert sum(each.status_code == 200 for each in answers) == 9


@pytest.mark.usefixtures("_projected")
def test_a_stream_beyond_those_of_an_account_is_refused_until_one_ends(
    installation: Installation, account_id: UUID, key: str
) -> None:
    limits = Limits(LimitFigures(streams=1))
    with installation.open_api(key, limits=limits) as client:
        made = client.post("/v1/segments", json={"name": "s", "type": "static"}).json()["id"]
        campaign = client.post("/v1/campaigns", json={"name": "c", "segment_ids": [made]}).headers["Location"]
        path, csv = f"{campaign}/recipients", {"Accept": "text/csv"}
        with limits.stream_of(limits.share_of(str(account_id))):
            assert is_refused(client.get(path, headers=csv))
            assert client.get(path).status_code == 200, "a page is no stream"
        for _ in range(3):
            assert client.get(path, headers=csv).status_code == 200

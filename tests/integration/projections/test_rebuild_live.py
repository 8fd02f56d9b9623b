"""A rebuild while customers change: the old read model is kept up to date, then the worker continues on the new."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from domain.segment import SegmentDraft
from projections.read import segments
from projections.records.event_store import EventStore
from projections.worker.rebuild import rebuild
from projections.worker.runner import Retention, run_worker
from projections.worker.verify import verify
from tests.support.installation import Installation
from tests.support.kafka.broker import eventually

GOLD = [{"attribute": "plan", "operator": "equals", "value": "gold"}]


def test_a_rebuild_under_load_loses_nothing_and_stops_no_writer(installation: Installation) -> None:
    account = installation.account()
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    installation.rollcall.segments.create(account, SegmentDraft("Gold", "", "dynamic", GOLD))
    stop, failures = threading.Event(), []
    store = EventStore(installation.url, "rollcall_worker", size=2)
    events = Rollcall(store, lambda: datetime.now(UTC)).worker_events
    sent = [0]

    def change() -> None:
        while not stop.is_set():
            plans = ["gold", "free", None]
            changes = [
                CustomerChange(
                    f"c{(sent[0] + each) % 400}",
                    "changed",
                    datetime.now(UTC),
                    CustomerData(attributes={"plan": plans[(sent[0] // 400 + each) % 3]}),
                )
                for each in range(50)
            ]
            installation.rollcall.customers.change(account, changes)
            sent[0] += 50

    def watched(work: object, *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)  # type: ignore[operator]
            except BaseException as failure:
                failures.append(failure)
                stop.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    threads = [
        watched(run_worker, installation.url, events, stop, Retention(30, published_only=False)),
        watched(change),
    ]
    positions = [rebuild(installation.url, batch_size=100 * turn) for turn in (1, 3, 7)]
    enough = installation.rollcall.head() + 500
    while installation.rollcall.head() < enough and not failures:
        threading.Event().wait(0.01)
    stop.set()
    for thread in threads:
        thread.join(60)
    store.close()

    assert not failures, failures
    assert positions == sorted(positions)
    installation.project()
    assert list(verify(installation.url)) == []
    with installation.owner() as owner:
        gold = owner.execute("SELECT count(*) FROM customers WHERE attributes->>'plan' = 'gold'").fetchone()
        members = owner.execute("SELECT sum(members) FROM segment_versions WHERE state = 'serving'").fetchone()
    assert gold == members


def test_a_reader_while_a_rebuild_ends_sees_one_model_to_the_end(installation: Installation) -> None:
    account = installation.account()
    saved = installation.rollcall.segments.create(account, SegmentDraft("Mine"))
    installation.project()
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'shards'::regclass AND NOT granted"
    rebuilding = threading.Thread(target=rebuild, args=(installation.url,))
    with installation.owner() as owner, installation.database.snapshot(account) as (connection, position):
        rebuilding.start()
        eventually(lambda: owner.execute(waiting).fetchone() == (1,) or not rebuilding.is_alive())
        assert position == saved.position
        assert segments.by_id(connection, account, saved.id)
    rebuilding.join(30)
    with installation.database.snapshot(account) as (connection, position):
        assert position == saved.position
        assert segments.by_id(connection, account, saved.id)


def test_every_answer_during_rebuilds_is_whole(installation: Installation) -> None:
    account = installation.account()
    key = installation.key(account)
    saved = installation.rollcall.segments.create(account, SegmentDraft("Mine"))
    people = [CustomerChange(f"c{number}", "changed", installation.now(), CustomerData()) for number in range(1_000)]
    customer_ids = [each.customer_id for each in installation.rollcall.customers.change(account, people).outcomes]
    installation.rollcall.members.add(account, saved.id, customer_ids)
    installation.project()
    answers: set[tuple[int, int, int]] = set()
    plain: set[tuple[object, ...]] = set()
    stop = threading.Event()
    with installation.open_api(key) as http:

        def read() -> None:
            while not stop.is_set():
                page = http.get(f"/v1/segments/{saved.id}/members", params={"limit": 200, "include": "total"})
                answers.add((page.status_code, len(page.json()["data"]), page.json()["total"]))
                segment = http.get(f"/v1/segments/{saved.id}")
                plain.add(("segment", segment.json()["name"], segment.json()["members"]["count"]))
                plain.add(("customer", http.get("/v1/customers/c7").json()["external_id"]))
                of_customer = http.get("/v1/customers/c7/segments")
                plain.add(("segments", *(each["name"] for each in of_customer.json()["data"])))
                plain.add(("position", of_customer.headers["Rollcall-Position"]))

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(8):
            rebuild(installation.url)
        stop.set()
        for reader in readers:
            reader.join(30)
    assert answers == {(200, 200, 1_000)}
    # Their statements are prepared in sessions that are kept over the switches.
    position = str(installation.rollcall.head())
    assert plain == {("segment", "Mine", 1_000), ("customer", "c7"), ("segments", "Mine"), ("position", position)}

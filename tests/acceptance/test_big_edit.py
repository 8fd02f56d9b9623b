"""A filter over many customers is edited: readers see all old members, then all new ones, and no other request waits.

FULL_SIZE=1 in the environment takes 1,000,000 customers instead of 20,000.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import pytest

from domain.account import account_id_of
from domain.commands.application import Rollcall
from domain.customer import CustomerChange, CustomerData
from projections.records.event_store import EventStore
from tests.support.clock import machine_now
from tests.support.full_size import FULL_SIZE
from tests.support.running_product import RunningProduct, eventually

CUSTOMERS = 1_000_000 if FULL_SIZE else 20_000
BATCH = 5_000
ACCOUNT = "big"
PERCENT = CUSTOMERS // 100


def load(rollcall: RunningProduct) -> None:
    """Customers whose scores are 0 to 99, as many of each, through the application."""
    store = EventStore(rollcall.database_url, "rollcall_worker", size=1)
    application = Rollcall(store, machine_now)
    account_id = account_id_of(ACCOUNT)
    at = datetime(2026, 5, 20, tzinfo=UTC)
    try:
        for start in range(0, CUSTOMERS, BATCH):
            changes = [
                CustomerChange(f"crm-{n}", "changed", at, CustomerData(attributes={"score": n % 100, "plan": "free"}))
                for n in range(start, start + BATCH)
            ]
            application.customers.change(account_id, changes)
    finally:
        store.close()


class Reader:
    """Reads a segment again and again: its count, and its members counted one by one."""

    def __init__(self, rollcall: RunningProduct, segment: str) -> None:
        self.shown: list[int] = []
        self.counted: list[int] = []
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._read, args=(rollcall, segment), daemon=True)
        self._thread.start()

    def _read(self, rollcall: RunningProduct, segment: str) -> None:
        try:
            stopped = False
            while not stopped:
                # The last reads begin after the stop, so that they show what the test has seen by then.
                stopped = self._stop.wait(0.01)
                self.shown.append(rollcall.ok("GET", f"/v1/segments/{segment}")["members"]["count"])
                page = rollcall.ok("GET", f"/v1/segments/{segment}/members", params={"limit": "1", "include": "total"})
                self.counted.append(page["total"])
        except BaseException as failure:
            self._failures.append(failure)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        assert not self._failures, self._failures


def count(rollcall: RunningProduct, segment: str, wanted: int) -> bool:
    members = rollcall.ok("GET", f"/v1/segments/{segment}")["members"]
    return bool(members["count"] == wanted and members["state"] == "current")


def change_and_see(rollcall: RunningProduct, other: str, number: int) -> float:
    """Seconds from the response to a change until another segment shows it."""
    key = f"crm-{number}"
    rollcall.ok("PUT", f"/v1/customers/{key}", json={"attributes": {"plan": "gold"}})
    answered = time.monotonic()
    eventually(partial(newest_is, rollcall, other, key), 30)
    return time.monotonic() - answered


def newest_is(rollcall: RunningProduct, segment: str, key: str) -> bool:
    newest = rollcall.ok("GET", f"/v1/segments/{segment}/members", params={"limit": "1"})["data"]
    return bool(newest and newest[0]["external_id"] == key)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_an_edit_over_all_customers_switches_at_once_and_delays_no_other_request(product: RunningProduct) -> None:
    with product.in_new_account(ACCOUNT) as rollcall:
        for key, kind in (("score", "number"), ("plan", "text")):
            rollcall.ok("PUT", f"/v1/attributes/{key}", json={"type": kind})
        big = rollcall.create([{"attribute": "score", "operator": "less_than", "value": 50}])
        other = rollcall.create([{"attribute": "plan", "operator": "equals", "value": "gold"}])
        began = time.monotonic()
        load(rollcall)
        stored = time.monotonic() - began
        eventually(partial(count, rollcall, big, 50 * PERCENT), 900)
        eventually(rollcall.is_up_to_date, 900)
        projected = time.monotonic() - began
        reader = Reader(rollcall, big)
        edited = time.monotonic()
        rollcall.edit(big, [{"attribute": "score", "operator": "at_least", "value": 30}])
        answered = time.monotonic() - edited
        waits: list[float] = []
        while not count(rollcall, big, 70 * PERCENT) or len(waits) < 3:
            waits.append(change_and_see(rollcall, other, len(waits)))
            assert time.monotonic() - edited < 900
        took = time.monotonic() - edited
        reader.stop()
        assert [value for value, _ in groupby(reader.shown)] == [50 * PERCENT, 70 * PERCENT]
        assert [value for value, _ in groupby(reader.counted)] == [50 * PERCENT, 70 * PERCENT]
    print(f"{CUSTOMERS:,} customers stored in {stored:.1f} s, projected after {projected:.1f} s")
    print(f"edit answered in {answered:.2f} s, served by {took:.1f} s; {len(reader.shown)} reads meanwhile")
    print(f"{len(waits)} changes of another segment meanwhile, the slowest seen after {max(waits):.3f} s")

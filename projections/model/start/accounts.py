"""The accounts of shards as the worker keeps them in memory, from the tables of the read model."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain import json_text
from domain.errors import Invalid
from domain.filters.conditions import measures_of
from domain.instants import Days
from projections.model.account_state import AccountState, Build, Freezing, Passing, SegmentState
from projections.model.attributes import counts as attribute_counts
from projections.model.attributes.asked import ComputedState, Retention
from projections.postgres.database import beside

SQL = beside(__file__)


class Broken(NamedTuple):
    """A segment whose stored filter this release of Rollcall cannot read."""

    account: AccountState
    segment: SegmentState
    reason: str


def load_account(connection: Connection[Any], account_id: UUID) -> AccountState:
    """One account, which another worker keeps up to date: without the counts of its attributes."""
    accounts, _ = _load(connection, {"shards": [], "account_id": account_id})
    return accounts[account_id]


def load_accounts(connection: Connection[Any], shards: Set[int]) -> tuple[dict[UUID, AccountState], list[Broken]]:
    """The accounts of shards with their types, segments and index, from the read model; and the broken segments."""
    accounts, broken = _load(connection, {"shards": list(shards), "account_id": None})
    for account_id, counts in attribute_counts.load(connection, shards).items():
        accounts[account_id].counts = counts
    return accounts, broken


def _load(connection: Connection[Any], which: dict[str, Any]) -> tuple[dict[UUID, AccountState], list[Broken]]:
    # Much is parsed here, during which the session is idle though its process is not stopped.
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = '2min'")
    accounts: dict[UUID, AccountState] = {}
    for account_id, timezone, country, time_passed_to, *passing, days, since in connection.execute(SQL.accounts, which):
        account = accounts[account_id] = AccountState(account_id, Days(ZoneInfo(timezone)), country, time_passed_to)
        account.passing = None if passing[0] is None else Passing(*passing)
        account.retention = Retention(days, since)
    broken: list[Broken] = []
    for account_id, key, kind in connection.execute(SQL.attributes, which):
        accounts[account_id].types[key] = kind
    for account_id, activity, properties in connection.execute(SQL.activities, which):
        accounts[account_id].activities[activity] = properties
    for account_id, key, definition, *measured in connection.execute(SQL.measures, which):
        accounts[account_id].load_measure(key, json_text.loads(definition), measured)
    for account_id, key, definition, *stated in connection.execute(SQL.computed, which):
        account = accounts[account_id]
        measure = account.parse_measure(account.retention.of(json_text.loads(definition)))
        account.computed[key] = ComputedState(measure, *stated)
    for row in connection.execute(SQL.segments, which):
        account_id, segment_no, segment_id, name, kind, raw, serving, latest = row
        accounts[account_id].segments[segment_id] = SegmentState(
            account_id, segment_no, segment_id, name, kind, raw and json_text.loads(raw), serving=serving, latest=latest
        )
    for row in connection.execute(SQL.evaluated_versions, which):
        account_id, segment_id, version_no, raw, state, waiting, previous, began_at, built_to = row
        account = accounts[account_id]
        segment = account.segments[segment_id]
        try:
            node = account.parse(json_text.loads(raw))
            account.require_measures(node)
        except Invalid as unreadable:
            broken.append(Broken(account, segment, str(unreadable)))
            continue
        if waiting and state == "building":
            segment.waits_for = frozenset(measures_of(node))
            continue
        account.start_evaluating(version_no, node)
        if state == "building":
            segment.build = account.builds[version_no] = Build(version_no, previous, began_at, node, built_to)
    for account_id, audience_id, *audience in connection.execute(SQL.freezing, which):
        accounts[account_id].freezing[audience_id] = Freezing(*audience)
    return accounts, broken

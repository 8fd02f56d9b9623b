"""Rebuild: the log replayed into a fresh read model beside the one in use, then one switch.

Used by `rollcall rebuild`, and by `migrate` where the read model's definition changed. While it runs, the old model
serves and is kept up to date. Most of the log is replayed by as many processes as there are processors, each with its
part of the shards. At the end the live workers wait while the last events are replayed, the schemas change names in one
transaction, and the live workers start again on the new one. A reader sees one of the two models to the end of their
transaction.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow

from domain.errors import Refused
from projections.model.changes import append_of
from projections.model.time_steps import Reached
from projections.postgres.database import MODEL_SCHEMA, beside, operator_errors, worker_sessions
from projections.share import views
from projections.worker.backlog.parts import LivePart
from projections.worker.checkpoint import COPY_LOCK, restore
from projections.worker.log_writer import MODEL_LOCK, ReplayingWriter
from projections.worker.shards.event_reader import Positions
from projections.worker.worker import BATCH, Worker

SQL = beside(__file__)
DEFINITION = Path(__file__).parent.with_name("model") / "model.sql"
NEXT_SCHEMA = "rollcall_model_next"
OLD_SCHEMA = "rollcall_model_old"
# So few events left that the live workers may wait for them.
CLOSE = 5_000
# So many events are worth further processes.
LARGE = 50_000
# After so many positions, or seconds, a rebuild says how far it is.
STRIDE = 100_000
SAY_SECONDS = 10.0
# How long the switch waits for readers, and new readers for it, before it lets them through and tries again.
READERS_WAIT = "200ms"
PAUSE = 1.0
_COMMENT = re.compile(r"\s*--[^\n]*")

log = structlog.get_logger()


def model_checksum() -> str:
    """The checksum of this release's definition of the read model, without comments: they need no rebuild."""
    statements = _COMMENT.sub("", DEFINITION.read_text(encoding="utf-8"))
    return hashlib.sha256(statements.encode()).hexdigest()


def create_model(owner: Connection[TupleRow], schema: str) -> None:
    """Make an empty read model in a new schema, marked with its definition's checksum."""
    name = sql.Identifier(schema)
    with owner.transaction():
        owner.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        owner.execute(sql.SQL("SET LOCAL search_path = {}, rollcall").format(name))
        owner.execute(sql.SQL(DEFINITION.read_text(encoding="utf-8")))
        views.hold_to_accounts(owner)
        owner.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(model_checksum())))


def rebuild(
    owner_url: str, *, from_checkpoint: bool = False, batch_size: int = BATCH, chunk_size: int | None = None
) -> int:
    """Replay the log into fresh tables and switch to them. Returns the position at which it switched.

    One at a time: a second rebuild waits. The tables of an interrupted one are removed first. From a checkpoint, only
    the events after it are replayed. Raises `Refused` where there is none of this definition.
    """
    with operator_errors(), psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [COPY_LOCK])
        for leftover in (NEXT_SCHEMA, views.OLD_SCHEMA, OLD_SCHEMA):
            owner.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(leftover)))
        create_model(owner, NEXT_SCHEMA)
        if from_checkpoint:
            restore(owner, NEXT_SCHEMA)
        _require_log(owner)
        _replay_in_parts(owner, owner_url)
        with _replaying(owner_url, batch_size, chunk_size) as worker:
            worker.load()
            _catch_up(owner, worker)
            while not _try_switch(owner, worker):
                time.sleep(PAUSE)
            position = worker.position
        log.info("read_model_rebuilt", position=position)
        return position


def _require_log(owner: Connection[TupleRow]) -> None:
    """Raises `Refused` where events that are left to replay are in a part of the log that is set aside."""
    row = owner.execute(sql.SQL(SQL.first_set_aside).format(next=sql.Identifier(NEXT_SCHEMA))).fetchone()
    if row is not None:
        raise Refused(
            "log_set_aside",
            f"the part of the log from position {row[0]} on is set aside: take it back (`rollcall log take-back "
            f"{row[0]}`), or rebuild from a checkpoint (`rollcall rebuild --from-checkpoint`)",
        )


@contextmanager
def _replaying(owner_url: str, batch_size: int = BATCH, chunk_size: int | None = None) -> Iterator[Worker]:
    """A worker on the new model that has loaded nothing yet."""
    # A crash leaves nothing to keep of it, so no commit has to wait for the disk; that of the switch does.
    settings = ["synchronous_commit=off"]
    with worker_sessions(owner_url, model_schema=NEXT_SCHEMA, settings=settings) as sessions:
        yield Worker(sessions, ReplayingWriter(), batch_size=batch_size, chunk_size=chunk_size)


def _replay_in_parts(owner: Connection[TupleRow], owner_url: str) -> None:
    """Replay a long log up to where the live workers are, in several processes."""
    left = sql.SQL(SQL.events_by_shard).format(next=sql.Identifier(NEXT_SCHEMA))
    weights: dict[int, int] = dict(owner.execute(left).fetchall())
    parts = [part for part in divide(weights, os.cpu_count() or 1) if part]
    if sum(weights.values()) < LARGE or len(parts) < 2:
        return
    until, limits = _live_state(owner)
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as processes:
        replays = [processes.submit(_replay_part, owner_url, part, until, limits) for part in parts]
        while wait(replays, SAY_SECONDS).not_done:
            reached = owner.execute(sql.SQL(SQL.reached).format(next=sql.Identifier(NEXT_SCHEMA))).fetchone()
            log.info("rebuilding", position=reached and reached[0], of=until.last)
        for replay in replays:
            replay.result()


def divide(weights: Mapping[int, int], parts: int) -> list[frozenset[int]]:
    """The shards in parts that weigh about the same: the heaviest first, each to the part that is the lightest."""
    divided: list[tuple[int, set[int]]] = [(0, set()) for _ in range(parts)]
    for shard in sorted(weights, key=lambda each: (-weights[each], each)):
        lightest = min(range(parts), key=lambda each: divided[each][0])
        weight, shards = divided[lightest]
        divided[lightest] = (weight + weights[shard], shards | {shard})
    return [frozenset(shards) for _, shards in divided]


def _replay_part(owner_url: str, shards: frozenset[int], until: Positions, limits: Mapping[UUID, Reached]) -> None:
    with _replaying(owner_url) as worker:
        worker.limits = limits
        worker.load(shards)
        worker.drain(until)
        worker.settle()


def _catch_up(owner: Connection[TupleRow], worker: Worker) -> None:
    """Replay until few enough events are left for the live workers to wait.

    No account past where its live worker is, which alone appends to the change stream.
    """
    while True:
        until, worker.limits = _live_state(owner)
        if worker.reader.behind(until) <= CLOSE and not worker.is_filling():
            return
        for reached, part in _strides(until):
            worker.drain(part)
            log.info("rebuilding", position=reached, of=until.last)


def _strides(until: Positions) -> Iterator[tuple[int, Positions]]:
    """The way up to some positions, so many at a time: how far it leads in the log, and the positions there."""
    end = until.last
    for reached in [*range(STRIDE, end, STRIDE), end]:
        shards = {shard: min(position, reached) for shard, position in until.shards.items()}
        yield reached, Positions(shards, {each: min(position, reached) for each, position in until.lagging.items()})


def _live_state(owner: Connection[TupleRow]) -> tuple[Positions, dict[UUID, Reached]]:
    """Where the live workers are; and how far time has passed in the accounts for which it is passing there."""
    live = sql.Identifier(MODEL_SCHEMA)
    positions = sql.SQL(SQL.positions if _has(owner, "shards") else SQL.position_before_shards).format(live=live)
    rows = owner.execute(sql.SQL(SQL.live_state).format(positions=positions, live=live)).fetchall()
    shards = {int(shard): position for shard, position in rows[0][0].items()}
    lagging = {UUID(account_id): position for account_id, position in rows[0][1].items()}
    limits = {account_id: Reached(*reached) for _, _, account_id, *reached in rows if account_id is not None}
    return Positions(shards, lagging), limits


def _live_parts(owner: Connection[TupleRow]) -> list[LivePart]:
    """The parts of backlogs that the live workers have divided, done and open."""
    if not _has(owner, "backlog_parts"):
        return []
    return [LivePart(*row) for row in owner.execute(sql.SQL(SQL.parts).format(live=sql.Identifier(MODEL_SCHEMA)))]


def _append_erased(owner: Connection[TupleRow]) -> None:
    """Append to the change stream what the new model changes for erased customers, whose events are empty now."""
    live, fresh = sql.Identifier(MODEL_SCHEMA), sql.Identifier(NEXT_SCHEMA)
    owner.execute(sql.SQL("SET LOCAL search_path = {}, rollcall").format(fresh))
    owner.execute(append_of(sql.SQL(SQL.changes_of_erased).format(live=live, next=fresh)))


def _has(owner: Connection[TupleRow], table: str) -> bool:
    """Whether the model in use is of a release that has a table."""
    return owner.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{MODEL_SCHEMA}.{table}"]).fetchone() == (True,)


def _try_switch(owner: Connection[TupleRow], worker: Worker) -> bool:
    """Switch, unless a reader still holds the old model; new readers wait meanwhile. Returns whether it switched."""
    live, fresh, old = (sql.Identifier(schema) for schema in (MODEL_SCHEMA, NEXT_SCHEMA, OLD_SCHEMA))
    try:
        with owner.transaction():
            owner.execute("SELECT pg_advisory_xact_lock(%s)", [MODEL_LOCK])
            until, worker.limits = _live_state(owner)
            worker.drain(until)
            worker.settle()
            worker.sharing.mirror(_live_parts(owner))
            _append_erased(owner)
            owner.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(READERS_WAIT))
            # What readers lock; those of an earlier release another table.
            locked = sql.Identifier(MODEL_SCHEMA, "shards" if _has(owner, "shards") else "projection")
            owner.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(locked))
            owner.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(live, old))
            owner.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(fresh, live))
            views.replace(owner)
    except LockNotAvailable:
        log.info("switch_waits_for_readers")
        return False
    views.drop_old(owner)
    owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(old))
    return True

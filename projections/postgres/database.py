"""Connections and queries: how everything under `projections` reaches PostgreSQL.

A `Database` is a pool whose sessions act as one of the two roles (see migrations/0001_log.sql).
`Queries` holds the named blocks of the `.sql` file beside a module; a name that is missing fails at
import, not at the first call. psycopg's errors become ours here and nowhere else.
"""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from domain.errors import Refused, Unavailable

Role = Literal["rollcall_api", "rollcall_worker"]
MODEL_SCHEMA = "rollcall_model"
# A host that vanishes gives up its locks in half a minute, not in the two hours of the operating system.
GONE_PEERS = ("tcp_keepalives_idle=15", "tcp_keepalives_interval=5", "tcp_keepalives_count=3", "tcp_user_timeout=30s")
# For sessions that only touch rows by key. Right after a table grew, statistics are old, and the planner would
# read it whole to find a batch's few thousand rows (seen: 30 times slower).
PROBING = ("enable_hashjoin=off", "enable_mergejoin=off", "enable_seqscan=off")
# For sessions whose transactions hold locks that others need: a stopped process gives them up, whether the server waits
# for its next statement or for it to read a result.
FROZEN = ("idle_in_transaction_session_timeout=10s", "tcp_user_timeout=10s")
# SQLSTATEs, whole or by class, after which the same statement may succeed later. (psycopg's classes do not say it: a
# database that became read-only is no `OperationalError`, and a program limit is one.)
TEMPORARY = (
    "08",  # the connection failed
    "25006",  # the database is read-only: a standby, or an operator's setting
    "25P03",  # the session was ended: idle in a transaction, as a stopped process is
    "25P04",  # the transaction took too long
    "40",  # serialization failure, deadlock
    "53",  # out of disk, memory or connections
    "55006",  # in use
    "55P03",  # a lock was not available
    "57",  # canceled, statement timeout, shut down, starting up
    "58",  # an I/O error
)
_BLOCK = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Queries:
    """The `-- name: …` blocks of one `.sql` file, as attributes."""

    def __init__(self, path: Path) -> None:
        parts = _BLOCK.split(path.read_text(encoding="utf-8"))
        self._blocks = dict(zip(parts[1::2], parts[2::2], strict=True))
        self._path = path

    def __getattr__(self, name: str) -> str:
        try:
            return self._blocks[name]
        except KeyError:
            raise AttributeError(f"{self._path.name} has no query named {name}") from None

    @property
    def names(self) -> frozenset[str]:
        """The names of all blocks."""
        return frozenset(self._blocks)


def beside(module_file: str) -> Queries:
    """The queries of the `.sql` file with the same name as a module: `SQL = beside(__file__)`."""
    return Queries(Path(module_file).with_suffix(".sql"))


SQL = beside(__file__)


def session_conninfo(
    database_url: str, role: Role, *, model_schema: str = MODEL_SCHEMA, settings: Sequence[str] = ()
) -> str:
    """A connection string whose sessions act as `role`, see the read model in `model_schema`, and have `settings`."""
    given = str(conninfo_to_dict(database_url).get("options") or "")
    ours = (f"role={role}", f"search_path={model_schema},rollcall", "timezone=UTC", "jit=off", *settings)
    parts = [*(f"-c {each}" for each in GONE_PEERS), given, *(f"-c {each}" for each in ours)]
    return make_conninfo(database_url, options=" ".join(filter(None, parts)), application_name=role)


class WorkerSessions(NamedTuple):
    """The two sessions of a projection worker: every transaction is on `writing`, `reading` sees what is committed."""

    writing: Connection[TupleRow]
    reading: Connection[TupleRow]


@contextmanager
def worker_sessions(
    database_url: str, *, model_schema: str = MODEL_SCHEMA, settings: Sequence[str] = ()
) -> Iterator[WorkerSessions]:
    """Sessions of a projection worker: autocommit, probing, planning each statement for the tables as they are."""
    settings = [*PROBING, *FROZEN, *settings]
    conninfo = session_conninfo(database_url, "rollcall_worker", model_schema=model_schema, settings=settings)
    with (
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as writing,
        psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as reading,
    ):
        yield WorkerSessions(writing, reading)


class Question(NamedTuple):
    """A query and its parameters, for `Database.ask`."""

    query: str
    parameters: Mapping[str, Any]


class Database:
    """A pool of sessions of one role. `snapshot`, `ask` and `transaction` are for one account, `spanning` for none."""

    def __init__(
        self, database_url: str, role: Role, *, size: int = 8, model_schema: str = MODEL_SCHEMA, wait: float = 5.0
    ) -> None:
        self.conninfo = session_conninfo(database_url, role, model_schema=model_schema)
        self._pool: ConnectionPool[Connection[TupleRow]] = ConnectionPool(
            self.conninfo,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            open=False,
            timeout=wait,
            check=_check,
        )
        self._pool.open()

    @contextmanager
    def snapshot(self, account_id: UUID) -> Iterator[tuple[Connection[TupleRow], int]]:
        """One state of what `account_id` sees, and the last event that it includes. Raises `Unavailable`."""
        with self.single() as connection:
            began = connection.execute(_for_account(SQL.begin_snapshot, account_id), prepare=False)
            row = began.set_result(-1).fetchone()
            yield connection, int(row[0]) if row else 0

    def ask(self, account_id: UUID, *questions: Question) -> tuple[list[list[TupleRow]], int]:
        """The rows that answer each question, from one snapshot as of `snapshot`, and the last event that it includes.

        One round trip in all, of statements that each session has prepared. Raises `Unavailable`.
        """
        with self.single() as connection:
            with connection.pipeline():
                for statement in (SQL.begin_ask, SQL.lock_model):
                    connection.execute(statement, prepare=True)
                began = connection.execute(SQL.see_account, {"account_id": account_id}, prepare=True)
                asked = [connection.execute(query, parameters, prepare=True) for query, parameters in questions]
                connection.execute(SQL.end_ask, prepare=True)
            row = began.fetchone()
            return [cursor.fetchall() for cursor in asked], int(row[-1]) if row else 0

    @contextmanager
    def transaction(self, account_id: UUID, *, read_only: bool = True) -> Iterator[Connection[TupleRow]]:
        """One transaction that sees `account_id` only; a read is one snapshot. Raises `Unavailable`."""
        with self.single() as connection:
            connection.execute(_for_account(SQL.begin_read if read_only else SQL.begin, account_id), prepare=False)
            yield connection

    @contextmanager
    def spanning(self) -> Iterator[Connection[TupleRow]]:
        """One transaction that names no account: row-level security decides what it sees. Raises `Unavailable`."""
        with self.single() as connection, connection.transaction():
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection[TupleRow]]:
        """The same for single statements, each of which is a transaction. Raises `Unavailable`."""
        with database_errors(), self._pool.connection() as connection:
            yield connection

    def close(self) -> None:
        """Close every session; the pool cannot be used again."""
        self._pool.close()


def _for_account(statements: str, account_id: UUID) -> bytes:
    """Several statements at once take no parameters; a UUID is safe as it is written."""
    return (statements % {"account": account_id}).encode()


def _check(connection: Connection[TupleRow]) -> None:
    """Raises where a session has ended. Only if its socket has something to read is the server asked."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    if socket.poll(0):
        connection.execute("")


def is_temporary(error: psycopg.Error) -> bool:
    """Returns whether the same statement may succeed later, without anyone correcting it."""
    if error.sqlstate is None:  # libpq and the pool give no code: no connection, or it was lost
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(TEMPORARY)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn what may succeed later into `Unavailable` (`database_unavailable`); other errors pass through.

    The only place that decides it, for requests, the event store, roles and commands alike.
    """
    try:
        yield
    except psycopg.Error as error:
        if not is_temporary(error):
            raise
        raise Unavailable("database_unavailable", f"{_reason(error)}; try again") from error


def _reason(error: psycopg.Error) -> str:
    match error.sqlstate:
        case "25006":
            return "the database is read-only"
        case "53100":
            return "the database's disk is full"
    return "the database does not answer"


@contextmanager
def operator_errors() -> Iterator[None]:
    """As `database_errors`, for commands: a login that lacks a right is for the operator to fix.

    Raises `Refused` (`missing_rights`). In a running process a missing right is a bug, and stays an error of psycopg.
    """
    with database_errors():
        try:
            yield
        except psycopg.Error as denied:
            # While a session begins, libpq gives the reason as text only.
            beginning = isinstance(denied, psycopg.OperationalError) and "permission denied to set role" in str(denied)
            if not beginning and not isinstance(denied, psycopg.errors.InsufficientPrivilege):
                raise
            reason = str(denied).strip().splitlines()[0].rpartition("FATAL:")[2].strip()
            raise Refused(
                "missing_rights", f"the database login may not do this ({reason}); README, Production, says who may"
            ) from denied


def as_dicts(cursor: psycopg.Cursor[Any]) -> list[dict[str, Any]]:
    """All rows of an executed cursor as dicts keyed by column name."""
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

"""Statements that are sent together, in one piece: one way to the server and back. Used by `Database.ask`.

psycopg's own pipeline sends each statement by itself, and so wakes the server, and waits, for each. What always holds:
a statement is prepared in each session that it is asked in, with parameters as text, whose types its casts name; and
after an error the session is as it is after an error of one statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from select import POLLIN, POLLOUT, poll
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from psycopg import Connection
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)
_PARAMETER = re.compile(r"%\((\w+)\)s")
_numbers = count()
# The names of what each session has prepared, by query.
_prepared: WeakKeyDictionary[Connection[TupleRow], dict[str, bytes]] = WeakKeyDictionary()


class Question(NamedTuple):
    """A query and its parameters."""

    query: str
    parameters: Mapping[str, Any]


def ask_together(connection: Connection[TupleRow], questions: Sequence[Question]) -> list[list[TupleRow]]:
    """Returns the rows that answer each question. Raises `psycopg.Error`, where the others after it are not asked."""
    names = _prepared.setdefault(connection, {})
    try:
        return _ask(connection, questions, names)
    except InvalidSqlStatementName:
        # After a rollback psycopg has a session forget what it has prepared: nothing was asked.
        names.clear()
        return _ask(connection, questions, names)


def _ask(
    connection: Connection[TupleRow], questions: Sequence[Question], names: dict[str, bytes]
) -> list[list[TupleRow]]:
    server, types = connection.pgconn, Transformer(connection)
    new: dict[str, bytes] = {}
    server.enter_pipeline_mode()
    for query, parameters in questions:
        text, order = _numbered(query)
        name = names.get(query) or new.get(query)
        if name is None:
            name = new[query] = b"asked_%d" % next(_numbers)
            server.send_prepare(name, text)
        values = types.dump_sequence([parameters[each] for each in order], [PyFormat.TEXT] * len(order))
        server.send_query_prepared(name, values)
    server.pipeline_sync()
    results = _results(server)
    server.exit_pipeline_mode()
    for result in results:
        if result.status in FAILED:
            raise error_from_result(result)
    names.update(new)
    answers = []
    # Those of what was prepared have no columns either, but come without a word about what was done.
    for result in results:
        if result.status == ExecStatus.TUPLES_OK or result.command_status:
            types.set_pgresult(result)
            answers.append(types.load_rows(0, result.ntuples, tuple))
    return answers


def _results(server: PGconn) -> list[PGresult]:
    """Sends what waits to be sent, and returns all results up to the end of the pipeline."""
    ready = poll()
    ready.register(server.socket, POLLIN | POLLOUT)
    while server.flush():
        ready.poll()
        server.consume_input()
    ready.modify(server.socket, POLLIN)
    results: list[PGresult] = []
    while True:
        while server.is_busy():
            ready.poll()
            server.consume_input()
        result = server.get_result()
        if result is None:  # the end of a statement
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


@cache
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """Returns a query with numbers for its parameters, as the server reads it, and their names in this order."""
    order = tuple(dict.fromkeys(_PARAMETER.findall(query)))
    text = _PARAMETER.sub(lambda found: f"${order.index(found[1]) + 1}", query)
    return text.replace("%%", "%").encode(), order

"""The installation's own secret, made with its database: signs page cursors, the same for every API process."""

from __future__ import annotations

from projections.postgres.database import Database


def secret_of(database: Database) -> bytes:
    """The secret. Raises `Unavailable`."""
    with database.single() as connection:
        row = connection.execute("SELECT secret FROM installation").fetchone()
    assert row is not None
    return bytes(row[0])

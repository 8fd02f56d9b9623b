"""Accounts and their attributes as the log has them, and the copies that one process keeps.

Made once by `domain.commands.application.Rollcall` and shared by its commands. A kept copy may lack attributes that
another process declared since, but is never wrong about one: a type, once declared, stays. Only a computed attribute
can be removed; so what refuses a value for one reads again.
"""

from __future__ import annotations

from uuid import UUID

from domain.account import Account, Schema, account_of, schema_id_of, schema_of
from domain.commands.log import Log
from domain.errors import NotFound
from domain.texts.language import said


class AccountReader:
    """Reads accounts and schemas from the log. Threads share it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._accounts: dict[UUID, Account] = {}
        self._schemas: dict[UUID, Schema] = {}

    def require(self, account_id: UUID) -> Account:
        """The account as its events made it. Raises `NotFound`."""
        account = account_of(account_id, self._log.stream(account_id, account_id))
        if account.version == 0:
            raise NotFound("account_not_found", said("no such account"))
        return account

    def schema(self, account_id: UUID) -> Schema:
        """The attributes of an account as its events made them."""
        return schema_of(self._log.stream(account_id, schema_id_of(account_id)))

    def kept_account(self, account_id: UUID) -> Account:
        """The account as this process read it first: its time zone and country never change. Raises `NotFound`."""
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = self.require(account_id)
        return account

    def kept_schema(self, account_id: UUID) -> Schema:
        """The attributes as this process read or kept them last; the caller must not change them."""
        # Another thread may drop it between a look and an answer.
        schema = self._schemas.get(account_id)
        if schema is None:
            schema = self._schemas[account_id] = self.schema(account_id)
        return schema

    def keep_schema(self, account_id: UUID, schema: Schema) -> None:
        """Keep the attributes as a batch left them."""
        self._schemas[account_id] = schema

    def renew_schema(self, account_id: UUID) -> bool:
        """Read the attributes again. Returns whether there were declarations or removals since they were kept."""
        before = self._schemas.get(account_id)
        self._schemas[account_id] = now = self.schema(account_id)
        return before is None or before.version != now.version

    def drop_schema(self, account_id: UUID) -> None:
        """Read the attributes again when they are needed next."""
        self._schemas.pop(account_id, None)

"""The application: every intention, by noun. The API, the consumers, the worker and the command line call it.

`rollcall.segments.create(...)`: each noun has its class in a module of this folder, built over one log. A method that
writes stores its events in one transaction and returns the log position after it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.commands.account_reader import AccountReader
from domain.commands.accounts import AccountCommands, AttributeCommands, KeyCommands
from domain.commands.campaigns import CampaignCommands
from domain.commands.customers import CustomerCommands
from domain.commands.imports import ImportCommands
from domain.commands.jobs import JobCommands
from domain.commands.log import Log, LogStore
from domain.commands.members import MemberCommands
from domain.commands.segments import SegmentCommands
from domain.commands.webhooks import WebhookCommands
from domain.commands.worker_events import WorkerEvents
from domain.customer import CLOCK_SKEW


class Rollcall:
    """All that can be asked of Rollcall, over one store. `now` is the only clock; `skew` is as in `Log`."""

    def __init__(self, store: LogStore, now: Callable[[], datetime], skew: timedelta = CLOCK_SKEW) -> None:
        self.log = log = Log(store, now, skew)
        accounts = AccountReader(log)
        self.accounts = AccountCommands(log, accounts)
        self.keys = KeyCommands(log, accounts)
        self.attributes = AttributeCommands(log, accounts)
        self.customers = CustomerCommands(log, accounts)
        self.segments = SegmentCommands(log, accounts)
        self.members = MemberCommands(log, self.segments)
        self.imports = ImportCommands(log, accounts, self.segments)
        self.jobs = JobCommands(log, accounts, self.segments)
        self.campaigns = CampaignCommands(log)
        self.webhooks = WebhookCommands(log, accounts)
        self.worker_events = WorkerEvents(log)

    def now(self) -> datetime:
        """The present instant."""
        return self.log.now()

    def head(self) -> int:
        """The position of the last event in the log; 0 where there is none."""
        return self.log.head()

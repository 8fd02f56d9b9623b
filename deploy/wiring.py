"""The composition root: builds the objects of each process from the settings and hands them down.

Called by `deploy.main` and by `deploy.embedded.process_tree`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from deploy.settings import Settings


def migrate(owner_url: str) -> None:
    """Bring the schemas to this version; one at a time, however many ask."""
    raise NotImplementedError


def bootstrap(settings: Settings) -> str | None:
    """On an empty database create account `default` and its admin key; return the key only if it was generated now."""
    raise NotImplementedError


def console_link(settings: Settings) -> str:
    """Where the console is; a link that logs in once, when the console has log-in."""
    return f"{settings.http_url}/"


def run_ingest(settings: Settings) -> None:
    """Take in Kafka's records until SIGTERM."""
    raise NotImplementedError


def run_project(settings: Settings) -> None:
    """Keep the read models up to date until SIGTERM."""
    raise NotImplementedError


def run_api(settings: Settings) -> None:
    """Serve HTTP until SIGTERM."""
    raise NotImplementedError


def run_demo(settings: Settings) -> None:
    """Fill a sample account and change its customers until SIGTERM."""
    raise NotImplementedError


def create_account(settings: Settings, name: str, *, timezone: str, country: str) -> str:
    """Create an account; return its id."""
    raise NotImplementedError


def create_key(settings: Settings, *, account: str, name: str, kind: Literal["admin", "read", "write"]) -> str:
    """Create an API key; return it, for the only time."""
    raise NotImplementedError


def verify(settings: Settings) -> Iterable[str]:
    """Compare every membership with a from-scratch evaluation; one line per difference."""
    raise NotImplementedError


def rebuild(settings: Settings) -> None:
    """Replay the log into fresh tables and switch to them."""
    raise NotImplementedError

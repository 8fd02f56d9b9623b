"""What the commands of `rollcall` do that are not roles: set up, administer, check and rebuild.

Called by `deploy.main` and by `deploy.embedded.up`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from api.console.paths import CONSOLE_PATH
from deploy import demo
from deploy.settings import Settings
from deploy.wiring import application, database_url, stop_event
from domain.account import KeyKind, account_id_of
from domain.errors import NotFound, Refused
from domain.people import checked_email, checked_name, new_token
from projections.postgres.database import Database
from projections.records import log_parts, people, sessions
from projections.share import logins
from projections.worker import verify as verification
from projections.worker.checkpoint import checkpoint_position
from projections.worker.rebuild import rebuild as rebuild_model

DEFAULT_ACCOUNT = "default"


def bootstrap(settings: Settings) -> str | None:
    """On an empty database create account `default` and its admin key; return the key only if it was generated now.

    Killed between the two, the next start makes the key that is missing.
    """
    given = settings.bootstrap_api_key.get_secret_value() if settings.bootstrap_api_key else None
    account_id = account_id_of(DEFAULT_ACCOUNT)
    with application(settings, "rollcall_worker") as rollcall:
        try:
            rollcall.accounts.create(DEFAULT_ACCOUNT, settings.bootstrap_timezone, settings.bootstrap_country)
        except Refused:
            if rollcall.accounts.require(account_id).version > 1:
                return None
        made = rollcall.keys.create(account_id, "bootstrap", "admin", given)
    return None if given else made.key


def console_link(settings: Settings, account: str = DEFAULT_ACCOUNT, email: str | None = None) -> str:
    """Returns a one-time link for the account's first person, or the one with `email`. Raises `NotFound`."""
    account_id = _account(settings, account)
    now, token = settings.clock().now(), new_token()
    with _people(settings) as database:
        if email is None:
            person_id = people.first_person(database, account_id, now)
        else:
            person = people.find_by_email(database, account_id, email)
            if person is None:
                raise NotFound(
                    "person_not_found",
                    f"no user of account {account!r} has the e-mail address {email!r}; add them with: person create",
                )
            person_id = person.person_id
        sessions.make_link(database, account_id, person_id, token.sha256, now)
    return f"{settings.http_url}{CONSOLE_PATH}/sign-in/{token.text}"


def create_person(settings: Settings, email: str, *, account: str, name: str) -> str:
    """Add a person to an account; return the one-time link with which they choose their password.

    Raises `Invalid`, `NotFound`, `Refused`.
    """
    name, email = checked_name(name), checked_email(email)
    account_id = _account(settings, account)
    with _people(settings) as database:
        people.add(database, account_id, name=name, email=email, now=settings.clock().now())
    return console_link(settings, account, email)


def fill_demo(settings: Settings) -> int:
    """Fill the default account with the sample; return the position in the log where it ends."""
    with application(settings, "rollcall_worker") as rollcall:
        demo.fill(rollcall, account_id_of(DEFAULT_ACCOUNT))
        return rollcall.head()


def run_demo(settings: Settings) -> None:
    """Change the sample's customers until asked to stop."""
    with application(settings, "rollcall_worker") as rollcall:
        demo.keep_changing(rollcall, account_id_of(DEFAULT_ACCOUNT), stop_event())


def create_account(settings: Settings, name: str, *, timezone: str, country: str) -> str:
    """Create an account; return its id."""
    with application(settings, "rollcall_worker") as rollcall:
        return str(rollcall.accounts.create(name, timezone, country).id)


def create_key(settings: Settings, *, account: str, name: str, kind: KeyKind) -> str:
    """Create an API key; return it, for the only time."""
    with application(settings, "rollcall_worker") as rollcall:
        try:
            return rollcall.keys.create(account_id_of(account), name, kind).key
        except NotFound:
            raise NotFound("account_not_found", f"there is no account called {account!r}") from None


def verify(settings: Settings) -> Iterator[str]:
    """Compare every membership with a from-scratch evaluation; one line per difference."""
    return verification.verify(database_url(settings))


def rebuild(settings: Settings, *, from_checkpoint: bool = False) -> None:
    """Replay the log into fresh tables and switch to them."""
    sys.setswitchinterval(0.00005)  # as in `deploy.roles.project`
    rebuild_model(database_url(settings), from_checkpoint=from_checkpoint)


def log_lines(settings: Settings) -> Iterator[str]:
    """One line for each part of the log."""
    for part in log_parts.log_parts(database_url(settings)):
        aside = "" if part.set_aside is None else f", set aside in rollcall.{part.set_aside}"
        yield f"{part.first} to {part.last}: {part.size:,} bytes{aside}"


def set_part_aside(settings: Settings, first: int) -> str:
    """Set an old part of the log aside; return where it is."""
    table = log_parts.set_aside(database_url(settings), first, checkpoint_position(database_url(settings)))
    return f"The part is in the table rollcall.{table}: dump it, keep the dump, then drop the table."


def take_part_back(settings: Settings, first: int) -> str:
    """Put a part of the log in its place again."""
    return f"{log_parts.take_back(database_url(settings), first)} events of erased customers were emptied."


def create_share(settings: Settings, name: str, *, account: str, minutes: int, connections: int) -> str:
    """Make a login that reads one account by SQL; return its database address, for the only time."""
    account_id = _account(settings, account)
    return logins.create(database_url(settings), name, account_id, minutes=minutes, connections=connections)


def share_lines(settings: Settings) -> Iterator[str]:
    """One line for each share."""
    for share in logins.all_shares(database_url(settings)):
        name, limits = share.login.removeprefix(logins.PREFIX), "this server does not have the login"
        if share.connections is not None:
            limits = (
                f"{share.connected} of {share.connections} connections, transactions of {share.minutes} min at most"
            )
        yield f"{name}: account {share.account}, login {share.login}, {limits}"


def drop_share(settings: Settings, name: str) -> None:
    """Drop the login of a share and end its sessions."""
    logins.drop(database_url(settings), name)


def _account(settings: Settings, name: str) -> UUID:
    with application(settings, "rollcall_worker", size=1) as rollcall:
        try:
            return rollcall.accounts.require(account_id_of(name)).account_id
        except NotFound:
            raise NotFound("account_not_found", f"there is no account called {name!r}") from None


@contextmanager
def _people(settings: Settings) -> Iterator[Database]:
    database = Database(database_url(settings), "rollcall_worker", size=1)
    try:
        yield database
    finally:
        database.close()

"""The command `rollcall`: one function per command, each of a few lines.

A mistake that the person at the terminal can fix is one sentence on standard error and exit code 1; anything else is
our bug and shows its traceback. Nothing heavy is imported before a command is known.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from typing import Literal

from cyclopts import App
from pydantic import ValidationError

from deploy import logs
from deploy.embedded.screen import show_step
from deploy.embedded.supervised import StartupError, stoppable
from deploy.settings import Settings, read_settings
from domain.errors import RollcallError, Unavailable

app = App(
    name="rollcall",
    help="Customer segments that are always up to date.",
    version=lambda: metadata.version("rollcall"),
    version_flags=["--version"],
)
account = App(name="account", help="Accounts, each with its own customers and segments.")
key = App(name="key", help="API keys, each of one account.")
person = App(name="person", help="People who use the console, each of one account.")
app.command(account)
app.command(key)
app.command(person)


@app.command
def up(*, demo: bool = False) -> None:
    """Run everything in one process tree, on an embedded PostgreSQL and broker unless others are given.

    Parameters
    ----------
    demo
        Fill a sample account and keep changing its customers.
    """
    settings = _settings("up")
    # Before the imports, which take a while: a stop signal that arrives meanwhile must end us as cleanly as later.
    with stoppable():
        show_step("Starting Rollcall")
        from deploy.embedded.up import up as run_everything

        run_everything(settings, demo=demo)


@app.command
def migrate() -> None:
    """Bring the database to this version; with ROLLCALL_BOOTSTRAP_API_KEY, also create the first account."""
    from deploy import commands
    from projections.migrate import migrate as migrate_database

    with _database("migrate") as settings:
        migrate_database(str(settings.database_url))
        if settings.bootstrap_api_key is not None:
            commands.bootstrap(settings)


@app.command
def ingest() -> None:
    """Ingest customers' changes from Kafka."""
    settings = _settings_of_role("ingest")
    from deploy.roles import ingest as role

    _run(role.run, settings)


@app.command
def project() -> None:
    """Keep segments, members and the other read models up to date."""
    settings = _settings_of_role("project")
    from deploy.roles import project as role

    _run(role.run, settings)


@app.command
def publish() -> None:
    """Publish membership changes to Kafka."""
    settings = _settings_of_role("publish")
    from deploy.roles import publish as role

    _run(role.run, settings)


@app.command
def api() -> None:
    """Serve the HTTP API and the console."""
    settings = _settings_of_role("api")
    from deploy.roles import api as role

    _run(role.run, settings)


@app.command
def demo(*, fill: bool = True) -> None:
    """Fill a sample account with customers, segments and a campaign, and keep changing its customers.

    Parameters
    ----------
    fill
        Without it, only change the customers that are there already.
    """
    from deploy import commands

    with _database("demo") as settings:
        if fill:
            commands.fill_demo(settings)
        commands.run_demo(settings)


@account.command(name="create")
def create_account(name: str, *, timezone: str = "UTC", country: str = "US") -> None:
    """Create an account and print its id.

    Parameters
    ----------
    name
        Its name, for people and in the topic configuration.
    timezone
        The IANA time zone in which its days begin.
    country
        The ISO code of the country of its national phone numbers.
    """
    from deploy import commands

    with _database("account") as settings:
        print(commands.create_account(settings, name, timezone=timezone, country=country))


@key.command(name="create")
def create_key(
    *, account: str = "default", name: str = "command line", kind: Literal["admin", "read", "write"] = "admin"
) -> None:
    """Create an API key and print it, for the only time. It is valid once `project` has projected it.

    Parameters
    ----------
    account
        The account it opens.
    name
        Its name, for people.
    kind
        `admin` may do everything, `read` only read, `write` only send customers' changes.
    """
    from deploy import commands

    with _database("key") as settings:
        print(commands.create_key(settings, account=account, name=name, kind=kind))


@person.command(name="create")
def create_person(email: str, *, account: str = "default", name: str) -> None:
    """Add a person and print a one-time link with which they choose their password.

    Parameters
    ----------
    email
        The e-mail address with which they sign in.
    account
        The account that they see.
    name
        Their name, as others see it.
    """
    from deploy import commands

    with _database("person") as settings:
        print(commands.create_person(settings, email, account=account, name=name))


@person.command(name="link")
def link_person(*, account: str = "default", email: str | None = None) -> None:
    """Print a one-time link that signs a person in within 24 hours, for instance when they forgot their password.

    Parameters
    ----------
    account
        The account that they see.
    email
        Their e-mail address; without it, the account's first person.
    """
    from deploy import commands

    with _database("person") as settings:
        print(commands.console_link(settings, account, email))


@app.command
def verify() -> None:
    """Compare every membership with a from-scratch evaluation; exit code 1 and the differences if there are any."""
    from deploy import commands

    differences = 0
    with _database("verify") as settings:
        for line in commands.verify(settings):
            differences += 1
            print(line)
    print(f"{differences} differences" if differences else "No difference.")
    sys.exit(1 if differences else 0)


@app.command
def rebuild(*, from_checkpoint: bool = False) -> None:
    """Replay the log into fresh tables and switch to them.

    Parameters
    ----------
    from_checkpoint
        Begin with the copy that `rollcall checkpoint` made, and replay what came after it.
    """
    from deploy import commands

    with _database("rebuild") as settings:
        commands.rebuild(settings, from_checkpoint=from_checkpoint)


@app.command
def checkpoint() -> None:
    """Copy the read model, so that a rebuild may begin with it; print the log position that it has."""
    from projections.worker.checkpoint import make_checkpoint

    with _database("checkpoint") as settings:
        print(make_checkpoint(str(settings.database_url)))


def _settings(process: str) -> Settings:
    settings = read_settings()
    logs.set_up(settings, process)
    if settings.metrics_folder is not None:
        from deploy import metrics_exposure

        metrics_exposure.share_as(process)
    return settings


def _settings_of_role(process: str) -> Settings:
    settings = _settings(process)
    if settings.database_url is None:
        raise StartupError(f"Set ROLLCALL_DATABASE_URL for `rollcall {process}`; `rollcall up` needs no database.")
    from projections.migrate import require_this_version

    # A role that starts while the database is away waits for it.
    with suppress(Unavailable):
        require_this_version(settings.database_url, "rollcall_api" if process == "api" else "rollcall_worker")
    return settings


@contextmanager
def _database(process: str) -> Iterator[Settings]:
    """The settings with a database: the given one, that of the running `up`, or one started for this command."""
    from projections.migrate import migrate as migrate_database
    from projections.migrate import require_this_version

    settings = _settings(process)
    if settings.database_url is not None:
        if process != "migrate":
            require_this_version(settings.database_url, "rollcall_worker")
        yield settings
        return
    from deploy.embedded.instance import reach

    with reach(settings, migrate_database) as reached:
        yield reached


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    variable = "ROLLCALL_" + "_".join(str(part) for part in first["loc"]).upper()
    return f"{variable}: {first['msg'].removeprefix('Value error, ')}."


def _run(role: Callable[[Settings], None], settings: Settings) -> None:
    """Run a role; what is imported by now stays, so no garbage is looked for in it."""
    gc.freeze()
    role(settings)


def _collect_garbage_rarely() -> None:
    """Run the garbage collector rarely.

    Imports, a batch, or a chunk of an import create hundreds of thousands of small objects and no cycles; looking for
    cycles took a tenth of a start and a fifth of a batch.
    """
    gc.set_threshold(200_000, 20, 50)


def main() -> None:
    """The entry point of the command `rollcall`."""
    _collect_garbage_rarely()
    try:
        app(result_action="return_value")
    except ValidationError as error:
        # Settings are the only model that people fill in here; any other is a bug and keeps its traceback.
        if error.title != Settings.__name__:
            raise
        _give_up(_sentence(error))
    except StartupError as error:
        _give_up(str(error))
    except RollcallError as error:
        _give_up(error.detail)
    except KeyboardInterrupt:
        sys.exit(130)


def _give_up(sentence: str) -> None:
    print(f"rollcall: {sentence}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()

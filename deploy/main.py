"""The command `rollcall`: one function per command, each of a few lines.

A mistake that the person at the terminal can fix is one sentence on standard error and exit code 1; anything else is
our bug and shows its traceback. Nothing heavy is imported before a command is known.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Literal

from cyclopts import App
from pydantic import ValidationError

from deploy.beginning import database_of, settings_of, settings_of_role
from deploy.embedded.screen import show_step
from deploy.embedded.supervised import StartupError, stoppable
from deploy.settings import Settings
from deploy.share import share
from domain.errors import RollcallError

app = App(
    name="rollcall",
    help="Customer segments that are always up to date.",
    version=lambda: metadata.version("rollcall"),
    version_flags=["--version"],
)
account = App(name="account", help="Accounts, each with its own customers and segments.")
key = App(name="key", help="API keys, each of one account.")
person = App(name="person", help="People who use the console, each of one account.")
parts = App(name="log", help="The parts of the log; an old one may be set aside.")
app.command(parts)
app.command(account)
app.command(key)
app.command(person)
app.command(share)


@app.command
def up(*, demo: bool = False) -> None:
    """Run everything in one process tree, on an embedded PostgreSQL and broker unless others are given.

    Parameters
    ----------
    demo
        Fill a sample account and keep changing its customers.
    """
    settings = settings_of("up")
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

    with database_of("migrate") as settings:
        migrate_database(str(settings.database_url))
        if settings.bootstrap_api_key is not None:
            commands.bootstrap(settings)


@app.command
def ingest() -> None:
    """Ingest customers' changes from Kafka."""
    settings = settings_of_role("ingest")
    from deploy.roles import ingest as role

    _run(role.run, settings)


@app.command
def project() -> None:
    """Keep segments, members and the other read models up to date."""
    settings = settings_of_role("project")
    from deploy.roles import project as role

    _run(role.run, settings)


@app.command
def publish() -> None:
    """Publish membership changes to Kafka."""
    settings = settings_of_role("publish")
    from deploy.roles import publish as role

    _run(role.run, settings)


@app.command
def deliver() -> None:
    """Deliver webhooks: membership changes to the addresses that accounts gave."""
    settings = settings_of_role("deliver")
    from deploy.roles import deliver as role

    _run(role.run, settings)


@app.command
def api() -> None:
    """Serve the HTTP API and the console."""
    settings = settings_of_role("api")
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
    with database_of("demo") as settings:
        # Not before: below `up` the metrics of what is imported are kept under this process's name.
        from deploy import commands

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

    with database_of("account") as settings:
        print(commands.create_account(settings, name, timezone=timezone, country=country))


@key.command(name="create")
def create_key(
    *, account: str = "default", name: str = "command line", kind: Literal["admin", "read", "write", "sdk"] = "admin"
) -> None:
    """Create an API key and print it, for the only time. It is valid at once.

    Parameters
    ----------
    account
        The account it opens.
    name
        Its name, for people.
    kind
        `admin` may do everything, `read` only read, `write` only send customers' changes,
        `sdk` only send what analytics SDKs do: the one kind that may be published in a web page.
    """
    from deploy import commands

    with database_of("key") as settings:
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

    with database_of("person") as settings:
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

    with database_of("person") as settings:
        print(commands.console_link(settings, account, email))


@app.command
def verify() -> None:
    """Compare every membership with a from-scratch evaluation; exit code 1 and the differences if there are any."""
    from deploy import commands

    differences = 0
    with database_of("verify") as settings:
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

    with database_of("rebuild") as settings:
        commands.rebuild(settings, from_checkpoint=from_checkpoint)


@app.command
def checkpoint() -> None:
    """Copy the read model, so that a rebuild may begin with it; print the log position that it has."""
    from projections.worker.checkpoint import make_checkpoint

    with database_of("checkpoint") as settings:
        print(make_checkpoint(str(settings.database_url)))


@parts.command(name="parts")
def list_parts() -> None:
    """Print each part: its first and last position, its bytes, and where the whole part is if it is set aside."""
    from deploy import commands

    with database_of("log") as settings:
        for line in commands.log_lines(settings):
            print(line)


@parts.command(name="set-aside")
def set_part_aside(first: int) -> None:
    """Set the part that begins at position FIRST aside, and print which table has it, to be dumped and dropped."""
    from deploy import commands

    with database_of("log") as settings:
        print(commands.set_part_aside(settings, first))


@parts.command(name="take-back")
def take_part_back(first: int) -> None:
    """Put that part in its place again, without the values of customers who were erased meanwhile."""
    from deploy import commands

    with database_of("log") as settings:
        print(commands.take_part_back(settings, first))


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    variable = "ROLLCALL_" + "_".join(str(part) for part in first["loc"]).upper()
    return f"{variable}: {first['msg'].removeprefix('Value error, ')}."


def _run(role: Callable[[Settings], None], settings: Settings) -> None:
    """Run a role; what is imported by now stays, so no garbage is looked for in it."""
    gc.freeze()
    role(settings)


def _collect_garbage_rarely() -> None:
    """Run the garbage collector rarely: imports and batches create hundreds of thousands of objects and no cycles."""
    # Looking for cycles took a tenth of a start and a fifth of a batch.
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

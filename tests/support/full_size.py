"""How much a randomised test tries: a part by default, all of it with FULL_SIZE=1 in the environment."""

from __future__ import annotations

import os
import random

FULL_SIZE = bool(os.environ.get("FULL_SIZE"))


def seeds(usual: int, full: int, *regressions: int) -> list[int]:
    """The seeds of a test: the first `usual` ones and those that once found a fault.

    In full size the first `full` ones, and one that is another in each run: the test's name shows it.
    """
    if not FULL_SIZE:
        return [*range(usual), *regressions]
    # The processes of one run must agree on the names of its tests.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return [*range(full), *regressions, random.Random(run).randrange(2**32)]


def examples(full: int) -> int:
    """The number of hypothesis' examples: `full`, or a quarter of them by default."""
    return full if FULL_SIZE else full // 4

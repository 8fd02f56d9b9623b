"""Netting the flips of a batch: what comes in, and which rows are deleted from and inserted into `members`."""

from __future__ import annotations

from uuid import UUID

import pytest

from projections.model.membership import Flip, MemberRows, consolidate

ACCOUNT = UUID(int=7)
ANA, RUI = 1, 2
GOLD, VIP = 10, 20


def join(customer_no: int, version_no: int, position: int, at: int = 0) -> Flip:
    return Flip(customer_no, version_no, position, at or position, True, "change", ACCOUNT)


def leave(customer_no: int, version_no: int, position: int, at: int = 0) -> Flip:
    return Flip(customer_no, version_no, position, at or position, False, "change", ACCOUNT)


def row(version_no: int, customer_no: int, at: int, position: int) -> tuple[int, int, int, int, UUID]:
    return version_no, customer_no, at, position, ACCOUNT


CASES: list[tuple[str, list[Flip], MemberRows]] = [
    ("nothing", [], MemberRows([], [])),
    ("a join", [join(ANA, GOLD, 5, at=500)], MemberRows([], [row(GOLD, ANA, 500, 5)])),
    ("a leave", [leave(ANA, GOLD, 5)], MemberRows([(GOLD, ANA)], [])),
    ("a join and a leave cancel out", [join(ANA, GOLD, 5), leave(ANA, GOLD, 6)], MemberRows([], [])),
    (
        "a leave and a join make a new row",
        [leave(ANA, GOLD, 5), join(ANA, GOLD, 6, at=600)],
        MemberRows([(GOLD, ANA)], [row(GOLD, ANA, 600, 6)]),
    ),
    (
        "the last of several joins counts",
        [join(ANA, GOLD, 5), leave(ANA, GOLD, 6), join(ANA, GOLD, 7)],
        MemberRows([], [row(GOLD, ANA, 7, 7)]),
    ),
    (
        "several leaves delete one row",
        [leave(ANA, GOLD, 5), join(ANA, GOLD, 6), leave(ANA, GOLD, 7)],
        MemberRows([(GOLD, ANA)], []),
    ),
    (
        "at one position, an earlier instant comes first",
        [leave(ANA, GOLD, 5, at=100), join(ANA, GOLD, 5, at=200)],
        MemberRows([(GOLD, ANA)], [row(GOLD, ANA, 200, 5)]),
    ),
    (
        "versions of one customer are apart",
        [join(ANA, GOLD, 5), leave(ANA, VIP, 5), leave(ANA, GOLD, 6)],
        MemberRows([(VIP, ANA)], []),
    ),
    (
        "customers of one version are apart",
        [join(ANA, GOLD, 5), leave(RUI, GOLD, 6)],
        MemberRows([(GOLD, RUI)], [row(GOLD, ANA, 5, 5)]),
    ),
    (
        "rows are in key order, version first",
        [join(RUI, VIP, 5), join(RUI, GOLD, 5), join(ANA, GOLD, 6), leave(RUI, 40, 7), leave(ANA, 30, 7)],
        MemberRows([(30, ANA), (40, RUI)], [row(GOLD, ANA, 6, 6), row(GOLD, RUI, 5, 5), row(VIP, RUI, 5, 5)]),
    ),
]


@pytest.mark.parametrize(("flips", "rows"), [case[1:] for case in CASES], ids=[name for name, *_ in CASES])
def test_flips_become_rows(flips: list[Flip], rows: MemberRows) -> None:
    assert consolidate(sorted(flips)) == rows

"""Which cells a spreadsheet would run, and that they are read again as they were."""

from __future__ import annotations

import pytest

from api.csv_import.formulas import escape_formula, unescape_formula

RUN = [
    "=1+1", "@SUM(1)", "+1+cmd|' /C calc'!A0", "-2+3*A1", "-1/WEBSERVICE(D2)", "+1-HYPERLINK(A1)",
    "-1 - CONCATENATE (A1)", "\uff1d1+1", "\uff20SUM(1)", "\uff0d1/WEBSERVICE(D2)", "'=x",
]  # fmt: skip
KEPT = [
    "+44 7400 123456",
    "+44 (0)7400 123456",
    "-5",
    "+1 (201) 555-0123 ext 5",
    "+44 is a number",
    "-",
    "Ann",
    "x=1",
    "",
]


@pytest.mark.parametrize("cell", RUN)
def test_what_runs_is_escaped_and_read_again_as_it_was(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"
    assert unescape_formula(escape_formula(cell)) == cell


@pytest.mark.parametrize("cell", KEPT)
def test_what_does_not_run_is_kept(cell: str) -> None:
    assert escape_formula(cell) == cell
    assert unescape_formula(cell) == cell

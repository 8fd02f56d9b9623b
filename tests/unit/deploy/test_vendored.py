"""The files of other projects that are kept here are what their packages hold, unchanged and all accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.vendored import FOLDERS, LIST, ROOT, sha384, vendored

WE_MAY_PASS_ON = {"0BSD", "Apache-2.0", "MIT", "MPL-2.0"}


def place_of(folder: Path) -> str:
    return folder.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=place_of)
def test_every_vendored_file_is_listed_and_unchanged(folder: Path) -> None:
    listed = {file["file"]: file["sha384"] for file in vendored(folder)}
    assert listed == {path.name: sha384(path) for path in folder.iterdir() if path.name != LIST}


@pytest.mark.parametrize("folder", FOLDERS, ids=place_of)
def test_every_vendored_file_names_its_exact_package_and_a_licence_that_lets_us_pass_it_on(folder: Path) -> None:
    for file in vendored(folder):
        assert set(file) == {"name", "version", "licence", "path", "file", "sha384"}
        assert file["version"].replace(".", "").isdigit()
        assert file["licence"] in WE_MAY_PASS_ON

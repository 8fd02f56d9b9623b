"""The Python client: its own tests against a real API, and its shapes beside those of the OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest
from hatchling.builders.wheel import WheelBuilder
from httpx import get

import rollcall_client
from rollcall_client import filters, shapes
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "deploy/clients/python"


@pytest.fixture
def schemas(installation: Installation) -> Any:
    with installation.serving() as address:
        return get(f"{address}/openapi.json").json()["components"]["schemas"]


def test_its_own_tests_pass_against_a_real_api(installation: Installation) -> None:
    """In a process that knows nothing of this repository but the client's folder."""
    key = installation.key(installation.account())
    with installation.projecting(), installation.serving() as address:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
            cwd=CLIENT,
            env={**os.environ, "ROLLCALL_URL": address, "ROLLCALL_API_KEY": key, "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout[-6_000:] + ran.stderr
    assert "skipped" not in ran.stdout


def test_its_answers_have_the_fields_of_the_document(schemas: Any) -> None:
    compared = 0
    for name, shape in vars(shapes).items():
        if is_typeddict(shape):
            assert shape.__required_keys__ | shape.__optional_keys__ == set(schemas[name]["properties"]), name
            compared += 1
    assert compared > 20


def test_its_filters_are_those_of_the_document(schemas: Any) -> None:
    conditions = {each["$ref"].rpartition("/")[2] for each in schemas["Condition"]["anyOf"]}
    assert {each.__name__ for each in get_args(filters.Condition)} == conditions
    for name in conditions:
        hints = get_type_hints(getattr(filters, name))
        assert set(get_args(hints["operator"])) == set(schemas[name]["properties"]["operator"]["enum"]), name
    periods = schemas["PeriodCondition"]["properties"]["value"]["enum"]
    assert list(get_args(filters.Period)) == periods


def test_the_package_of_the_product_does_not_hold_the_client() -> None:
    packed = [each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()]
    assert "deploy/main.py" in packed
    assert [each for each in packed if "clients" in each] == []


def test_the_package_of_the_client_holds_its_types() -> None:
    packed = {each.distribution_path for each in WheelBuilder(str(CLIENT)).recurse_included_files()}
    assert {"rollcall_client/__init__.py", "rollcall_client/py.typed"} <= packed
    assert Path(rollcall_client.__file__).is_relative_to(CLIENT)

"""The OpenAPI document says what the API does: a fuzzer finds nothing, and no promise is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from httpx import get
from jsonschema import Draft202012Validator

from tests.support.full_size import FULL_SIZE, examples
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def document(installation: Installation) -> Any:
    with installation.serving() as address:
        return get(f"{address}/openapi.json").json()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, each) for path, known in document["paths"].items() for method, each in known.items()]


def test_every_operation_documents_its_problems_with_examples(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    names = set()
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        names.add(operation["operationId"])
        assert operation["description"], where
        if path.startswith("/v1"):
            assert operation["security"][0]["ApiKey"], where
            assert {"401", "403", "422", "500", "503"} <= set(operation["responses"]), where
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                content = answer["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
                assert content["example"]["status"] == int(status), where
            elif status != "204" and path != "/metrics":
                # The form without an Accept header; streams are beside it.
                content = answer["content"].get("application/json") or next(iter(answer["content"].values()))
                assert "example" in content, where
    assert len(names) == len(operations(document))


def test_every_read_documents_that_it_waits_for_a_position(document: Any) -> None:
    reads = [each for path, method, each in operations(document) if path.startswith("/v1") and method == "get"]
    assert len(reads) > 20
    for each in reads:
        assert {"$ref": "#/components/parameters/MinPosition"} in each["parameters"], each["operationId"]
        assert "504" in each["responses"], each["operationId"]


def test_every_reference_and_every_example_holds(document: Any) -> None:
    text = json.dumps(document)
    for name in {each.split('"')[0] for each in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]
    checked = 0
    for path, method, operation in operations(document):
        for holder in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for content in holder.get("content", {}).values():
                if "example" not in content:
                    continue
                schema = {**content["schema"], "components": document["components"]}
                assert list(Draft202012Validator(schema).iter_errors(content["example"])) == [], (method, path)
                checked += 1
    assert checked > 100


def test_each_problem_type_resolves(document: Any) -> None:
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                kind = answer["content"]["application/problem+json"]["example"]["type"]
                prefix, _, name = kind.rpartition("/")
                assert prefix == "/openapi.json#/components/x-problems"
                assert document["components"]["x-problems"][name]["status"] == int(status)


@pytest.mark.slow
def test_a_fuzzer_finds_nothing(installation: Installation, tmp_path: Path) -> None:
    """The phases of schemathesis, with the settings of schemathesis.toml; its longest one in full size only."""
    account = installation.account()
    key = installation.key(account)
    installation.rollcall.attributes.declare(account, "plan", "text", "Plan")
    with installation.projecting(), installation.serving() as address:
        ran = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"), "--config-file", ROOT / "schemathesis.toml",
                "run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {key}",
                "--seed", "20261123", "--max-examples", str(examples(12)), "--no-color",
                "--phases", ",".join(["examples", *(["coverage"] if FULL_SIZE else []), "fuzzing", "stateful"]),
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        )  # fmt: skip
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
    assert "Stateful" in ran.stdout

"""The container files say what exists: by the Compose Specification, the commands and the settings of Rollcall.

compose_spec/ holds the specification's JSON schema and its licence, unchanged.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.main import app
from deploy.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SCHEMA = json.loads((ROOT / "tests/unit/deploy/compose_spec/compose-spec.json").read_text())
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
EXAMPLE = (ROOT / "deploy/compose.env.example").read_text()
SERVICES: dict[str, Any] = COMPOSE["services"]
ROLES = {name: service for name, service in SERVICES.items() if service["image"] == "rollcall"}
# What the roles get otherwise, or must not get here: only `up` reads these, or hands them down.
SETTINGS = {f"ROLLCALL_{name.upper()}" for name in Settings.model_fields} - {
    "ROLLCALL_METRICS_FOLDER",
    "ROLLCALL_CLOCK_OFFSET",
    "ROLLCALL_CLOCK_START",
    "ROLLCALL_HOME",
    "ROLLCALL_KAFKA_PORT",
}


def test_the_compose_file_is_one() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)


def test_the_schema_would_tell() -> None:
    wrong = json.loads(json.dumps(COMPOSE))
    wrong["services"]["api"]["depends_on"]["migrate"]["condition"] = "finished"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_every_role_runs_by_its_command() -> None:
    assert set(ROLES) == {"migrate", "api", "project", "ingest", "publish", "deliver"}
    for name, service in ROLES.items():
        assert service["command"] == [name]
        assert name in app


@pytest.mark.parametrize("name", ROLES)
def test_every_variable_is_a_setting(name: str) -> None:
    given = ROLES[name]["environment"]
    assert set(given) <= SETTINGS
    assert "ROLLCALL_DATABASE_URL" in given
    assert set(re.findall(r"ROLLCALL_\w+", DOCKERFILE)) <= SETTINGS


def test_the_settings_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ROLES.values():
        with monkeypatch.context() as environment:
            for name, value in service["environment"].items():
                environment.setenv(name, re.sub(r"\$\{\w+(:-(\w+)|:\?[^}]*)\}", r"\2", str(value)) or "a-chosen-secret")
            assert Settings().database_url is not None


def test_what_a_person_has_to_choose_stands_in_the_example_and_nowhere_else() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "deploy/compose.yaml").read_text()))
    assert asked == set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE))
    assert "deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/.env" in (ROOT / ".dockerignore").read_text().splitlines()


def test_every_service_has_as_few_rights_as_it_needs() -> None:
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for service in ROLES.values():
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]


def test_nothing_starts_before_what_it_stands_on() -> None:
    waits = {
        name: {other: each["condition"] for other, each in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert waits["migrate"] == {"postgres": "service_healthy"}
    for role in ("api", "project", "ingest", "publish", "deliver"):
        assert waits[role]["migrate"] == "service_completed_successfully"
    assert waits["ingest"]["topics"] == "service_completed_successfully"
    for needed, condition in {pair for each in waits.values() for pair in each.items()}:
        assert condition != "service_healthy" or "healthcheck" in SERVICES[needed]


def test_data_outlives_its_containers() -> None:
    assert set(COMPOSE["volumes"]) == {"postgres", "kafka"}
    # PostgreSQL 18's image keeps each major's data in a folder of its own below this one.
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert SERVICES["kafka"]["volumes"] == [f"kafka:{SERVICES['kafka']['environment']['KAFKA_LOG_DIRS']}"]


def test_the_image_is_locked_and_unprivileged() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim"] * 2
    assert "--require-hashes" in DOCKERFILE
    assert "--no-index" in DOCKERFILE
    last_stage = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert "RUN pip" not in last_stage


def test_every_package_of_the_wheel_is_copied_into_the_image() -> None:
    wheel = re.search(
        r"\[tool\.hatch\.build\.targets\.wheel\]\npackages = (\[.*\])", (ROOT / "pyproject.toml").read_text()
    )
    assert wheel is not None
    packages = json.loads(wheel[1])
    copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(packages) <= copied
    assert {file for line in copied for file in line.split()} == allowed


def test_the_command_knows_its_version() -> None:
    said = subprocess.run(
        [Path(sys.executable).with_name("rollcall"), "--version"], capture_output=True, text=True, check=True
    )
    assert f'version = "{said.stdout.strip()}"' in (ROOT / "pyproject.toml").read_text()

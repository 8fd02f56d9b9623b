"""Programs that are generated from the OpenAPI document: types for TypeScript, and a whole client for Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from httpx import get

from tests.support.full_size import FULL_SIZE
from tests.support.installation import Installation

TYPESCRIPT = Path(__file__).resolve().parents[2] / "support/typescript"
GENERATE = ("node", "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "rollcall.ts")
# Without the types of browsers, which take longer to check than everything else.
OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--lib", "es2022")
COMPILE = ("node", "node_modules/typescript/bin/tsc", *OPTIONS, "usage.ts")
PATIENCE = 300


@pytest.fixture
def document(installation: Installation) -> Any:
    with installation.serving() as address:
        return get(f"{address}/openapi.json").json()


def run(*command: str, folder: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.fixture
def node_tools(tmp_path: Path) -> Path:
    """A folder with the compiler and the generator of package-lock.json; skips the test where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm, so the types for TypeScript are not compiled")
    for name in ("package.json", "package-lock.json", "usage.ts"):
        shutil.copy(TYPESCRIPT / name, tmp_path)
    ran = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", folder=tmp_path)
    if ran.returncode != 0:
        pytest.skip(f"npm could not install the compiler of TypeScript: {ran.stderr[-500:]}")
    return tmp_path


@pytest.mark.slow
def test_types_for_typescript_compile_and_refuse_a_wrong_filter(document: Any, node_tools: Path) -> None:
    (node_tools / "openapi.json").write_text(json.dumps(document))
    generated = run(*GENERATE, folder=node_tools)
    assert generated.returncode == 0, generated.stdout + generated.stderr
    compiled = run(*COMPILE, folder=node_tools)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr


@pytest.mark.skipif(not FULL_SIZE, reason="a generator that is installed for it: only in full size")
def test_a_client_for_python_is_generated_with_every_operation_and_without_a_warning(
    document: Any, tmp_path: Path
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    # The one form of body that the generator has to be introduced to.
    lines = dict.fromkeys(("application/x-ndjson", "text/plain"), "application/octet-stream")
    (tmp_path / "config.json").write_text(json.dumps({"content_type_overrides": lines}))
    tool = tmp_path / "tool"
    for command in (
        [sys.executable, "-m", "venv", str(tool)],
        [str(tool / "bin/pip"), "install", "-q", "openapi-python-client==0.29.1", "ruff"],
    ):
        made = run(*command, folder=tmp_path)
        assert made.returncode == 0, made.stderr
    generate = ["generate", "--path", "openapi.json", "--config", "config.json", "--output-path", "client"]
    path = f"{tool / 'bin'}:{os.environ['PATH']}"
    ran = run("openapi-python-client", *generate, "--meta", "none", "--fail-on-warning", folder=tmp_path, path=path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    operations = [each for path in document["paths"].values() for each in path.values()]
    modules = {path.stem for path in (tmp_path / "client/api").rglob("*.py")}
    assert {each["operationId"] for each in operations} <= modules

"""Which Python, and which installer, the first run takes on machines that have this or that; all programs are fake."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("sh", "cat", "cksum", "cp", "cut", "dirname", "grep", "mkdir", "rm")
# Prints what it is asked for, makes environments and installs nothing; every call that acts is a line in `calls`.
PYTHON = """#!/bin/sh
case "$*" in
  *version_info*) {accept} && echo "$0" ;;
  *python_version*) echo {version} ;;
  -) [ -n "{pip}" ] && echo "{pip}" ;;
  *"-m virtualenv"*) exit 1 ;;
  *"-m venv"*) echo "{name} $*" >>"{calls}"; for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *) echo "{name} $*" >>"{calls}"; [ ! -e "{calls}.fail" ] ;;
esac
"""


class Machine:
    """A checkout, and a PATH with nothing on it but the tools of every system and what a test adds."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "check out é"
        self.bin = folder / "a bin"
        self.calls = folder / "calls"
        (self.checkout / "deploy").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "deploy/in-venv", self.checkout / "deploy/in-venv")
        for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
            (self.checkout / name).write_text("some-package==1.0\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))

    def add(self, name: str, script: str) -> Path:
        program = self.bin / name
        program.write_text(script)
        program.chmod(0o755)
        return program

    def add_python(self, name: str, version: str, *, pip: str = "/bundled/pip.whl") -> Path:
        accept = "true" if int(version.split(".")[1]) >= 11 else "exit 1"
        return self.add(name, PYTHON.format(accept=accept, version=version, pip=pip, name=name, calls=self.calls))

    def add_maker(self, name: str, python: Path) -> None:
        """A uv or virtualenv: it makes an environment at the last argument, with `python` in it."""
        self.add(
            name,
            f'#!/bin/sh\ncase "$*" in *--version*|*"pip install"*) exit 0 ;; esac\necho "{name} $1" >>"{self.calls}"\n'
            f'for last; do :; done; mkdir -p "$last/bin"; cp "{python}" "$last/bin/python"\n',
        )

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.checkout / "deploy/in-venv", "run"],
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """What was done since the last time this was asked."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_newest_python_is_taken_and_a_broken_one_passed_over(machine: Machine) -> None:
    machine.add("python3.14", "#!/bin/sh\necho 'no such version' >&2\nexit 127\n")
    for name, version in (("python3.12", "3.12.1"), ("python3.11", "3.11.7"), ("python3", "3.13.0")):
        machine.add_python(name, version)
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert "Python 3.12.1" in result.stderr
    assert "no such version" not in result.stderr
    assert machine.called()[0] == "python3.12 -m venv --without-pip .venv"


def test_python3_will_do_if_it_is_new_enough(machine: Machine) -> None:
    machine.add_python("python3", "3.15.0")
    assert "Python 3.15.0" in machine.run().stderr


@pytest.mark.parametrize("version", ["3.10.13", None])
def test_without_a_python_that_will_do_one_sentence_names_the_remedy(machine: Machine, version: str | None) -> None:
    if version:
        machine.add_python("python3", version)
    result = machine.run()
    assert result.returncode == 1
    (sentence,) = result.stderr.splitlines()
    assert "make run PYTHON=" in sentence
    assert not (machine.checkout / ".venv").exists()


def test_a_python_can_be_named(machine: Machine) -> None:
    machine.add_python("python3.12", "3.12.1")
    named = machine.add_python("my python", "3.11.9")
    assert "Python 3.11.9" in machine.run(PYTHON=str(named)).stderr


@pytest.mark.parametrize(("maker", "first"), [("uv", "uv venv"), ("virtualenv", "virtualenv --quiet")])
def test_without_pip_in_the_standard_library_another_maker_will_do(machine: Machine, maker: str, first: str) -> None:
    machine.add_maker(maker, machine.add_python("python3", "3.11.2", pip=""))
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert machine.called()[0] == first


def test_without_any_maker_one_sentence_names_the_remedy(machine: Machine) -> None:
    machine.add_python("python3", "3.11.2", pip="")
    result = machine.run()
    assert result.returncode == 1
    assert "apt install python3-venv" in result.stderr.splitlines()[-1]


def test_what_is_done_is_not_done_again_until_the_lock_changes_or_the_checkout_moves(machine: Machine) -> None:
    machine.add_python("python3.11", "3.11.7")
    assert machine.run().returncode == 0
    assert len(machine.called()) > 1
    again = machine.run()
    assert (again.returncode, again.stderr, machine.called()) == (0, "", [])
    (machine.checkout / "requirements.lock").write_text("another-package==2.0\n")
    machine.run()
    changed = machine.called()
    assert changed
    assert not any("-m venv" in line for line in changed)
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))
    machine.run()
    assert "-m venv" in machine.called()[0]


def test_an_installation_that_failed_is_resumed(machine: Machine) -> None:
    machine.add_python("python3.11", "3.11.7")
    failing = Path(f"{machine.calls}.fail")
    failing.touch()
    assert machine.run().returncode != 0
    failing.unlink()
    machine.called()
    assert machine.run().returncode == 0
    assert machine.called()

"""What a log line looks like, and what it never holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Literal, cast

import pytest
import structlog

from deploy import logs
from deploy.settings import Settings
from projections.worker.metrics import report_batch


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def set_up_json() -> None:
    logs.set_up(Settings(log_format="json"), "project")


def test_a_line_is_json_with_its_instant_in_utc_and_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_json()
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.stdlib.get_logger("rollcall.test").info("batch_projected", events=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "batch_projected", "events": 3, "request_id": "r1",
        "process": "project", "level": "info", "logger": "rollcall.test",
    }  # fmt: skip


def test_a_library_speaks_in_the_same_form_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_json()
    logging.getLogger("eventsourcing.postgres").info("chatter")
    logging.getLogger("eventsourcing.postgres").warning("node %s is away", 3)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["process"]) == ("node 3 is away", "warning", "project")


def test_the_client_of_kafka_repeats_nothing_beside_our_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_json()
    for part in ("net.transport", "net.selector", "net.manager"):
        logging.getLogger(f"kafka.{part}").error("refused")
    assert capsys.readouterr().err == ""


def test_a_customers_values_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_json()
    structlog.stdlib.get_logger().warning("rejected", phone="+4915112345678", code="invalid_phone")
    logging.getLogger("other").warning("rejected", extra={"phone": "+4915112345678"})
    said = capsys.readouterr().err
    assert "+49" not in said
    assert said.count("masked") == 2


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.set_up(Settings(log_format=form), "project")  # type: ignore[arg-type]
    phone = "+4915112345678"
    try:
        int(phone[:0])
    except ValueError:
        structlog.stdlib.get_logger().exception("failed")
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert phone not in said


@pytest.mark.parametrize(("process", "level", "lines"), [("up", None, 0), ("project", None, 1), ("up", "info", 1)])
def test_on_the_terminal_of_up_there_are_warnings_only_unless_more_is_asked_for(
    process: str, level: Literal["info"] | None, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(Settings(log_format="json", log_level=level), process)
    structlog.stdlib.get_logger("rollcall.test").info("batch_projected", events=3)
    assert capsys.readouterr().err.count("\n") == lines


@pytest.mark.parametrize(("level", "lines"), [(None, 0), ("debug", 1)])
def test_a_batch_of_the_worker_is_a_line_for_those_who_ask_for_details(
    level: Literal["debug"] | None, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(Settings(log_format="json", log_level=level), "project")
    report_batch(3, cast("Any", SimpleNamespace(joins=1, leaves=0)), 7, 0)
    assert capsys.readouterr().err.count("batch_projected") == lines

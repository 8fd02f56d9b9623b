"""How every process logs: structlog, set up once by `deploy.main`, on standard error.

JSON lines in production, readable on a terminal; instants in UTC of the machine's own clock. What libraries log
through the standard library has the same form. Identifiers are bound once with
`structlog.contextvars.bind_contextvars`. A log line never carries a customer's values: their usual names are masked.
"""

from __future__ import annotations

import logging
import sys

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from deploy.settings import QUIET, Settings, wants_colour

CUSTOMER_VALUES = frozenset({"phone", "external_id", "attributes", "tags", "body", "payload", "record", "filter"})


def _mask_customer_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in CUSTOMER_VALUES & event.keys():
        event[name] = "masked"
    return event


def _as_json(event: EventDict, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()


def set_up(settings: Settings, process: str) -> None:
    """Configure structlog and the standard library's logging for this process, and name it in every line."""
    readable = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[(settings.log_level or (QUIET if process == "up" else "info")).upper()]

    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        name_process,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_customer_values,
    ]
    last: list[Processor]
    if readable:
        # No local variables in tracebacks: they hold customers.
        last = [
            structlog.dev.ConsoleRenderer(
                colors=wants_colour(sys.stderr), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_as_json)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # What libraries log at "info" says nothing that our own lines do not.
    for library in ("uvicorn.access", "uvicorn.error", "psycopg", "eventsourcing", "multipart", "asyncio"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
    # Of one refused login it logs five lines, at each attempt, and errors of its own while it closes: what matters is
    # one line of ours (`waiting`).
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )

"""All settings of Rollcall, and the only reader of the environment.

Read once by `deploy.main` and handed down. The variables without "internal" are documented for users; `rollcall up`
hands the internal ones to the processes it starts.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from deploy.clock import Clock
from deploy.kafka_settings import KafkaSettings, require_usable_kafka
from domain.errors import Invalid
from domain.phones import is_country

# The log level of `up` and its processes, on whose terminal a line per batch and request would be noise.
QUIET: Final = "warning"

PREFIX: Final = "ROLLCALL_"
# What container platforms add by themselves for a service of that name, and what our own tests read.
_NOT_OURS = re.compile(r"TEST_|(\w+_)?SERVICE_(HOST|PORT)(_|$)|(\w+_)?PORT_\d+_(TCP|UDP|SCTP)(_|$)")
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
# Proxies are nearly always beside us; their clients hardly ever are.
PRIVATE_NETWORKS: Final = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
Seconds = Annotated[float, Field(ge=1, le=3_600)]
Rate = Annotated[float, Field(gt=0, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def _default_home() -> Path:
    """Returns `./.rollcall`, or a folder of the user's where the working folder is read-only."""
    here = Path(".rollcall")
    if here.exists() or os.access(".", os.W_OK):
        return here
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "rollcall"


class Settings(KafkaSettings):
    """The settings of one process; a variable is the field's name in capitals after `ROLLCALL_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Annotated[Path, Field(default_factory=_default_home)]
    """Data folder of the embedded default; `./.rollcall`, or `~/.local/state/rollcall` in a read-only folder."""
    http_host: str = "127.0.0.1"
    http_port: Port = 8000
    """Listen address; port 0 lets `up` choose a free one."""
    http_connections: Annotated[int, Field(ge=16, le=100_000)] = 1_000
    """How many connections are open at once; the one that has waited longest for a request gives way to a new one."""
    http_header_seconds: Seconds = 10
    http_body_seconds: Seconds = 30
    http_answer_seconds: Seconds = 30
    """How long a client may take to send a request's headers; to pause in its body; to take a part of an answer."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = PRIVATE_NETWORKS
    """Proxies whose `X-Forwarded-For` and `-Proto` are believed: addresses and networks, `private` or `none`."""
    limit_key_requests: Rate = 1_000
    limit_account_requests: Rate = 2_000
    limit_console_requests: Rate = 100
    """Requests per second of one key, of an account's keys together, and of the account's people in the console."""
    limit_lines: Rate = 5_000
    """Lines per second of bulk bodies, of one account."""
    limit_concurrent: Annotated[int, Field(ge=1, le=12)] = 4
    limit_queued: Count = 64
    limit_waiting: Count = 250
    """Requests of an account that are worked on at once, that wait for their turn, and that wait for `min_position`."""
    limit_edits: Count = 2
    """Filters of an account that are stored and waited for at once."""
    limit_scans: Count = 1
    """Previews of an account that are counted at once."""
    limit_streams: Annotated[int, Field(ge=1, le=8)] = 2
    """Streams that an account reads at once."""
    database_url: Annotated[str | None, Field(repr=False)] = None
    """An existing PostgreSQL (>= 15) instead of the embedded one."""
    read_database_url: Annotated[str | None, Field(repr=False)] = None
    """A streaming replica of `database_url`, which `api` then reads the read models from."""
    read_fallback: Literal["primary", "none"] = "primary"
    """Who answers reads while the replica does not answer or is too old: the primary, or no one (503)."""
    read_lag_seconds: Annotated[float, Field(gt=0, le=3_600)] = 3
    """How many seconds the replica may be behind before it is too old."""
    workers: Annotated[int, Field(ge=1, le=64)] = min(4, os.cpu_count() or 1)
    """How many `project` processes `up` starts; unset, one for each processor, four at most."""
    changes_kept_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    """How long membership changes can be read; longer where they are not on their topic yet."""
    clock_skew_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = 300
    """How far the time of a change may lie after this system's clock; a change beyond is refused."""
    webhook_networks: Annotated[tuple[str, ...], NoDecode] = ()
    """Networks that webhooks may reach beside the public internet, also without TLS: networks, `private` or `none`."""
    webhook_seconds: Annotated[float, Field(ge=1, le=30)] = 15
    """How long a receiver of webhooks may take to answer."""
    webhook_places: Annotated[int, Field(ge=2, le=1_000)] = 32
    """How many webhooks a `deliver` process delivers at once; slow receivers have half of the places at most."""
    webhook_pause_hours: Annotated[float, Field(gt=0, le=720)] = 120
    """How long a webhook is tried again before it is paused; what waits is kept."""
    ready_lag_seconds: Annotated[float, Field(gt=0)] = 300
    """How many seconds the read models may be behind while `/readyz` answers 200."""
    bootstrap_api_key: SecretStr | None = None
    """On an empty database: create account `default` with this admin key."""
    bootstrap_timezone: str = "UTC"
    bootstrap_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    clock_start: AwareDatetime | None = None
    """Rehearsal: the instant at which `up` starts, for every process."""
    clock_offset: float = 0
    """Internal: the seconds by which the clock is shifted, once `up` has read `clock_start`."""
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Where a single process of another role than `api` shows its metrics; `up` shows all at the API's `/metrics`."""
    metrics_folder: Path | None = None
    """Internal: where the processes of one `up` put their metrics, so that `/metrics` shows them all."""
    metrics_name: str | None = None
    """Internal: under which name, for one of several processes of a role; unset, that of the role."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is readable on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """The least severe lines that are logged; unset, it is `info`, and below `up` `warning`."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return Path(os.path.abspath(home.expanduser()))  # noqa: PTH100 - resolve() would follow links the user set

    @field_validator("database_url", "read_database_url")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("give an address of the form postgresql://user:password@host:port/database")
        return url

    @field_validator("bootstrap_timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, ZoneInfoNotFoundError):
            raise ValueError("not a time zone; give a name such as Europe/Berlin") from None
        return name

    @field_validator("bootstrap_country")
    @classmethod
    def _known_country(cls, code: str) -> str:
        if not is_country(code):
            raise ValueError("no country that has phone numbers; give its two letters, such as DE")
        return code

    @field_validator("trusted_proxies", "webhook_networks", mode="before")
    @classmethod
    def _networks(cls, text: object) -> object:
        if not isinstance(text, str):
            return text
        if text.strip() in ("private", "none"):
            return PRIVATE_NETWORKS if text.strip() == "private" else ()
        try:
            return tuple(str(ip_network(each.strip())) for each in text.split(","))
        except ValueError as wrong:
            raise ValueError(f"give private, none, or addresses and networks separated by commas: {wrong}") from None

    @property
    def http_url(self) -> str:
        """Where a browser on this machine finds the console and the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.http_host, self.http_host)  # noqa: S104 - not a bind
        return f"http://[{host}]:{self.http_port}" if ":" in host else f"http://{host}:{self.http_port}"

    def clock(self) -> Clock:
        """The clock of this process."""
        return Clock(timedelta(seconds=self.clock_offset))


def require_known_variables(environment: Mapping[str, str]) -> None:
    """Raises `Invalid` for a `ROLLCALL_` variable that is no setting, naming the nearest one: a typo has no effect."""
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    for name, value in sorted(environment.items()):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known:
            continue
        if _NOT_OURS.match(upper.removeprefix(PREFIX)) or (upper.endswith("PORT") and _ADDRESS.match(value)):
            continue
        nearest = difflib.get_close_matches(upper, known, n=1, cutoff=0.0)[0]
        raise Invalid("unknown_variable", f"{name} is not a setting of Rollcall; did you mean {nearest}? Unset it.")


def read_settings() -> Settings:
    """Returns the settings of this process.

    Raises `Invalid` for an unknown variable and for settings that contradict each other, `ValidationError` for a value.
    """
    require_known_variables(os.environ)
    settings = Settings()
    require_usable_kafka(settings)
    return settings


def wants_colour(stream: TextIO) -> bool:
    """Returns whether to write colours to a stream: to terminals only, and not where NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def environment_for_child(settings: Settings) -> dict[str, str]:
    """The environment of a process that `up` starts: ours, with what `up` found out and without what only it needs."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"ROLLCALL_CLOCK_START", "ROLLCALL_BOOTSTRAP_API_KEY", "ROLLCALL_METRICS_PORT"}
    }
    return environment | {
        "ROLLCALL_HOME": str(settings.home),
        "ROLLCALL_HTTP_PORT": str(settings.http_port),
        "ROLLCALL_DATABASE_URL": settings.database_url or "",
        "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "ROLLCALL_CLOCK_OFFSET": repr(settings.clock_offset),
        "ROLLCALL_LOG_LEVEL": settings.log_level or QUIET,
        "ROLLCALL_METRICS_FOLDER": str(settings.metrics_folder or ""),
        "ROLLCALL_METRICS_NAME": settings.metrics_name or "",
        # Read by prometheus_client itself, when it is imported.
        **({"PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_folder)} if settings.metrics_folder else {}),
    }

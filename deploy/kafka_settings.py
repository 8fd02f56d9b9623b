"""The settings of Kafka: part of `deploy.settings.Settings`.

What they say together, and that the files they name can be used, is checked when a process starts, so that a mistake is
one sentence there instead of a cluster that does not answer.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode

from consumers import CHANGES_TOPIC
from domain import json_text
from domain.errors import Invalid, Unavailable
from domain.formats.fields import CHANGE_FIELDS, Fields, parse_change_fields
from domain.formats.rows import TopicFormat

NO_KAFKA = "none"
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class KafkaSettings(BaseSettings):
    """Where Kafka is, how it is connected to, and what its topics hold."""

    kafka_bootstrap_servers: str | None = None
    """An existing Kafka instead of the embedded broker; `none` = no Kafka."""
    kafka_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """The embedded broker's port."""
    kafka_security_protocol: SecurityProtocol = "PLAINTEXT"
    """TLS with the two that end in `SSL`, a login with the two that begin with `SASL`."""
    kafka_sasl_mechanism: SaslMechanism | None = None
    kafka_sasl_username: str | None = None
    """The user of a login; with `OAUTHBEARER`, the client id."""
    kafka_sasl_password: SecretStr | None = None
    kafka_sasl_password_file: Path | None = None
    """The password, or the file that holds it, which is read at each connection; with `OAUTHBEARER`, the secret."""
    kafka_sasl_oauth_url: Annotated[str, Field(pattern="^https?://.")] | None = None
    kafka_sasl_oauth_scope: str | None = None
    """With `OAUTHBEARER`: the server that gives tokens for the client id and its secret, and the scope to ask for."""
    kafka_ssl_cafile: Path | None = None
    """The certificate authorities to trust; unset, those of the machine."""
    kafka_ssl_certfile: Path | None = None
    kafka_ssl_keyfile: Path | None = None
    """Our own certificate and its key, where the broker wants one."""
    kafka_topics: Annotated[dict[str, str], NoDecode] = {"rollcall.customers.v1": "default"}
    """Which account a topic's records belong to: `topic=account,topic2=account2`."""
    kafka_change_fields: Annotated[Fields, NoDecode] = CHANGE_FIELDS
    """Fields of the customer in records of joins and leaves, beside `external_id`: `phone,name,attributes.plan`."""
    kafka_members_topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")] | None = None
    """A compacted topic that holds who is in which segment now, such as `rollcall.members.v1`; unset, there is none."""
    kafka_formats: str | None = None
    kafka_formats_file: Path | None = None
    """What the records of topics are that hold no CloudEvents, as JSON, or a file of it: see deploy/docs/kafka.md."""
    schema_registry_url: Annotated[str, Field(pattern="^https?://.")] | None = None
    schema_registry_username: str | None = None
    schema_registry_password: SecretStr | None = None
    schema_registry_password_file: Path | None = None
    schema_registry_cafile: Path | None = None
    """The registry of the schemas that records in its framing name, its login, and the authorities to trust."""
    kafka_group: str | None = None
    """The consumer group that shares partitions among several `ingest` processes; unset, one process reads them all."""
    kafka_max_record_bytes: Annotated[int, Field(ge=1_024, le=1 << 28)] = 1 << 20
    """The largest record that is ingested, unpacked; of a larger one the dead letter keeps the beginning."""
    kafka_max_batch_bytes: Annotated[int, Field(ge=1_024, le=1 << 40)] = 1 << 30
    """How much of one batch is unpacked; the records after it become dead letters."""

    @field_validator("kafka_topics", mode="before")
    @classmethod
    def _pairs(cls, text: object) -> object:
        if not isinstance(text, str):
            return text
        pairs = [[part.strip() for part in pair.split("=")] for pair in text.split(",") if pair.strip()]
        if not pairs or not all(len(pair) == 2 and all(pair) for pair in pairs):
            raise ValueError("give topic=account, several separated by commas")
        if len({topic for topic, _ in pairs}) < len(pairs):
            raise ValueError("a topic is named twice")
        return dict(pairs)

    @field_validator("kafka_change_fields", mode="before")
    @classmethod
    def _fields(cls, text: object) -> object:
        if not isinstance(text, str):
            return text
        try:
            return parse_change_fields(text, None, "")
        except Invalid as wrong:
            raise ValueError(wrong.detail) from None

    @property
    def kafka(self) -> str | None:
        """The brokers' address, or nothing when there is no Kafka (or not yet)."""
        return None if self.kafka_bootstrap_servers == NO_KAFKA else self.kafka_bootstrap_servers

    @property
    def kafka_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.kafka_security_protocol in ("SSL", "SASL_SSL")

    @property
    def kafka_login(self) -> bool:
        """Whether connections log in."""
        return self.kafka_security_protocol.startswith("SASL")


def require_usable_kafka(settings: KafkaSettings) -> None:
    """Raises `Invalid` for the first setting of a connection to Kafka that cannot be used, or has no effect."""
    protocol = settings.kafka_security_protocol
    if protocol != "PLAINTEXT" and settings.kafka_bootstrap_servers is None:
        _refuse("kafka_security_protocol", "is for a Kafka of your own: set ROLLCALL_KAFKA_BOOTSTRAP_SERVERS too")
    if settings.kafka_login:
        _require_login(settings)
    else:
        _refuse_any(settings, "kafka_sasl_", f"has no effect with the security protocol {protocol}")
    if not settings.kafka_tls:
        _refuse_any(settings, "kafka_ssl_", f"has no effect with the security protocol {protocol}")
    elif settings.kafka_ssl_keyfile is not None and settings.kafka_ssl_certfile is None:
        _refuse("kafka_ssl_keyfile", "is the key of a certificate: set ROLLCALL_KAFKA_SSL_CERTFILE too")
    _require_registry(settings)
    _require_files(settings)
    _require_distinct_topics(settings)
    unknown = sorted(topic_formats(settings).keys() - settings.kafka_topics.keys())
    if unknown:
        _refuse("kafka_formats", f"names {unknown[0]}, which is no topic of ROLLCALL_KAFKA_TOPICS")


def _require_distinct_topics(settings: KafkaSettings) -> None:
    """Raises `Invalid` where we would write to a topic that we read, which never ends, or two things to one topic."""
    dead_letters = {f"{topic}.dlt" for topic in settings.kafka_topics}
    read_back = sorted(settings.kafka_topics.keys() & {CHANGES_TOPIC, *dead_letters})
    if read_back:
        _refuse("kafka_topics", f"names {read_back[0]}, to which Rollcall writes")
    members = settings.kafka_members_topic
    if members is not None and members in {CHANGES_TOPIC, *dead_letters, *settings.kafka_topics}:
        _refuse("kafka_members_topic", f"names {members}, which holds something else: give it a topic of its own")


def topic_formats(settings: KafkaSettings) -> dict[str, TopicFormat]:
    """Returns the format of each topic that has another one than CloudEvents. Raises `Invalid` for a mistake in it."""
    name, text = "kafka_formats", settings.kafka_formats
    if settings.kafka_formats_file is not None:
        if text is not None:
            _refuse("kafka_formats_file", "and ROLLCALL_KAFKA_FORMATS are both set; give one of the two")
        name, text = "kafka_formats_file", _text(settings, "kafka_formats_file")
    if text is None:
        return {}
    try:
        given = json_text.parse(text.encode())
    except Invalid as bad:
        _refuse(name, f"is not JSON: {bad.detail}")
    if not isinstance(given, dict):
        _refuse(name, 'must be a JSON object, such as {"crm.contacts": "json"}')
    formats = {}
    for topic, rules in given.items():
        try:
            formats[topic] = TopicFormat.model_validate({"format": rules} if isinstance(rules, str) else rules)
        except ValidationError as bad:
            first = bad.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            _refuse(name, f"{topic}{' ' + place if place else ''}: {first['msg'].removeprefix('Value error, ')}")
    return formats


def secret_of(given: SecretStr | None, path: Path | None, whose: Literal["broker", "registry"]) -> Callable[[], str]:
    """Returns what reads a secret: the one that is given, or that of a file, anew each time."""
    if path is not None:
        return partial(_read_secret, path, whose)
    assert given is not None
    return given.get_secret_value


def _read_secret(path: Path, whose: str) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        sentence = f"The password of the {whose} cannot be read from {path}: {error}"
        raise Unavailable(f"{whose}_secret_missing", sentence) from None


def _require_login(settings: KafkaSettings) -> None:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        _refuse("kafka_sasl_mechanism", "is missing: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
    if settings.kafka_sasl_username is None:
        _refuse("kafka_sasl_username", f"is missing, which a login with {mechanism} needs")
    if (settings.kafka_sasl_password is None) == (settings.kafka_sasl_password_file is None):
        _refuse("kafka_sasl_password", "or ROLLCALL_KAFKA_SASL_PASSWORD_FILE is needed, and only one of the two")
    if mechanism == "OAUTHBEARER" and settings.kafka_sasl_oauth_url is None:
        _refuse("kafka_sasl_oauth_url", "is missing: the server that gives the tokens of OAUTHBEARER")
    if mechanism != "OAUTHBEARER":
        _refuse_any(settings, "kafka_sasl_oauth_", f"has no effect with the mechanism {mechanism}")


def _require_registry(settings: KafkaSettings) -> None:
    if settings.schema_registry_url is None:
        _refuse_any(settings, "schema_registry_", "has no effect without ROLLCALL_SCHEMA_REGISTRY_URL")
        return
    passwords = (settings.schema_registry_password is not None) + (settings.schema_registry_password_file is not None)
    if passwords != (settings.schema_registry_username is not None):
        _refuse(
            "schema_registry_password",
            "or its file is needed with ROLLCALL_SCHEMA_REGISTRY_USERNAME, and only one",
        )


def _text(settings: KafkaSettings, name: str) -> str:
    """Returns the content of the file that a setting names. Raises `Invalid` where it cannot be read, or is empty."""
    path: Path = getattr(settings, name)
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _refuse(name, f"names {path}, which cannot be read ({reason.lower()})")
    if not content.strip():
        _refuse(name, f"names {path}, which is empty")
    return content


def _require_files(settings: KafkaSettings) -> None:
    """Raises `Invalid` for a file that cannot be read, or does not hold what it should."""
    for name in KafkaSettings.model_fields:
        if name.endswith("file") and getattr(settings, name) is not None:
            _text(settings, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("kafka_ssl_cafile", "schema_registry_cafile"):
        path: Path | None = getattr(settings, name)
        try:
            if path is not None:
                context.load_verify_locations(path)
        except ssl.SSLError:
            _refuse(name, f"names {path}, which holds no certificate in PEM form")
    try:
        if settings.kafka_ssl_certfile is not None:
            # An empty password, or OpenSSL asks for one at the terminal.
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile, password="")
    except ssl.SSLError as error:
        reason = (error.reason or "no certificate and key in PEM form").lower().replace("_", " ")
        _refuse("kafka_ssl_certfile", f"and ROLLCALL_KAFKA_SSL_KEYFILE cannot be used together ({reason})")


def _refuse_any(settings: KafkaSettings, start: str, why: str) -> None:
    for name in KafkaSettings.model_fields:
        if name.startswith(start) and getattr(settings, name) is not None:
            _refuse(name, why)


def _refuse(name: str, why: str) -> NoReturn:
    raise Invalid("invalid_setting", f"ROLLCALL_{name.upper()} {why}.")

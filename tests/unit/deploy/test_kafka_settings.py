"""Settings of a connection to Kafka that cannot work refuse the start, in a sentence that names the variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.kafka_access import cluster_of
from deploy.kafka_settings import require_usable_kafka, topic_formats
from deploy.settings import Settings
from domain.errors import Invalid, Unavailable
from tests.support.kafka.certificates import Authority

LOGIN = {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "u", "sasl_password": "p"}
OAUTH = LOGIN | {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_url": "https://login.example.com/token"}


def settings(**given: Any) -> Settings:
    given = {"bootstrap_servers": "kafka:9092"} | given
    return Settings(**{f"kafka_{name}": value for name, value in given.items()})


def refusal(**given: Any) -> str:
    with pytest.raises(Invalid) as refused:
        require_usable_kafka(settings(**given))
    return refused.value.detail


@pytest.mark.parametrize("given", [{}, {"security_protocol": "SSL"}, LOGIN, OAUTH])
def test_what_can_be_used_is_accepted(given: dict[str, Any]) -> None:
    require_usable_kafka(settings(**given))
    assert cluster_of(settings(**given), "ingest").protocol == given.get("security_protocol", "PLAINTEXT")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"security_protocol": "SSL", "bootstrap_servers": None}, "ROLLCALL_KAFKA_SECURITY_PROTOCOL is for a Kafka"),
        ({"sasl_username": "u"}, "ROLLCALL_KAFKA_SASL_USERNAME has no effect with the security protocol PLAINTEXT"),
        ({"security_protocol": "SASL_SSL"}, "ROLLCALL_KAFKA_SASL_MECHANISM is missing"),
        (LOGIN | {"sasl_username": None}, "ROLLCALL_KAFKA_SASL_USERNAME is missing"),
        (
            LOGIN | {"sasl_password": None},
            "ROLLCALL_KAFKA_SASL_PASSWORD or ROLLCALL_KAFKA_SASL_PASSWORD_FILE is needed",
        ),
        (LOGIN | {"sasl_password_file": "x"}, "and only one of the two"),
        (LOGIN | {"sasl_oauth_scope": "x"}, "ROLLCALL_KAFKA_SASL_OAUTH_SCOPE has no effect with the mechanism SCRAM"),
        (OAUTH | {"sasl_oauth_url": None}, "ROLLCALL_KAFKA_SASL_OAUTH_URL is missing"),
        ({"ssl_cafile": "x"}, "ROLLCALL_KAFKA_SSL_CAFILE has no effect"),
        ({"security_protocol": "SSL", "ssl_keyfile": "x"}, "set ROLLCALL_KAFKA_SSL_CERTFILE too"),
        ({"security_protocol": "SSL", "ssl_cafile": "none.pem"}, "cannot be read (no such file or directory)"),
    ],
)
def test_what_cannot_work_is_named(given: dict[str, Any], says: str) -> None:
    assert says in refusal(**given)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "ROLLCALL_KAFKA_FORMATS is not JSON"),
        ("[]", "ROLLCALL_KAFKA_FORMATS must be a JSON object"),
        ('{"x": "json"}', "ROLLCALL_KAFKA_FORMATS names x, which is no topic of ROLLCALL_KAFKA_TOPICS"),
        ('{"t": "avro"}', "ROLLCALL_KAFKA_FORMATS t format: Input should be"),
        ('{"t": {"format": "json", "names": {"a": "B"}}}', "ROLLCALL_KAFKA_FORMATS t names: a cannot become 'B'"),
        ('{"t": {"deletes": "erase"}}', "ROLLCALL_KAFKA_FORMATS t: deletes has no effect on CloudEvents"),
        ('{"t": 5}', "ROLLCALL_KAFKA_FORMATS t: Input should be"),
    ],
)
def test_a_mistake_in_the_formats_of_topics_is_named(text: str, says: str) -> None:
    assert says in refusal(topics="t=default", formats=text)


def test_formats_are_given_as_text_or_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "formats.json"
    path.write_text('{"t": {"format": "debezium", "deletes": "erase"}, "u": "json"}')
    given = settings(topics="t=default,u=default", formats_file=path)
    require_usable_kafka(given)
    assert {topic: rules.format for topic, rules in topic_formats(given).items()} == {"t": "debezium", "u": "json"}
    assert "are both set" in refusal(topics="t=default", formats_file=path, formats="{}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"username": "u"}, "ROLLCALL_SCHEMA_REGISTRY_USERNAME has no effect without ROLLCALL_SCHEMA_REGISTRY_URL"),
        ({"url": "http://r", "username": "u"}, "ROLLCALL_SCHEMA_REGISTRY_PASSWORD or its file is needed"),
        ({"url": "http://r", "password": "p"}, "ROLLCALL_SCHEMA_REGISTRY_PASSWORD or its file is needed"),
        ({"url": "https://r", "cafile": "none.pem"}, "ROLLCALL_SCHEMA_REGISTRY_CAFILE names none.pem, which cannot be"),
    ],
)
def test_a_registry_that_cannot_be_used_is_named(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_usable_kafka(Settings(**{f"schema_registry_{name}": value for name, value in given.items()}))
    assert says in refused.value.detail


def test_files_must_hold_what_they_should(tmp_path: Path) -> None:
    nothing, text = tmp_path / "nothing", tmp_path / "text"
    nothing.write_text("\n")
    text.write_text("no certificate")
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.sign("ours")
    _, other_key = authority.sign("other")
    assert "is empty" in refusal(**LOGIN | {"sasl_password": None, "sasl_password_file": nothing})
    assert "no certificate in PEM form" in refusal(security_protocol="SSL", ssl_cafile=text)
    pair = {"ssl_certfile": certificate, "ssl_keyfile": other_key}
    assert "cannot be used together (key values mismatch)" in refusal(security_protocol="SSL", **pair)
    require_usable_kafka(
        settings(security_protocol="SSL", ssl_cafile=authority.path, ssl_certfile=certificate, ssl_keyfile=key)
    )


def test_the_password_is_read_from_its_file_each_time_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("first\n")
    cluster = cluster_of(settings(**LOGIN | {"sasl_password": None, "sasl_password_file": path}), "ingest")
    assert cluster.options()["sasl_plain_password"] == "first"
    path.write_text("second")
    assert cluster.options()["sasl_plain_password"] == "second"
    path.unlink()
    with pytest.raises(Unavailable, match="broker_secret_missing"):
        cluster.options()
    assert "geheim" not in repr(cluster_of(settings(**LOGIN | {"sasl_password": "geheim"}), "ingest"))

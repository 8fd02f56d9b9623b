"""Settings come from the environment only, with the documented defaults, and `up` hands them on."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.http.shares.limits import LimitFigures
from deploy.clock import Clock
from deploy.roles.api import limit_figures
from deploy.settings import Settings, environment_for_child, require_known_variables
from domain.errors import Invalid
from domain.instants import micros


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ROLLCALL_")]:
        monkeypatch.delenv(name)


def test_the_documented_defaults() -> None:
    settings = Settings()
    assert settings.home == Path.cwd() / ".rollcall"
    assert settings.http_url == "http://127.0.0.1:8000"
    assert (settings.database_url, settings.kafka_bootstrap_servers, settings.kafka_port) == (None, None, None)
    assert (settings.bootstrap_api_key, settings.bootstrap_timezone, settings.bootstrap_country) == (None, "UTC", "US")
    assert settings.kafka_topics == {"rollcall.customers.v1": "default"}
    assert settings.clock().offset == timedelta(0)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", "")
    assert Settings().database_url is None


def test_several_topics_have_their_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_TOPICS", "a.v1=one, b.v1=two,")
    assert Settings().kafka_topics == {"a.v1": "one", "b.v1": "two"}


def test_fields_of_change_records_are_checked_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().kafka_change_fields.names == ("external_id",)
    monkeypatch.setenv("ROLLCALL_KAFKA_CHANGE_FIELDS", "phone, attributes.plan")
    assert Settings().kafka_change_fields.names == ("external_id", "phone", "attributes.plan")
    monkeypatch.setenv("ROLLCALL_KAFKA_CHANGE_FIELDS", "phone,e-mail")
    with pytest.raises(ValidationError, match="no field 'e-mail'; did you mean"):
        Settings()


def test_no_kafka_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KAFKA_BOOTSTRAP_SERVERS", "none")
    assert Settings().kafka is None


def test_a_secret_does_not_show() -> None:
    settings = Settings(database_url="postgresql://u:geheim@h/d", bootstrap_api_key="geheim")  # type: ignore[arg-type]
    assert "geheim" not in repr(settings)


def test_a_child_has_what_up_found_and_not_what_only_up_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_CLOCK_START", "2030-01-01T00:00:00Z")
    monkeypatch.setenv("ROLLCALL_BOOTSTRAP_API_KEY", "secret")
    found = {"database_url": "postgresql://h/d", "clock_offset": -1234567.123456, "kafka_bootstrap_servers": "none"}
    environment = environment_for_child(Settings().model_copy(update=found))
    for name in [name for name in os.environ if name.startswith("ROLLCALL_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    child = Settings()
    assert (child.database_url, child.clock_offset, child.kafka) == ("postgresql://h/d", -1234567.123456, None)
    assert child.clock_start is None
    assert child.bootstrap_api_key is None


def test_a_rehearsal_starts_at_its_instant_and_runs_on() -> None:
    start = datetime(2031, 2, 3, tzinfo=UTC)
    clock = Clock.starting_at(start)
    assert start <= clock.now() < start + timedelta(seconds=5)
    assert (
        clock.from_machine(micros(datetime.now(UTC)) // 1000) >= micros(start) // 1000 - 2
    )  # both are cut to the millisecond


def test_trusted_proxies_are_networks_or_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "10.0.0.0/8" in Settings().trusted_proxies
    for text, expected in (
        ("none", ()),
        ("192.0.2.1, 2001:db8::/32", ("192.0.2.1/32", "2001:db8::/32")),
        ("private", Settings().trusted_proxies),
    ):
        monkeypatch.setenv("ROLLCALL_TRUSTED_PROXIES", text)
        assert Settings().trusted_proxies == expected
    monkeypatch.setenv("ROLLCALL_TRUSTED_PROXIES", "proxy.example.com")
    with pytest.raises(ValueError, match="addresses and networks"):
        Settings()


@pytest.mark.parametrize("code", ["ZZ", "UK", "gb"])
def test_a_country_without_phone_numbers_is_refused(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_BOOTSTRAP_COUNTRY", code)
    with pytest.raises(ValueError, match="bootstrap_country"):
        Settings()


def test_the_limits_that_are_set_by_default_are_those_that_tests_run_with() -> None:
    assert limit_figures(Settings()) == LimitFigures()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ROLLCALL_KAFKA_TOPIC", "ROLLCALL_KAFKA_TOPICS"),
        ("ROLLCALL_DATABSE_URL", "ROLLCALL_DATABASE_URL"),
        ("rollcall_http_prot", "ROLLCALL_HTTP_PORT"),
        ("ROLLCALL_READY_LAG", "ROLLCALL_READY_LAG_SECONDS"),
        ("ROLLCALL_X", "ROLLCALL_"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_setting(name: str, meant: str) -> None:
    with pytest.raises(Invalid, match=f"{name} is not a setting of Rollcall; did you mean {meant}"):
        require_known_variables({"PATH": "/bin", name: "1"})


def test_settings_and_what_a_platform_adds_are_known() -> None:
    child = environment_for_child(Settings(database_url="postgresql://h/d", metrics_folder=Path("m")))
    require_known_variables(child)
    require_known_variables({
        "rollcall_home": "x",
        "ROLLCALL_TEST_DATABASE_URL": "x",
        "ROLLCALL_SERVICE_HOST": "10.0.0.1",
        "ROLLCALL_SERVICE_PORT_HTTP": "80",
        "ROLLCALL_PORT": "tcp://10.0.0.1:80",
        "ROLLCALL_PORT_80_TCP_ADDR": "10.0.0.1",
        "ROLLCALL_API_PORT": "tcp://10.0.0.1:80",
    })  # fmt: skip

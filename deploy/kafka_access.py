"""The cluster as its clients need it, made from the settings. Called by the roles that use Kafka."""

from __future__ import annotations

from consumers.kafka import Cluster, Login, Tls
from consumers.tokens import ClientTokens
from deploy.kafka_settings import KafkaSettings, secret_of
from domain.errors import Invalid


def cluster_of(settings: KafkaSettings, role: str) -> Cluster:
    """Returns the cluster that `role` uses. Raises `Invalid` if none is set."""
    if settings.kafka is None:
        raise Invalid("no_kafka", f"Set ROLLCALL_KAFKA_BOOTSTRAP_SERVERS to a Kafka's address for `rollcall {role}`.")
    tls = None
    if settings.kafka_tls:
        tls = Tls(settings.kafka_ssl_cafile, settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    return Cluster(settings.kafka, tls, _login(settings) if settings.kafka_login else None)


def _login(settings: KafkaSettings) -> Login:
    mechanism, user = settings.kafka_sasl_mechanism, settings.kafka_sasl_username
    assert mechanism is not None
    assert user is not None
    secret = secret_of(settings.kafka_sasl_password, settings.kafka_sasl_password_file, "broker")
    if mechanism == "OAUTHBEARER":
        assert settings.kafka_sasl_oauth_url is not None
        secret = ClientTokens(
            settings.kafka_sasl_oauth_url, user, secret, settings.kafka_sasl_oauth_scope, settings.kafka_ssl_cafile
        )
    return Login(mechanism, user, secret)

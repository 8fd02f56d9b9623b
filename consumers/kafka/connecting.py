"""Creates clients of the Kafka library: a client connects at once, or leaves no thread or socket behind.

What failed is said by what the operator must do: a refused login, a certificate, an access that is not allowed, and a
broker that does not answer are different errors of type `Unavailable`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    InvalidReceiveError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient

from consumers.kafka.security import Cluster
from domain.errors import Unavailable

Client = TypeVar("Client")
CONNECT_SECONDS = 2.5
_REFUSED_LOGINS = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError)
_LATE = (KafkaTimeoutError, RequestTimedOutError)
# OpenSSL's numbers of why a certificate is not accepted.
_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAME = (62, 64)


def connect(make: Callable[..., Client], cluster: Cluster, **options: Any) -> Client:
    """Returns a connected client of type `make`. Raises `KafkaError`, and `Unavailable` where the secret is missing.

    The library's client keeps its thread and sockets even if it never connected; after hours without a broker
    a waiting process would run out of both. So they are closed here.
    """
    created: list[Any] = []
    failures: list[BaseException] = []

    def network(**configuration: Any) -> Any:
        created.append(KafkaNetClient(**configuration))
        _keep_failures(created[-1]._manager, failures, has_others="," in cluster.bootstrap_servers)
        _read_to_the_end(created[-1]._manager)
        return created[-1]

    try:
        return make(
            kafka_client=network,
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            **cluster.options(),
            **options,
        )
    except BaseException as error:
        for each in created:
            each.close()
        # The library only says that it found no broker in time.
        if isinstance(error, KafkaError) and failures:
            raise error from next((each for each in failures if not isinstance(each, _LATE)), failures[0])
        raise


def broker_error(error: KafkaError, cluster: Cluster) -> Unavailable:
    """Returns what a failure of the client library means, in one sentence; each kind has a code of its own."""
    servers = cluster.bootstrap_servers
    for cause in _causes(error):
        match cause:
            case Unavailable():
                return cause
            case UnsupportedSaslMechanismError() | IllegalSaslStateError():
                mechanism = cluster.login.mechanism if cluster.login else "any login"
                sentence = f"Kafka at {servers} does not offer the mechanism {mechanism} for logins"
                return Unavailable("broker_login_refused", f"{sentence} ({_text(cause)})")
            case SaslAuthenticationFailedError():
                return Unavailable("broker_login_refused", f"Kafka at {servers} refuses the login: {_text(cause)}")
            case AuthorizationError():
                sentence = f"Kafka at {servers} does not give this login the access it needs"
                return Unavailable("broker_access_refused", f"{sentence}: {_text(cause)}")
            case ssl.SSLCertVerificationError():
                return Unavailable("broker_certificate_refused", _about_certificate(cause, servers))
            case ssl.SSLError():
                return Unavailable("broker_tls_failed", _about_tls(cause, servers))
            case InvalidReceiveError() if cluster.tls is None:
                sentence = f"Kafka at {servers} answers with something else than Kafka's protocol, TLS for one"
                return Unavailable("broker_tls_failed", f"{sentence}; compare ROLLCALL_KAFKA_SECURITY_PROTOCOL.")
            case _:
                pass
    hint = ""
    if cluster.protocol != "SASL_SSL" and "socket disconnected" in " ".join(map(str, _causes(error))):
        missing = " or ".join(["TLS"] * (cluster.tls is None) + ["a login"] * (cluster.login is None))
        hint = f"; it hangs up: it may want {missing} (ROLLCALL_KAFKA_SECURITY_PROTOCOL)"
    return Unavailable("broker_unavailable", f"Kafka at {servers} does not answer: {error.__cause__ or error}{hint}")


def _keep_failures(manager: Any, failures: list[BaseException], *, has_others: bool) -> None:
    """Keep why connections of a client fail.

    After a refused login there is no other attempt with the same secret, which might lock the user out; nor after a
    failure of TLS, unless there are other brokers to ask.
    """
    get_connection = manager.get_connection

    def failed(error: BaseException) -> None:
        failures.append(error)
        is_tls = any(isinstance(each, ssl.SSLError) for each in _causes(error))
        if isinstance(error, _REFUSED_LOGINS) or (is_tls and not has_others):
            manager.closed = True

    def get_and_watch(*args: Any, **options: Any) -> Any:
        connection = get_connection(*args, **options)
        connection.init_future.add_errback(failed)
        connection.close_future.add_errback(failed)
        return connection

    manager.get_connection = get_and_watch


def _read_to_the_end(manager: Any) -> None:
    """Let a client read what came before a connection ended: a broker says why it refuses a login, and hangs up."""
    build_transport = manager._build_transport

    async def build(*args: Any, **options: Any) -> Any:
        transport = await build_transport(*args, **options)
        receive = transport._sock_recv

        def receive_first() -> tuple[bytes, Exception | None]:
            data, error = receive()
            return data, None if data else error  # the end is found again by the next attempt to read

        transport._sock_recv = receive_first
        return transport

    manager._build_transport = build


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and what caused it; the library also hands a cause on as the argument of another error."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, *(each for each in cause.args if isinstance(each, Exception))]


def _about_certificate(error: ssl.SSLCertVerificationError, servers: str) -> str:
    match error.verify_code:
        case code if code == _EXPIRED:
            why = "it has expired; renew it on the broker"
        case code if code == _NOT_YET_VALID:
            why = "it is not valid yet; compare the clocks"
        case code if code in _WRONG_NAME:
            why = f"it is for another name ({error.verify_message.rstrip('.')}); connect by a name that it has"
        case _:
            why = f"no certificate authority in ROLLCALL_KAFKA_SSL_CAFILE has signed it ({error.verify_message})"
    return f"The certificate of Kafka at {servers} is not accepted: {why}."


def _about_tls(error: ssl.SSLError, servers: str) -> str:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" in reason:
        return (
            f"Kafka at {servers} refuses our certificate ({reason}): "
            "renew ROLLCALL_KAFKA_SSL_CERTFILE, or let the broker trust who signed it."
        )
    return f"Kafka at {servers} does not speak TLS as we do ({reason}); compare ROLLCALL_KAFKA_SECURITY_PROTOCOL."


def _text(error: BaseException) -> str:
    """Returns what the broker says, without the number and the name of the error."""
    return str(error).rpartition("Error: ")[2].strip() or type(error).__name__

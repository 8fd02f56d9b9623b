"""Apache Kafka of one node, a broker that is its own controller, with a listener for each way to connect to it.

Its jars are those of `pom.xml`, fetched by Maven once into a folder of the checkout; `ROLLCALL_TEST_KAFKA_LIBS` names
another folder that has them. It needs a Java of 17 or later.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from consumers.kafka import Cluster, Login, Tls, ensure_topics
from deploy.embedded.supervised import Program, free_port, launch, stop
from tests.support.kafka.broker import BrokerClient
from tests.support.kafka.certificates import Authority

VERSION = "4.1.1"
TOPICS = {"rollcall.customers.v1": 12, "rollcall.customers.v1.dlt": 1}
PATIENCE = 60.0
POM = Path(__file__).with_name("pom.xml")
STORE = Path(__file__).parents[3] / ".apache-kafka"
LEFT_OUT = "no Apache Kafka: install Debian's packages openjdk-17-jre-headless and maven"
USER, PASSWORD = "rollcall", "correct horse"
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER")
# How clients connect, by the name of the listener: `EXPIRED` has a certificate that has expired, `MUTUAL` wants one.
LISTENERS = {
    "CONTROLLER": "PLAINTEXT",
    "PLAIN": "PLAINTEXT",
    "LOGIN": "SASL_SSL",
    "MUTUAL": "SSL",
    "EXPIRED": "SSL",
}
_LOGIN_MODULE = "org.apache.kafka.common.security"


@cache
def libs() -> Path | None:
    """The folder of the jars, fetched where it is missing; `None` where there is no Java, or no Maven to fetch it."""
    if shutil.which("java") is None:
        return None
    if named := os.environ.get("ROLLCALL_TEST_KAFKA_LIBS"):
        return Path(named)
    found = STORE / VERSION
    if found.is_dir():
        return found
    maven = shutil.which("mvn")
    if maven is None:
        return None
    STORE.mkdir(exist_ok=True)
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_dir():
            part = STORE / "part"
            shutil.rmtree(part, ignore_errors=True)
            command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={part}"]
            if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode:
                return None
            part.rename(found)
    return found


def is_installed() -> bool:
    """Whether it can be started here."""
    return libs() is not None


class ApacheKafka:
    """A broker in a folder of its own; `stop` leaves the folder to the caller."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ports = {name: free_port() for name in LISTENERS}
        self.address = self._address("PLAIN")
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir()
        self.authority = Authority(home, "authority")
        self.authority.sign("broker")
        self.authority.sign("late", expired=True)

    def start(self) -> None:
        """Start it and create the topics."""
        properties = self._home / "server.properties"
        properties.write_text("\n".join(f"{name}={value}" for name, value in self._properties().items()))
        java = [str(shutil.which("java")), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{libs()}/*"]
        scram = [
            part
            for name in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{name}=[name={USER},password={PASSWORD}]")
        ]
        with (self._home / "kafka.log").open("wb") as log:
            format_storage = ["kafka.tools.StorageTool", "format", "--cluster-id", "Um9sbGNhbGwtYmVuY2htYXJr"[:22]]
            subprocess.run([*java, *format_storage, "-c", str(properties), *scram], check=True, stdout=log, stderr=log)
            program = Program([*java, "kafka.Kafka", str(properties)], {"PATH": "/usr/bin:/bin"})
            self._process = launch(program, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self._home / "kafka.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        ensure_topics(Cluster(self.address), TOPICS)
        # The first to ask for a producer's id is refused until the broker has made its topic of transactions.
        self.plain_client().transaction("first")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            stop(self._process, (signal.SIGTERM, 10.0))

    def cluster(self, listener: str, tls: Tls | None = None, login: Login | None = None) -> Cluster:
        """How Rollcall connects to a listener."""
        return Cluster(self._address(listener), tls, login)

    def tls(self, certificate: tuple[Path, Path] | None = None) -> Tls:
        """TLS with the right authority, and where it is given, with a certificate and its key."""
        return Tls(self.authority.path, *(certificate or ()))

    def plain_client(self) -> BrokerClient:
        """librdkafka, without TLS and login."""
        return BrokerClient(self.cluster("PLAIN"), {})

    def secured_client(self) -> BrokerClient:
        """librdkafka with TLS and a login."""
        login = Login("SCRAM-SHA-512", USER, lambda: PASSWORD)
        options: dict[str, Any] = {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority.path),
            "sasl.mechanism": login.mechanism,
            "sasl.username": USER,
            "sasl.password": PASSWORD,
        }
        return BrokerClient(self.cluster("LOGIN", self.tls(), login), options)

    def _address(self, listener: str) -> str:
        return f"127.0.0.1:{self._ports[listener]}"

    def _answers(self) -> bool:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._ports["PLAIN"]), timeout=1).close()
            return True
        return False

    def _properties(self) -> dict[str, object]:
        urls = {name: f"{name}://{self._address(name)}" for name in LISTENERS}
        properties: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self._address('CONTROLLER')}",
            "listeners": ",".join(urls.values()),
            "advertised.listeners": ",".join(url for name, url in urls.items() if name != "CONTROLLER"),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listener.security.protocol.map": ",".join(f"{name}:{value}" for name, value in LISTENERS.items()),
            "listener.name.login.sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "listener.name.mutual.ssl.client.auth": "required",
            "log.dirs": self._home / "data",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        for listener, store in (("login", "broker"), ("mutual", "broker"), ("expired", "late")):
            prefix = f"listener.name.{listener}.ssl"
            properties |= {f"{prefix}.keystore.type": "PEM", f"{prefix}.truststore.type": "PEM"}
            properties[f"{prefix}.keystore.location"] = self._home / f"{store}.store.pem"
            properties[f"{prefix}.truststore.location"] = self.authority.path
        modules = {
            "scram-sha-512": "scram.ScramLoginModule required;",
            "scram-sha-256": "scram.ScramLoginModule required;",
            "plain": f'plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
            "oauthbearer": "oauthbearer.OAuthBearerLoginModule required;",
        }
        for mechanism, module in modules.items():
            properties[f"listener.name.login.{mechanism}.sasl.jaas.config"] = f"{_LOGIN_MODULE}.{module}"
        return properties

"""What holds with every broker: the embedded one, Apache Kafka, and Apache Kafka with TLS and a login.

And how Rollcall connects to Apache Kafka: what works, and one sentence for each way to fail. The files beside this one
try more, on the embedded broker alone: it starts in a moment, and can be killed and frozen.
"""

from __future__ import annotations

import json
import re
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Client

from consumers import CHANGES_TOPIC as MEMBERSHIPS
from consumers.change_publisher import PARTITIONS
from consumers.kafka import Cluster, Login, Producer, Source, Tls, ensure_topics
from consumers.kafka.security import Mechanism
from consumers.membership_publisher import MembershipPublisher
from domain.customer import CustomerChange, CustomerData
from domain.errors import Unavailable
from domain.segment import SegmentDraft
from projections.postgres.database import Database
from tests.support.installation import Installation
from tests.support.kafka.apache import PASSWORD, USER, ApacheKafka
from tests.support.kafka.broker import Broker, BrokerClient, eventually, forget_failed_connections
from tests.support.kafka.certificates import Authority
from tests.support.kafka.ingest import IngestRig
from tests.support.kafka.readiness import answer, kafka, role, said

# See tests.support.kafka.broker.forget_failed_connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CHANGED = "rollcall.customer.changed.v1"
EMBEDDED, APACHE, SECURED = "embedded", "Apache", "Apache with TLS and a login"


@pytest.fixture(params=[EMBEDDED, APACHE, SECURED])
def client(request: pytest.FixtureRequest) -> Iterator[BrokerClient]:
    if request.param == EMBEDDED:
        broker = Broker()
        yield broker
        broker.kill()
        forget_failed_connections()
    else:
        apache = request.getfixturevalue("apache_kafka")
        yield apache.plain_client() if request.param == APACHE else apache.secured_client()


@pytest.fixture
def rig(client: BrokerClient, database_url: str) -> IngestRig:
    return IngestRig(client, database_url, f"customers.{uuid4().hex}")


def test_every_record_takes_effect_once_and_what_is_invalid_is_a_whole_dead_letter(rig: IngestRig) -> None:
    bad = b"\x00{ no json \xff"
    for number in range(300):
        rig.send(number, f"c{number % 50}", {"attributes": {"n": number}})
        if number % 100 == 0:
            rig.send(1_000 + number, "bad", bad)
    rig.broker.flush()
    with rig.ingesting(batch_size=70):
        eventually(lambda: rig.taken() == 303)
        eventually(lambda: rig.letters() == [("malformed_json", True)] * 3)
    assert (rig.customers(), rig.events()) == (50, 300)
    letters = rig.broker.read_all(f"{rig.topic}.dlt")
    assert [(letter.key(), letter.value()) for letter in letters] == [(b"bad", bad)] * 3
    kept = [("ce_id", str(1_000 + 100 * place).encode()) for place in range(3)]
    assert (
        sorted((name, value[2:]) for letter in letters for name, value in letter.headers() if name == "ce_id") == kept
    )


@pytest.mark.parametrize("client", [APACHE, SECURED], indirect=True)  # the embedded broker shows what was aborted
def test_a_transaction_that_is_aborted_has_no_effect(rig: IngestRig) -> None:
    producer = rig.broker.transaction(f"crm-{rig.topic}")
    for round_ in range(4):
        producer.begin_transaction()
        for number in range(20):
            names = {"specversion": "1.0", "id": f"{round_}-{number}", "source": "/crm", "type": CHANGED}
            headers: list[tuple[str, str | bytes | None]] = [(f"ce_{name}", text) for name, text in names.items()]
            value = json.dumps({"attributes": {"round": round_}}).encode()
            producer.produce(rig.topic, value, f"r{round_}-{number}".encode(), headers=headers)
        producer.flush()
        if round_ % 2:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    rig.send(0, "last", {"attributes": {"round": 4}})
    rig.broker.flush()
    with rig.ingesting():
        eventually(lambda: rig.customers() == 41)
    assert rig.letters() == []


def test_joins_and_leaves_are_published_once_each(client: BrokerClient, installation: Installation) -> None:
    account = installation.account(f"account {uuid4().hex}")
    installation.rollcall.attributes.declare(account, "plan", "text", None)
    gold = [{"attribute": "plan", "operator": "equals", "value": "gold"}]
    installation.rollcall.segments.create(account, SegmentDraft("Gold", "", "dynamic", gold))
    installation.project()
    for place, plan in enumerate(("gold", "silver", "gold", "silver")):
        for who in ("ana", "ben"):
            data = CustomerData(attributes={"plan": plan if who == "ana" or place else "silver"})
            installation.rollcall.customers.change(account, [CustomerChange(who, "changed", None, data)])
    installation.project()
    with closing(Database(installation.url, "rollcall_worker", size=2)) as database:
        publisher = MembershipPublisher(database, client.cluster, threading.Event())
        assert publisher.publish_all() == 6
        assert publisher.publish_all() == 0
        publisher.close()
    source = f"/accounts/{account}".encode()
    ours = [each for each in client.read_all(MEMBERSHIPS, PARTITIONS) if dict(each.headers())["ce_source"] == source]
    assert len({dict(each.headers())["ce_id"] for each in ours}) == len(ours) == 6
    by_customer: dict[bytes, list[bytes]] = {}
    for each in ours:
        by_customer.setdefault(each.key(), []).append(dict(each.headers())["ce_type"].split(b".")[2])
    assert sorted(by_customer.values()) == [[b"joined", b"left"], [b"joined", b"left", b"joined", b"left"]]


@pytest.mark.parametrize("client", [APACHE, SECURED], indirect=True)  # of the embedded one: see test_recovery.py
def test_members_of_a_group_share_the_partitions_and_one_takes_over(rig: IngestRig) -> None:
    with rig.ingesting(group=rig.topic, batch_size=20):
        for number in range(200):
            rig.send(number, f"c{number % 40}", {"attributes": {"n": number}})
        rig.broker.flush()
        with rig.ingesting(group=rig.topic, batch_size=20):
            eventually(lambda: rig.taken() >= 200, 40)
        for number in range(200, 400):
            rig.send(number, f"c{number % 40}", {"attributes": {"n": number}})
        rig.broker.flush()
        eventually(lambda: rig.taken() == 400, 40)
    assert (rig.customers(), rig.events()) == (40, 400)


def part(claims: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def token() -> str:
    """A token without signature, which a broker accepts that is set up for tests only."""
    return f"{part({'alg': 'none'})}.{part({'sub': USER, 'iat': time.time(), 'exp': time.time() + 60})}."


def failure(cluster: Cluster) -> tuple[str, str]:
    with pytest.raises(Unavailable) as refused:
        ensure_topics(cluster, {})
    forget_failed_connections()
    return refused.value.code, re.sub(r"127\.0\.0\.1:\d+", "HOST", refused.value.detail)


@pytest.mark.parametrize(
    ("mechanism", "secret"),
    [("PLAIN", PASSWORD), ("SCRAM-SHA-256", PASSWORD), ("SCRAM-SHA-512", PASSWORD), ("OAUTHBEARER", "token")],
)
def test_logins_that_work(apache_kafka: ApacheKafka, mechanism: Mechanism, secret: str) -> None:
    login = Login(mechanism, USER, token if secret == "token" else lambda: secret)
    ensure_topics(apache_kafka.cluster("LOGIN", apache_kafka.tls(), login), {})


def test_a_client_certificate_opens_a_broker_that_wants_one(apache_kafka: ApacheKafka) -> None:
    ours = apache_kafka.authority.sign("rollcall")
    ensure_topics(apache_kafka.cluster("MUTUAL", apache_kafka.tls(ours)), {})


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_a_wrong_secret_is_a_refused_login(apache_kafka: ApacheKafka, mechanism: Mechanism) -> None:
    login = Login(mechanism, USER, lambda: "wrong")
    code, sentence = failure(apache_kafka.cluster("LOGIN", apache_kafka.tls(), login))
    assert code == "broker_login_refused"
    assert sentence.startswith("Kafka at HOST refuses the login: ")
    assert "wrong" not in sentence


def test_a_mechanism_that_the_broker_lacks_is_named(apache_kafka: ApacheKafka) -> None:
    tls = apache_kafka.tls(apache_kafka.authority.sign("other"))
    code, sentence = failure(apache_kafka.cluster("MUTUAL", tls, Login("PLAIN", USER, lambda: PASSWORD)))
    assert code == "broker_login_refused"
    assert sentence.startswith("Kafka at HOST does not offer the mechanism PLAIN for logins")


def test_a_certificate_of_an_unknown_authority_is_not_accepted(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    tls = Tls(Authority(tmp_path, "foreign").path)
    assert failure(apache_kafka.cluster("LOGIN", tls, Login("PLAIN", USER, lambda: PASSWORD))) == (
        "broker_certificate_refused",
        "The certificate of Kafka at HOST is not accepted: no certificate authority in ROLLCALL_KAFKA_SSL_CAFILE has "
        "signed it (unable to get local issuer certificate).",
    )


def test_a_certificate_that_has_expired_is_not_accepted(apache_kafka: ApacheKafka) -> None:
    assert failure(apache_kafka.cluster("EXPIRED", apache_kafka.tls())) == (
        "broker_certificate_refused",
        "The certificate of Kafka at HOST is not accepted: it has expired; renew it on the broker.",
    )


def test_a_certificate_for_another_name_is_not_accepted(apache_kafka: ApacheKafka) -> None:
    listener = apache_kafka.cluster("EXPIRED").bootstrap_servers.replace("127.0.0.1", "localhost")
    code, sentence = failure(Cluster(listener, apache_kafka.tls()))
    assert code == "broker_certificate_refused"
    assert "it is for another name" in sentence or "it has expired" in sentence


@pytest.mark.parametrize("kind", ["none", "expired", "of another authority"])
def test_a_client_certificate_that_the_broker_refuses(apache_kafka: ApacheKafka, kind: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "foreign") if kind == "of another authority" else apache_kafka.authority
    ours = None if kind == "none" else authority.sign("late client", expired=kind == "expired")
    code, sentence = failure(apache_kafka.cluster("MUTUAL", apache_kafka.tls(ours)))
    assert code == "broker_tls_failed"
    assert sentence.startswith("Kafka at HOST refuses our certificate (")


@pytest.mark.parametrize(
    ("listener", "tls", "code", "says"),
    [
        ("LOGIN", False, "broker_tls_failed", "answers with something else than Kafka's protocol, TLS for one"),
        ("PLAIN", True, "broker_tls_failed", "does not speak TLS as we do"),
        ("LOGIN", True, "broker_unavailable", "it may want a login"),
    ],
)
def test_a_wrong_protocol_is_said(apache_kafka: ApacheKafka, listener: str, tls: bool, code: str, says: str) -> None:
    found, sentence = failure(apache_kafka.cluster(listener, apache_kafka.tls() if tls else None))
    assert (found, says in sentence) == (code, True), sentence


def test_a_password_that_was_corrected_counts_without_a_restart(apache_kafka: ApacheKafka, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("wrong")
    login = Login("SCRAM-SHA-512", USER, secret.read_text)
    cluster = apache_kafka.cluster("LOGIN", apache_kafka.tls(), login)
    source, producer = Source(cluster, ["absent"], lambda _: None), Producer(cluster)
    for attempt in (lambda: source.next_batch(0.1), lambda: producer.publish([])):
        with pytest.raises(Unavailable, match="broker_login_refused"):
            attempt()
    secret.write_text(PASSWORD)
    assert source.next_batch(0.1) is None
    assert producer.publish([]) == []
    source.close()
    producer.close()
    forget_failed_connections()


def is_said(sentence: str, address: str, api: Client) -> bool:
    """Whether `/readyz` of an ingest, and that of the API, say a sentence."""
    waiting = [each["detail"] for each in kafka(api).get("waiting", [])]
    ingest = answer(address)[1].get("checks", {}).get("broker", "")
    return sentence in ingest and any(sentence in each for each in waiting)


def test_what_is_wrong_with_the_connection_is_one_sentence_everywhere(
    installation: Installation, account_id: UUID, console: Client, apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path, "foreign").path
    right = apache_kafka.authority.path
    cases = {
        "refuses the login: Authentication failed": ("LOGIN", right, "wrong"),
        "no certificate authority in ROLLCALL_KAFKA_SSL_CAFILE has signed it": ("LOGIN", foreign, PASSWORD),
        "is not accepted: it has expired; renew it on the broker.": ("EXPIRED", right, None),
    }
    with installation.open_api() as client, ExitStack() as stack:
        addresses: dict[str, tuple[str, Path]] = {}
        for number, (sentence, (listener, ca, password)) in enumerate(cases.items()):
            settings = {
                "ROLLCALL_KAFKA_BOOTSTRAP_SERVERS": apache_kafka.cluster(listener).bootstrap_servers,
                "ROLLCALL_KAFKA_SECURITY_PROTOCOL": "SSL" if password is None else "SASL_SSL",
                "ROLLCALL_KAFKA_SSL_CAFILE": str(ca),
            }
            if password is not None:
                settings |= {
                    "ROLLCALL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                    "ROLLCALL_KAFKA_SASL_USERNAME": USER,
                    "ROLLCALL_KAFKA_SASL_PASSWORD": password,
                }
            log = tmp_path / f"{number}.log"
            addresses[sentence] = stack.enter_context(role("ingest", tmp_path, installation, settings, log)), log
        for sentence, (address, log) in addresses.items():
            eventually(partial(is_said, sentence, address, client), 90)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            reasons = [line["reason"] for line in lines if line["event"] == "waiting"]
            assert reasons, lines
            assert all(sentence in reason and "\n" not in reason for reason in reasons)
            assert "Traceback" not in log.read_text()
            assert "wrong" not in log.read_text()
        page = said(console)
        assert "ingest waits: " in page
        assert any(sentence in page for sentence in cases)

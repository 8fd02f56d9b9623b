"""The only package that imports the Kafka client library: it reads batches, writes messages and creates topics."""

from consumers.kafka.batch_producer import BatchProducer
from consumers.kafka.lag import LagReporter
from consumers.kafka.producer import Message, Producer, ensure_topics
from consumers.kafka.security import Cluster, Login, Tls
from consumers.kafka.source import Source

__all__ = [
    "BatchProducer",
    "Cluster",
    "LagReporter",
    "Login",
    "Message",
    "Producer",
    "Source",
    "Tls",
    "ensure_topics",
]

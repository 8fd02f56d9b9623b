"""Kafka, and the only place that knows its client library: batches in, dead letters out, topics made."""

from consumers.kafka.publisher import Message, Publisher, ensure_topics
from consumers.kafka.source import Source

__all__ = ["Message", "Publisher", "Source", "ensure_topics"]

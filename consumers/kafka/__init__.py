"""Kafka, and the only place that knows its client library: batches in, dead letters out, topics made."""

from consumers.kafka.producer import Message, Producer, ensure_topics
from consumers.kafka.source import Source

__all__ = ["Message", "Producer", "Source", "ensure_topics"]

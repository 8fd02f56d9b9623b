"""Kafka, and the only place that knows its client library: batches in, dead letters out, topics made."""

from consumers.kafka.publisher import DeadLetterPublisher, Message, ensure_topics
from consumers.kafka.source import Source

__all__ = ["DeadLetterPublisher", "Message", "Source", "ensure_topics"]

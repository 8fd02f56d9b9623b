"""How records are read, made from the settings: the formats of topics, and the schema registry.

Called by `deploy.roles`: by `ingest`, and by `api` for dead letters that are retried.
"""

from __future__ import annotations

from consumers.cloud_events import Clock
from consumers.schemas import SchemaRegistry
from consumers.topic_formats import RecordReader
from deploy.kafka_settings import KafkaSettings, secret_of, topic_formats


def record_reader(settings: KafkaSettings, clock: Clock) -> RecordReader:
    """Returns what reads records by the formats of their topics."""
    registry = None
    if settings.schema_registry_url is not None:
        password = None
        if settings.schema_registry_username is not None:
            password = secret_of(settings.schema_registry_password, settings.schema_registry_password_file, "registry")
        registry = SchemaRegistry(
            settings.schema_registry_url, settings.schema_registry_username, password, settings.schema_registry_cafile
        )
    return RecordReader(clock, topic_formats(settings), registry)

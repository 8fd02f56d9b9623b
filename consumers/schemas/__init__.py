"""Records in the framing of a schema registry: Avro, Protobuf and JSON, decoded by schemas that are fetched once.

The only package that imports the libraries of Avro and Protobuf, when the first record needs them.
"""

from consumers.schemas.registry import SchemaRegistry, is_framed

__all__ = ["SchemaRegistry", "is_framed"]

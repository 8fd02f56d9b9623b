"""What request bodies have in common: strict models, texts that can be stored, filters; the answer to any write."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

# PostgreSQL cannot store NUL.
STORABLE = r"^[^\x00]*$"
AttributeValue = str | int | float | bool | list[str]


class RequestBody(BaseModel):
    """A body of exactly these fields, of exactly their types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Stored(TypedDict):
    """What was stored, where it cannot be shown yet."""

    id: UUID
    version: int


def without_default(schema: dict[str, Any]) -> None:
    """Remove the default from a field's JSON schema: what an edit leaves out stays as it is."""
    schema.pop("default", None)


def _array_or_object(given: object) -> object:
    """Accept an object or an array; the domain checks what is in it."""
    if not isinstance(given, dict | list):
        raise PydanticCustomError("filter_type", "needs an array of conditions, or an object with all, any or not")
    return given


# In the document, a reference to the schema of that name; see `api.http.shapes.filters`.
Filter = Annotated[Any, AfterValidator(_array_or_object), WithJsonSchema({"x-schema": "Filter"})]

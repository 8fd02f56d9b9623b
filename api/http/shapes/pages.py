"""A page of any list."""

from __future__ import annotations

from typing import Annotated, Generic, NotRequired, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

Item = TypeVar("Item")


class PageOf(TypedDict, Generic[Item]):
    """A page; `next_cursor` is null on the last one."""

    data: list[Item]
    next_cursor: str | None
    total: NotRequired[Annotated[int, Field(description="Only with `include=total`.")]]

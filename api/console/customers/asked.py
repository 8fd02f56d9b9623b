"""What the address of the page Customers asks for: words, a filter as JSON, and the columns that are shown.

Everything is in the address, so that a search can be bookmarked, sent to a colleague, and gone back to. Where it names
no columns, they are those that the person chose last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request

from api.console.customers.remembered import remembered_columns
from api.console.filters.address import FilterText, parse_filter_text
from api.console.filters.values import to_json_line
from api.console.paths import CONSOLE_PATH
from api.console.web.rendering import with_query
from api.console.web.session import SignedIn
from api.http.parameters import TEXT_PATTERN
from domain.filters.customer_search import MAX_TEXT, CustomerSearch

CUSTOMERS_PATH = f"{CONSOLE_PATH}/customers"
SEPARATOR = ","

QueryText = Annotated[str, Query(max_length=MAX_TEXT, pattern=TEXT_PATTERN)]
ColumnTexts = Annotated[list[Annotated[str, Query(max_length=8_000, pattern=TEXT_PATTERN)]], Query(alias="columns")]


class AskedCustomers(NamedTuple):
    """What is asked for. `filter` is `None` without one, `columns` (keys of attributes) where the address has none.

    `remembered` are the columns that the person chose last, of which the address says nothing.
    """

    query: str
    filter: Any
    columns: tuple[str, ...] | None
    remembered: tuple[str, ...] | None = None

    @property
    def shown(self) -> tuple[str, ...] | None:
        """The columns that are shown; `None`: the usual ones."""
        return self.columns or self.remembered

    @property
    def search(self) -> CustomerSearch:
        """The search that it means."""
        return CustomerSearch(self.query, self.filter)

    @property
    def filter_text(self) -> str:
        """The filter as it stands in an address."""
        return "" if self.filter is None else to_json_line(self.filter)

    @property
    def columns_text(self) -> str:
        """The columns as they stand in an address."""
        return SEPARATOR.join(self.columns or ())

    def address(self, path: str = CUSTOMERS_PATH, **others: Any) -> str:
        """Returns the address of a page that asks for the same."""
        return with_query(path, query=self.query, filter=self.filter_text, columns=self.columns_text, **others)


def asked_for(
    request: Request,
    user: SignedIn,
    query: QueryText = "",
    filter_text: FilterText = "",
    columns: ColumnTexts = [],  # noqa: B006
) -> AskedCustomers:
    """Returns what an address asks for, in which columns are one text or several. Raises `Invalid`."""
    kept = remembered_columns(request, user)
    return AskedCustomers(query, parse_filter_text(filter_text), keys_in(columns), kept)


def keys_in(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the columns that some texts name, each once; `None` for none."""
    return tuple(dict.fromkeys(key for text in texts for key in text.split(SEPARATOR) if key)) or None


Asked = Annotated[AskedCustomers, Depends(asked_for)]

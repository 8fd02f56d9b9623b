"""The customers that a form is about: those ticked, or all who match what the list below it shows.

A list's form sends `ticked` and `customer_id` (see `static/ticks.js`), or `all` with the list's `query`, `filter`
(JSON), `in` and `not_in`. The dialogs between pass them on in hidden fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from api.console.web.form_body import FormFields
from api.http.dependencies import Services
from api.http.lookup import parse_segment_id
from api.http.parameters import parse_uuid
from api.jobs.asking import start_job
from domain import json_text
from domain.errors import NotFound
from domain.filters.customer_search import CustomerSearch
from domain.jobs.job import JobTask
from projections.read.searches.found import count, prepare
from projections.records.jobs.rows import JobRow

SEARCH_FIELDS = ("query", "filter", "in", "not_in")


class Selection(NamedTuple):
    """Ticked customers, or all who match a search; `fields` are what a form sends to say the same again."""

    ids: Sequence[UUID]
    search: CustomerSearch | None
    fields: dict[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ticked."""
        return self.search is None and not self.ids

    @property
    def query(self) -> str:
        """What was searched for, if anything."""
        return "" if self.search is None else self.search.text


def selection_of(form: FormFields) -> Selection:
    """Returns what a form selects. Raises `NotFound` for a text that is no id."""
    if form.text("all"):
        fields = {"all": "1"} | {name: form.text(name) for name in SEARCH_FIELDS if form.text(name)}
        in_segment, not_in_segment = (
            parse_segment_id(fields[name]) if name in fields else None for name in ("in", "not_in")
        )
        filter_ = json_text.parse(fields["filter"].encode()) if "filter" in fields else None
        return Selection((), CustomerSearch(fields.get("query", ""), filter_, in_segment, not_in_segment), fields)
    texts = dict.fromkeys([*form.text("ticked").split(), *form.all("customer_id")])
    ids = [parse_uuid(each) for each in texts]
    if None in ids:
        raise NotFound("customer_not_found", "no such customer in this account")
    return Selection([each for each in ids if each is not None], None, {"ticked": " ".join(texts)})


def size_of(services: Services, connection: Any, account_id: UUID, selection: Selection) -> int:
    """Returns how many customers are selected now. Raises `Invalid`."""
    search = selection.search
    if search is None:
        return len(selection.ids)
    node = None if search.filter is None else services.rollcall.segments.parse_filter(account_id, search.filter)
    return count(connection, prepare(connection, account_id, search, node, services.rollcall.now()))


def start(services: Services, account_id: UUID, task: JobTask, selection: Selection) -> JobRow:
    """Begin a job for the selected customers. Returns it."""
    return start_job(services, account_id, task, selection.search or selection.ids)


def new_task(action: Any, by: str, **fields: Any) -> JobTask:
    """Returns a task with an id of its own."""
    return JobTask(uuid4(), action, by=by, **fields)

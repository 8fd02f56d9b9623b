"""What stands in the form of a segment, and whether it could be saved. Used by the form and by its live count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.console.filters.form import Group, Row, act, first_row, read_form
from api.console.filters.stored import Written, form_of, written
from api.console.filters.vocabulary import Vocabulary, vocabulary
from api.console.web.form_body import Posted
from api.console.web.rendering import sentence
from api.http.context import Context
from domain.errors import Invalid
from domain.filters.conditions import Node
from domain.segment import check_texts
from projections.read import accounts, segments
from projections.read.segments import SegmentRow

LABELS = {"name": "Segment Name", "description": "Description"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the form needs to know of an account; `own_id` is the segment that is edited."""

    words: Vocabulary
    zone: ZoneInfo
    own_id: UUID | None = None


@dataclass
class Draft:
    """The form's fields. `notes` stand beside conditions and groups, by place; `errors` belong to fields, by id.

    Once somebody `tried` to save it, what is not finished is a mistake.
    """

    name: str = ""
    description: str = ""
    dynamic: bool = False
    root: Group = field(default_factory=first_row)
    notes: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    focus: str | None = None
    tried: bool = False


def known_to(connection: Any, account_id: UUID, own_id: UUID | None = None) -> Known:
    """What filters of this account may speak of, but for the segment `own_id` itself."""
    names = segments.names(connection, account_id)
    days, _ = accounts.calendar(connection, account_id)
    others = {str(each): name for each, name in names.items() if each != own_id}
    return Known(vocabulary(accounts.attributes(connection, account_id), others), days.zone, own_id)


def stored_draft(row: SegmentRow, known: Known) -> Draft:
    """The form of a segment as it is stored."""
    dynamic = row.type == "dynamic"
    root = form_of(row.filter, known.words, known.zone) if dynamic else first_row()
    return Draft(row.name, row.description, dynamic, root)


def posted_draft(form: Posted, known: Known) -> Draft:
    """The form as it was sent, after whatever the pressed button of the builder does to it."""
    root = read_form(form.pairs(), known.words)
    draft = Draft(
        form.one("name"), form.one("description"), bool(form.one("dynamic")), root, tried=bool(form.one("tried"))
    )
    draft.focus = act(root, form.one("action"), known.words)
    return draft


def checked_filter(
    here: Context, account_id: UUID, draft: Draft, known: Known
) -> tuple[Written, Node | None, dict[str, str]]:
    """The filter that stands in the form; its tree where it means something; otherwise what to do, by place."""
    told = written(draft.root, known.zone)
    if told.unfinished:
        return told, None, dict(told.unfinished)
    try:
        return told, here.rollcall.segments.parse_filter(account_id, told.filter, known.own_id), {}
    except Invalid as wrong:
        return told, None, {path: sentence(detail) for path, detail in told.mistakes(wrong.errors).items()}


def check(here: Context, account_id: UUID, draft: Draft, known: Known) -> Any:
    """The filter as JSON, `None` for a static segment; every mistake of the form goes into its errors."""
    draft.tried = True
    attempt(draft, lambda: check_texts(draft.name, draft.description))
    if not draft.dynamic:
        return None
    told, _, draft.notes = checked_filter(here, account_id, draft, known)
    for path, note in draft.notes.items():
        node = node_at(draft.root, path)
        draft.errors[place_of(node)] = f"{label_of(node, known.words)}: {note}"
    return told.filter


def attempt(draft: Draft, work: Callable[[], Any]) -> Any:
    """What `work` gives; `None` where the domain refuses a text, which is then said beside it."""
    try:
        return work()
    except Invalid as wrong:
        for error in wrong.errors:
            name = error.pointer.removeprefix("/")
            detail = "Give the segment a name" if error.code == "name_required" else error.detail
            draft.errors[name if name in LABELS else ""] = sentence(detail)
        return None


def node_at(root: Group, path: str) -> Group | Row:
    """The node of a form at a place."""
    return next((node for _, node in root.everything() if node.path == path), root)


def place_of(node: Group | Row) -> str:
    """The id of the input that a mistake of a node is about."""
    return f"{node.path}-match" if isinstance(node, Group) else node.value_id


def label_of(node: Group | Row, words: Vocabulary) -> str:
    """How a message calls a node."""
    if isinstance(node, Group):
        return "Filters" if node.level == 0 else "Group"
    return words.label(node.attribute) if node.attribute else "Filter"

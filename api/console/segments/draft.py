"""The content of a segment's form, and whether it could be saved. Used by the form's pages and by its live count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from api.console.filters.conversion import form_from_filter, to_filter_json
from api.console.filters.form import FilterGroup, FilterRow, apply_action, empty_form, form_from_fields
from api.console.filters.vocabulary import FilterVocabulary, filter_vocabulary
from api.console.web.form_body import FormFields
from api.console.web.rendering import sentence
from api.http.dependencies import Services
from domain.errors import Invalid
from domain.filters.conditions import Node
from domain.segment import check_texts
from projections.read import accounts, segments
from projections.read.segments import SegmentRow

LABELS = {"name": "Segment Name", "description": "Description"}


@dataclass(frozen=True, slots=True)
class FormContext:
    """What the form needs to know about an account; `own_id` is the segment that is edited."""

    vocabulary: FilterVocabulary
    zone: ZoneInfo
    own_id: UUID | None = None


@dataclass
class Draft:
    """The form's fields. `notes` are shown beside conditions and groups, by path; `errors` are fields' errors, by id.

    After an attempt to save (`tried`), unfinished conditions are errors.
    """

    name: str = ""
    description: str = ""
    dynamic: bool = False
    root: FilterGroup = field(default_factory=empty_form)
    notes: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    focus: str | None = None
    tried: bool = False


class CheckedFilter(NamedTuple):
    """The filter of a form as JSON, its tree if it is valid, and otherwise notes on what to do, by path."""

    json: Any
    tree: Node | None
    notes: dict[str, str]


def form_context(connection: Any, account_id: UUID, own_id: UUID | None = None) -> FormContext:
    """Returns what filters of this account may use, except the segment `own_id` itself."""
    names = segments.names(connection, account_id)
    days, _ = accounts.calendar(connection, account_id)
    others = {str(each): name for each, name in names.items() if each != own_id}
    return FormContext(filter_vocabulary(accounts.attributes(connection, account_id), others), days.zone, own_id)


def draft_from_segment(row: SegmentRow, context: FormContext) -> Draft:
    """Returns the form of a segment as it is stored."""
    dynamic = row.type == "dynamic"
    root = form_from_filter(row.filter, context.vocabulary, context.zone) if dynamic else empty_form()
    return Draft(row.name, row.description, dynamic, root)


def draft_from_form(form: FormFields, context: FormContext) -> Draft:
    """Returns the form as it was sent, after the action of the builder's button that was pressed."""
    root = form_from_fields(form.pairs(), context.vocabulary)
    draft = Draft(
        name=form.text("name"),
        description=form.text("description"),
        dynamic=bool(form.text("dynamic")),
        root=root,
        tried=bool(form.text("tried")),
    )
    draft.focus = apply_action(root, form.text("action"), context.vocabulary)
    return draft


def check_filter(services: Services, account_id: UUID, draft: Draft, context: FormContext) -> CheckedFilter:
    """Returns the filter in the form, checked by the domain."""
    result = to_filter_json(draft.root, context.zone)
    if result.unfinished:
        return CheckedFilter(result.json, None, dict(result.unfinished))
    try:
        tree = services.rollcall.segments.parse_filter(account_id, result.json, context.own_id)
    except Invalid as invalid:
        errors = result.errors_by_path(invalid.errors)
        return CheckedFilter(result.json, None, {path: sentence(detail) for path, detail in errors.items()})
    return CheckedFilter(result.json, tree, {})


def check_draft(services: Services, account_id: UUID, draft: Draft, context: FormContext) -> Any:
    """Notes every error of the form in the draft. Returns the filter as JSON, `None` for a static segment."""
    draft.tried = True
    noting_errors(draft, lambda: check_texts(draft.name, draft.description))
    if not draft.dynamic:
        return None
    checked = check_filter(services, account_id, draft, context)
    draft.notes = checked.notes
    for path, note in draft.notes.items():
        node = _node_at(draft.root, path)
        draft.errors[_input_id_of(node)] = f"{_label_of(node, context.vocabulary)}: {note}"
    return checked.json


def noting_errors(draft: Draft, work: Callable[[], Any]) -> Any:
    """Returns what `work` returns; `None` where the domain refuses a text, which is noted as an error of the draft."""
    try:
        return work()
    except Invalid as invalid:
        for error in invalid.errors:
            name = error.pointer.removeprefix("/")
            detail = "Enter a name for the segment" if error.code == "name_required" else error.detail
            draft.errors[name if name in LABELS else ""] = sentence(detail)
        return None


def _node_at(root: FilterGroup, path: str) -> FilterGroup | FilterRow:
    return next((node for _, node in root.descendants() if node.path == path), root)


def _input_id_of(node: FilterGroup | FilterRow) -> str:
    return f"{node.path}-match" if isinstance(node, FilterGroup) else node.value_id


def _label_of(node: FilterGroup | FilterRow, vocabulary: FilterVocabulary) -> str:
    """Returns what a message calls a node."""
    if isinstance(node, FilterGroup):
        return "Filters" if node.level == 0 else "Group"
    return vocabulary.label(node.attribute) if node.attribute else "Filter"

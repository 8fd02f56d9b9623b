"""The content of a segment's form, and whether it could be saved. Used by the form's pages and by its live count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from api.console.filters.actions import apply_action
from api.console.filters.conversion import form_from_filter, show_mended, to_filter_json
from api.console.filters.form import FilterGroup, FilterRow, empty_form, form_from_fields, segments_mentioned
from api.console.filters.pasted import PASTED, Pasted, parse_pasted
from api.console.filters.vocabulary import FilterVocabulary, filter_vocabulary
from api.console.web.form_body import FormFields
from api.console.web.rendering import sentence
from api.http.dependencies import Services
from domain.errors import Invalid
from domain.filters.conditions import Node
from domain.filters.nesting import segments_named
from domain.filters.templates import templates
from domain.segment import check_texts
from domain.texts.language import said
from projections.read import accounts, segments
from projections.read.segments import SegmentRow

LABELS = {"name": said("Segment Name"), "description": said("Description")}


@dataclass(frozen=True, slots=True)
class FormContext:
    """What the form needs to know about an account; `own_id` is the segment that is edited.

    The vocabulary has the segments that the form mentions, not all of them.
    """

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
    # A filter that was pasted as JSON and cannot be shown, and why.
    pasted: str = ""
    paste_error: str = ""


class CheckedFilter(NamedTuple):
    """The filter of a form as JSON, its tree if it is valid, and otherwise notes on what to do, by path.

    `nodes` are the trees of the form's nodes, by path.
    """

    json: Any
    tree: Node | None
    notes: dict[str, str]
    nodes: dict[str, Node]


def form_context(
    connection: Any, account_id: UUID, own_id: UUID | None = None, *, form: FormFields | None = None, stored: Any = None
) -> FormContext:
    """Returns what the filters in a form, or a stored one, use of this account; not the segment `own_id` itself."""
    texts = segments_mentioned(form.pairs()) if form else set()
    pasted = None if form is None else parse_pasted(form.text(PASTED)).json
    for raw in (stored, pasted):
        texts |= segments_named(raw)
    names = segments.mentioned(connection, account_id, texts) if texts else {}
    days, _ = accounts.calendar(connection, account_id)
    others = {each: name for each, name in names.items() if each != str(own_id)}
    activities = accounts.activities(connection, account_id)
    vocabulary = filter_vocabulary(accounts.attributes(connection, account_id), others, activities)
    return FormContext(vocabulary, days.zone, own_id)


def draft_from_segment(row: SegmentRow, context: FormContext) -> Draft:
    """Returns the form of a segment as it is stored."""
    dynamic = row.type == "dynamic"
    root = form_from_filter(row.filter, context.vocabulary, context.zone) if dynamic else empty_form()
    return Draft(row.name, row.description, dynamic, root)


def draft_with_filter(raw: Any, context: FormContext) -> Draft:
    """Returns the form of a new dynamic segment with this filter."""
    return Draft(dynamic=True, root=form_from_filter(raw, context.vocabulary, context.zone))


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
    verb, _, argument = form.text("action").partition(":")
    if verb:
        show_mended(root, context.vocabulary, context.zone)
    if verb in ("paste", "template"):
        _replace_filter(draft, form, verb, argument, context)
    else:
        draft.focus = apply_action(root, form.text("action"), context.vocabulary)
    return draft


def _replace_filter(draft: Draft, form: FormFields, verb: str, argument: str, context: FormContext) -> None:
    """Puts a filter that was pasted as JSON, or a template, in place of the one in the form."""
    draft.pasted = form.text(PASTED) if verb == "paste" else ""
    if verb == "paste":
        pasted = parse_pasted(draft.pasted)
        draft.paste_error = pasted.error
    else:
        found = (
            each.filter
            for each in templates(context.vocabulary.types, context.vocabulary.activities)
            if each.id == argument
        )
        pasted = Pasted(next(found, None), "")
    if pasted.json is not None:
        draft.root = form_from_filter(pasted.json, context.vocabulary, context.zone)
        draft.focus, draft.pasted = f"{draft.root.path}-match", ""
    elif verb == "paste":
        draft.focus = PASTED


def check_filter(services: Services, account_id: UUID, draft: Draft, context: FormContext) -> CheckedFilter:
    """Returns the filter in the form, checked by the domain."""
    result = to_filter_json(draft.root, context.zone)
    if result.unfinished:
        return CheckedFilter(result.json, None, dict(result.unfinished), {})
    parsed: dict[str, Node] = {}
    try:
        tree = services.rollcall.segments.parse_filter(account_id, result.json, context.own_id, parsed)
    except Invalid as invalid:
        errors = result.errors_by_path(invalid.errors)
        return CheckedFilter(result.json, None, {path: sentence(detail) for path, detail in errors.items()}, {})
    return CheckedFilter(result.json, tree, {}, result.by_path(parsed))


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
        label = _label_of(node, context.vocabulary)
        draft.errors[_input_id_of(node) if node.path == path else path] = said(
            "%(label)s: %(note)s", label=label, note=note
        )
    return checked.json


def noting_errors(draft: Draft, work: Callable[[], Any]) -> Any:
    """Returns what `work` returns; `None` where the domain refuses a text, which is noted as an error of the draft."""
    try:
        return work()
    except Invalid as invalid:
        for error in invalid.errors:
            name = error.pointer.removeprefix("/")
            is_missing = error.code == "name_required"
            detail = said("Enter a name for the segment.") if is_missing else sentence(error.detail)
            draft.errors[name if name in LABELS else ""] = detail
        return None


def _node_at(root: FilterGroup, path: str) -> FilterGroup | FilterRow:
    places = {root.path: root} | {node.path: node for _, node in root.descendants()}
    return places.get(path) or places.get(path.rpartition("-")[0], root)  # the inputs of a row, and where it looks


def _input_id_of(node: FilterGroup | FilterRow) -> str:
    return f"{node.path}-match" if isinstance(node, FilterGroup) else node.value_id


def _label_of(node: FilterGroup | FilterRow, vocabulary: FilterVocabulary) -> str:
    """Returns what a message calls a node."""
    if isinstance(node, FilterGroup):
        return said("Filters") if node.level == 0 else said("Group")
    return vocabulary.about(node.of).label(node.attribute) if node.attribute else said("Filter")
